//! legacy is a plugin of ABI 0.1.0 as the Rust SDK of that time made them. Built by tests/plugins/build.
use log::info;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, LogLevel};
use std::time::Duration;

#[no_mangle]
pub fn _start() {
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(Root) });
    proxy_wasm::set_http_context(|_, _| -> Box<dyn HttpContext> { Box::new(Exchange) });
}

struct Root;
struct Exchange;

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        info!("configuration of {} bytes: {:?}", size, self.get_configuration().map(|c| String::from_utf8_lossy(&c).into_owned()));
        true
    }
}

impl Context for Exchange {
    fn on_http_call_response(&mut self, _token: u32, _headers: usize, size: usize, _trailers: usize) {
        let body = self.get_http_call_response_body(0, size).unwrap_or_default();
        info!("answer of {} headers: {}", self.get_http_call_response_headers().len(), String::from_utf8_lossy(&body));
        self.set_http_request_header("x-answer", Some("yes"));
        self.resume_http_request();
    }
}

impl HttpContext for Exchange {
    fn on_http_request_headers(&mut self, count: usize) -> Action {
        let path = self.get_http_request_header(":path");
        info!("{} headers, path {:?}, missing {:?}", count, path, self.get_http_request_header("x-none"));
        match path.as_deref() {
            Some("/deny") => {
                self.send_http_response(403, vec![("x-why", "legacy")], Some(b"no\n"));
                Action::Pause
            }
            Some("/ask") => {
                let headers = vec![(":method", "GET"), (":path", "/asked"), (":authority", "side")];
                self.dispatch_http_call("side", headers, None, vec![], Duration::from_secs(1)).unwrap();
                Action::Pause
            }
            _ => Action::Continue,
        }
    }

    fn on_http_response_headers(&mut self, count: usize) -> Action {
        info!("{} response headers", count);
        self.set_http_response_header("x-legacy", Some("1"));
        Action::Continue
    }

    fn on_log(&mut self) {
        info!("logged");
    }
}
