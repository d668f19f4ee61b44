//! kitchen does what the request's path asks of it: one Rust plugin for many scenarios
//! (tests/differential/plugins/languages.py). Built by tests/plugins/build.
use log::{info, warn};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, MetricType};
use std::time::Duration;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::<Root>::default() });
}}

#[derive(Default)]
struct Root {
    greeting: String,
}

struct Exchange {
    greeting: String,
    path: String,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_vm_start(&mut self, size: usize) -> bool {
        info!("VM configuration of {size} bytes");
        true
    }

    fn on_configure(&mut self, _size: usize) -> bool {
        self.greeting = String::from_utf8(self.get_plugin_configuration().unwrap_or_default()).unwrap_or_default();
        !self.greeting.starts_with("refuse")
    }

    fn on_tick(&mut self) {
        self.set_tick_period(Duration::ZERO);
        info!("tick");
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Exchange { greeting: self.greeting.clone(), path: String::new() }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Exchange {
    fn on_http_call_response(&mut self, _token: u32, _headers: usize, size: usize, _trailers: usize) {
        let status = self.get_http_call_response_header(":status");
        let body = self.get_http_call_response_body(0, size).unwrap_or_default();
        info!("answer {:?}: {}", status, String::from_utf8_lossy(&body));
        self.add_http_request_header("x-answer", &String::from_utf8_lossy(&body));
        self.resume_http_request();
    }

    fn on_done(&mut self) -> bool {
        info!("{} is done", self.path);
        true
    }
}

impl Exchange {
    fn headers(&mut self) {
        self.add_http_request_header("x-added", "1");
        self.set_http_request_header("x-old", Some("new"));
        self.set_http_request_header("x-gone", None);
        info!("missing: {:?}", self.get_http_request_header("x-none"));
        for (name, value) in self.get_http_request_headers() {
            if name.starts_with("x-") && name != "x-request-id" {
                info!("  {name}: {value}");
            }
        }
        self.add_http_request_header_bytes("x-bytes", b"b\xc3\xa9");
    }

    fn ask(&mut self, cluster: &str) -> Action {
        let headers = vec![(":method", "POST"), (":path", "/asked"), (":authority", "side")];
        match self.dispatch_http_call(cluster, headers, Some(b"question"), vec![], Duration::from_secs(1)) {
            Ok(_) => Action::Pause,
            Err(status) => {
                warn!("call: {status:?}");
                Action::Continue
            }
        }
    }

    fn state(&mut self) {
        if let Ok(id) = proxy_wasm::hostcalls::define_metric(MetricType::Counter, "rust_requests") {
            proxy_wasm::hostcalls::increment_metric(id, 5).unwrap();
            info!("counter {:?}", proxy_wasm::hostcalls::get_metric(id));
        }
        let (_, cas) = self.get_shared_data("last");
        info!("set {:?}", self.set_shared_data("last", Some(self.path.as_bytes()), cas));
        let (value, cas) = self.get_shared_data("last");
        info!("shared {:?} {:?}", value.map(|v| String::from_utf8_lossy(&v).into_owned()), cas);
        info!("wrong cas {:?}", self.set_shared_data("last", None, Some(4711)));
        let queue = self.register_shared_queue("letters");
        info!("enqueue {:?}", self.enqueue_shared_queue(queue, Some(b"letter")));
        info!("dequeue {:?}", self.dequeue_shared_queue(queue));
        info!("dequeue {:?}", self.dequeue_shared_queue(queue));
        info!("route {:?}", self.get_property(vec!["xds", "cluster_name"]).map(|v| String::from_utf8_lossy(&v).into_owned()));
        info!("foreign {:?}", self.call_foreign_function("compress", Some(b"aaaaaaaa")).map(|v| v.is_some()));
        info!("time {}", self.get_current_time() > std::time::UNIX_EPOCH);
    }
}

impl HttpContext for Exchange {
    fn on_http_request_headers(&mut self, count: usize, end: bool) -> Action {
        self.path = self.get_http_request_header(":path").unwrap_or_default();
        info!("{}: {count} headers, end {end}", self.path);
        match self.path.as_str() {
            "/headers" => self.headers(),
            "/deny" => {
                self.send_http_response(403, vec![("x-why", &self.greeting)], Some(b"no\n"));
                return Action::Pause;
            }
            "/ask" => return self.ask("side"),
            "/nowhere" => return self.ask("nowhere"),
            "/state" => self.state(),
            "/panic" => panic!("as was asked"),
            "/index" => info!("{}", [1, 2][self.path.len()]),
            _ => {}
        }
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        if self.path != "/body" {
            return Action::Continue;
        }
        if !end {
            return Action::Pause;
        }
        let body = self.get_http_request_body(0, size).unwrap_or_default();
        self.set_http_request_body(0, size, &body.to_ascii_uppercase());
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, end: bool) -> Action {
        info!("response {:?}, end {end}", self.get_http_response_header(":status"));
        self.add_http_response_header("x-kitchen", &self.greeting);
        if self.path == "/body" {
            self.set_http_response_header("content-length", None);
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        if self.path != "/body" {
            return Action::Continue;
        }
        if !end {
            return Action::Pause;
        }
        self.set_http_response_body(size, 0, b">");
        self.set_http_response_body(0, 0, b"<");
        Action::Continue
    }

    fn on_log(&mut self) {
        info!("{} is logged", self.path);
    }
}
