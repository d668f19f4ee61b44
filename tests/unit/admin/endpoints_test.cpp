// Each endpoint over a real socket, against what Envoy 1.40 answers.
#include <cstdio>
#include <string>

#include "admin_fixture.hpp"
#include "catch.hpp"

using namespace holdfast::admin;
using holdfast::admin::test::Fixture;
using holdfast::admin::test::Reply;

namespace {

constexpr const char* kTextHead =
    "HTTP/1.1 200 OK\r\n"
    "content-type: text/plain; charset=UTF-8\r\n"
    "cache-control: no-cache, max-age=0\r\n"
    "x-content-type-options: nosniff\r\n"
    "date: <date>\r\n"
    "server: envoy\r\n"
    "connection: close\r\n"
    "transfer-encoding: chunked\r\n\r\n";

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

ClusterInfo cluster_cb() {
  ClusterInfo cluster;
  cluster.name = "cb";
  cluster.limits.max_connections = 1;
  HostInfo host;
  host.address = "127.0.0.1";
  host.port = 19702;
  host.hostname = "localhost";
  holdfast::stats::HostStats worker;
  worker.cx_active.add();
  worker.cx_total.add();
  worker.rq_success.add(2);
  worker.rq_total.add(2);
  host.counts.add(worker);
  host.counts.add(worker);
  cluster.hosts.push_back(host);
  return cluster;
}

}  // namespace

TEST_CASE("GET /ready tells the state as Envoy does", "[admin]") {
  Fixture f;
  Reply reply = f.get("/ready");
  CHECK(reply.head == kTextHead);
  CHECK(reply.body == "LIVE\n");
  const std::vector<std::pair<ServerState, std::string>> states = {
      {ServerState::draining, "DRAINING\n"},
      {ServerState::pre_initializing, "PRE_INITIALIZING\n"},
      {ServerState::initializing, "INITIALIZING\n"}};
  for (const auto& [state, body] : states) {
    f.on_server([&f, s = state] { f.state = s; });
    reply = f.get("/ready");
    CHECK(reply.head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    CHECK(reply.body == body);
    CHECK(f.get("/livez").status == 200);
  }
}

TEST_CASE("GET endpoints answer any method, and HEAD without a body", "[admin]") {
  Fixture f;
  CHECK(f.request("PUT", "/ready").body == "LIVE\n");
  CHECK(f.request("POST", "/ready").body == "LIVE\n");
  const Reply head = f.request("HEAD", "/ready");
  CHECK(head.head == kTextHead);
  CHECK(head.body.empty());
}

TEST_CASE("what changes something answers POST only", "[admin]") {
  Fixture f;
  for (const char* path : {"/logging", "/drain_listeners", "/healthcheck/fail", "/healthcheck/ok",
                           "/quitquitquit", "/reset_counters", "/reopen_logs"}) {
    const Reply reply = f.get(path);
    CHECK(reply.status == 405);
    CHECK(reply.body == "Method GET not allowed, POST required.");
  }
  CHECK(f.request("DELETE", "/quitquitquit").body == "Method DELETE not allowed, POST required.");
  f.on_server([&f] { CHECK(f.calls.empty()); });
}

TEST_CASE("an unknown path is answered with the list of commands", "[admin]") {
  Fixture f;
  for (const char* path : {"/nope", "/ready/", "/stats/", "*"}) {
    const Reply reply = f.get(path);
    CHECK(reply.status == 404);
    CHECK(reply.body.starts_with("invalid path. admin commands are:\n  /: Admin home page\n"));
  }
  const Reply help = f.get("/help");
  CHECK(help.status == 200);
  CHECK(help.body.starts_with("admin commands are:\n  /: Admin home page\n"));
  CHECK(contains(help.body,
                 "  /listeners: print listener info\n"
                 "      format: File format to use; One of (text, json)\n"));
  CHECK(contains(help.body, "  /quitquitquit (POST): exit the server\n"));
}

TEST_CASE("slashes that repeat count once, a query is not part of the path", "[admin]") {
  Fixture f;
  CHECK(f.get("//ready").body == "LIVE\n");
  CHECK(f.get("/ready?x=y").body == "LIVE\n");
  CHECK(f.get("/healthcheck//fail").status == 405);
}

TEST_CASE("GET / is a page with a link or a form for each command", "[admin]") {
  Fixture f;
  const Reply reply = f.get("/");
  CHECK(contains(reply.head, "content-type: text/html; charset=UTF-8\r\n"));
  CHECK(contains(reply.body, "<a href='/stats/prometheus'>stats/prometheus</a>"));
  CHECK(contains(reply.body, "<form action='/quitquitquit' method='post'>"));
}

TEST_CASE("GET /listeners in both formats", "[admin]") {
  Fixture f;
  CHECK(f.get("/listeners").body == "main::127.0.0.1:19700\nback::[::1]:19702\n");
  CHECK(f.get("/listeners?format=bad").body == "main::127.0.0.1:19700\nback::[::1]:19702\n");
  f.on_server([&f] { f.listeners.pop_back(); });
  const Reply reply = f.get("/listeners?format=json");
  CHECK(contains(reply.head, "content-type: application/json\r\n"));
  CHECK(reply.body == R"({
 "listener_statuses": [
  {
   "name": "main",
   "local_address": {
    "socket_address": {
     "address": "127.0.0.1",
     "port_value": 19700
    }
   }
  }
 ]
}
)");
  f.on_server([&f] { f.listeners.clear(); });
  CHECK(f.get("/listeners?format=json").body == "{}\n");
}

TEST_CASE("GET /clusters prints Envoy's lines, summed over workers", "[admin]") {
  Fixture f;
  f.on_server([&f] { f.clusters = {cluster_cb()}; });
  CHECK(f.get("/clusters").body ==
        "cb::observability_name::cb\n"
        "cb::default_priority::max_connections::1\n"
        "cb::default_priority::max_pending_requests::1024\n"
        "cb::default_priority::max_requests::1024\n"
        "cb::default_priority::max_retries::3\n"
        "cb::high_priority::max_connections::1024\n"
        "cb::high_priority::max_pending_requests::1024\n"
        "cb::high_priority::max_requests::1024\n"
        "cb::high_priority::max_retries::3\n"
        "cb::added_via_api::false\n"
        "cb::127.0.0.1:19702::cx_active::2\n"
        "cb::127.0.0.1:19702::cx_connect_fail::0\n"
        "cb::127.0.0.1:19702::cx_total::2\n"
        "cb::127.0.0.1:19702::rq_active::0\n"
        "cb::127.0.0.1:19702::rq_error::0\n"
        "cb::127.0.0.1:19702::rq_pending_active::0\n"
        "cb::127.0.0.1:19702::rq_success::4\n"
        "cb::127.0.0.1:19702::rq_timeout::0\n"
        "cb::127.0.0.1:19702::rq_total::4\n"
        "cb::127.0.0.1:19702::hostname::localhost\n"
        "cb::127.0.0.1:19702::health_flags::healthy\n"
        "cb::127.0.0.1:19702::weight::1\n"
        "cb::127.0.0.1:19702::region::\n"
        "cb::127.0.0.1:19702::zone::\n"
        "cb::127.0.0.1:19702::sub_zone::\n"
        "cb::127.0.0.1:19702::canary::false\n"
        "cb::127.0.0.1:19702::priority::0\n"
        "cb::127.0.0.1:19702::success_rate::-1\n"
        "cb::127.0.0.1:19702::local_origin_success_rate::-1\n");
  CHECK(f.get("/clusters?filter=nope").body.empty());
  CHECK(contains(f.get("/clusters?filter=^c").body, "cb::added_via_api::false\n"));
  const Reply bad = f.get("/clusters?filter=[");
  CHECK(bad.status == 400);
  CHECK(bad.body == "Invalid re2 regex");
}

TEST_CASE("GET /clusters?format=json prints Envoy's fields", "[admin]") {
  Fixture f;
  f.on_server([&f] { f.clusters = {cluster_cb()}; });
  CHECK(f.get("/clusters?format=json").body == R"({
 "cluster_statuses": [
  {
   "name": "cb",
   "host_statuses": [
    {
     "address": {
      "socket_address": {
       "address": "127.0.0.1",
       "port_value": 19702
      }
     },
     "stats": [
      {
       "name": "cx_connect_fail"
      },
      {
       "value": "2",
       "name": "cx_total"
      },
      {
       "name": "rq_error"
      },
      {
       "value": "4",
       "name": "rq_success"
      },
      {
       "name": "rq_timeout"
      },
      {
       "value": "4",
       "name": "rq_total"
      },
      {
       "type": "GAUGE",
       "value": "2",
       "name": "cx_active"
      },
      {
       "type": "GAUGE",
       "name": "rq_active"
      },
      {
       "type": "GAUGE",
       "name": "rq_pending_active"
      }
     ],
     "health_status": {
      "eds_health_status": "HEALTHY"
     },
     "weight": 1,
     "hostname": "localhost",
     "locality": {}
    }
   ],
   "circuit_breakers": {
    "thresholds": [
     {
      "max_connections": 1,
      "max_pending_requests": 1024,
      "max_requests": 1024,
      "max_retries": 3
     },
     {
      "priority": "HIGH",
      "max_connections": 1024,
      "max_pending_requests": 1024,
      "max_requests": 1024,
      "max_retries": 3
     }
    ]
   },
   "observability_name": "cb"
  }
 ]
}
)");
}

TEST_CASE("GET /server_info", "[admin]") {
  Fixture f;
  CHECK(f.get("/server_info").body == R"({
 "version": "holdfast/1.2.3/TEST",
 "state": "LIVE",
 "uptime_current_epoch": "44s",
 "uptime_all_epochs": "44s",
 "hot_restart_version": "disabled",
 "command_line_options": {
  "concurrency": 2,
  "config_path": "e.yaml"
 },
 "node": {
  "id": "node-1",
  "cluster": "edge",
  "user_agent_name": "holdfast"
 }
}
)");
}

TEST_CASE("GET /memory and /hot_restart_version", "[admin]") {
  Fixture f;
  const Reply memory = f.get("/memory");
  CHECK(contains(memory.head, "content-type: application/json\r\n"));
  CHECK(memory.body.starts_with("{\n \"allocated\": \""));
  CHECK(contains(memory.body, "\n \"total_physical_bytes\": \""));
  CHECK_FALSE(contains(memory.body, "\"total_physical_bytes\": \"0\""));
  CHECK(f.get("/hot_restart_version").body == "disabled");
}

TEST_CASE("GET /config_dump wraps the bootstrap as Envoy does", "[admin]") {
  Fixture f;
  f.on_server([&f] {
    f.config_json =
        R"({"static_resources":{"clusters":[{"name":"cb"}],"listeners":[{"name":"main"}]}})";
  });
  std::string body = f.get("/config_dump").body;
  constexpr std::string_view kMask = "\"last_updated\": \"";
  for (std::size_t at = 0; (at = body.find(kMask, at)) != std::string::npos;) {
    at += kMask.size();
    const std::size_t end = body.find('"', at);
    REQUIRE(end - at == std::string_view("2026-11-23T21:01:39.167Z").size());
    body.replace(at, end - at, "T");
  }
  CHECK(body == R"({
 "configs": [
  {
   "@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump",
   "bootstrap": {
    "static_resources": {
     "clusters": [
      {
       "name": "cb"
      }
     ],
     "listeners": [
      {
       "name": "main"
      }
     ]
    }
   },
   "last_updated": "T"
  },
  {
   "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
   "static_clusters": [
    {
     "cluster": {
      "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
      "name": "cb"
     },
     "last_updated": "T"
    }
   ]
  },
  {
   "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
   "static_listeners": [
    {
     "listener": {
      "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
      "name": "main"
     },
     "last_updated": "T"
    }
   ]
  }
 ]
}
)");
  CHECK(contains(f.get("/config_dump?resource=static_clusters").body,
                 "\"@type\": \"type.googleapis.com/envoy.admin.v3.ClustersConfigDump."
                 "StaticCluster\",\n   \"cluster\": {"));
  CHECK(contains(f.get("/config_dump?resource=static_listeners").body,
                 "ListenersConfigDump.StaticListener"));
  const Reply bad = f.get("/config_dump?resource=nope");
  CHECK(bad.status == 404);
  CHECK(bad.body == "nope not found in config dump");
  CHECK(contains(bad.head, "content-type: text/plain\r\n"));
}

TEST_CASE("POST /logging lists and changes levels", "[admin]") {
  Fixture f;
  CHECK(f.post("/logging").body ==
        "active loggers:\n  admin: warning\n  http: warning\n  main: warning\n\n");
  CHECK(f.post("/logging?admin=info").body ==
        "active loggers:\n  admin: info\n  http: warning\n  main: warning\n\n");
  CHECK(f.post("/logging?paths=admin:trace,http:error").body ==
        "active loggers:\n  admin: trace\n  http: error\n  main: warning\n\n");
  CHECK(f.post("/logging?level=off").body ==
        "active loggers:\n  admin: off\n  http: off\n  main: off\n\n");
  CHECK(f.post("/logging?level=").body ==
        "active loggers:\n  admin: off\n  http: off\n  main: off\n\n");
}

TEST_CASE("POST /logging refuses what it does not know, and then changes nothing", "[admin]") {
  Fixture f;
  const std::string usage =
      "\n\nusage: /logging?<name>=<level> (change single level)\n"
      "usage: /logging?paths=name1:level1,name2:level2,... (change multiple levels)\n"
      "usage: /logging?level=<level> (change all levels)\n"
      "levels: trace debug info warning error critical off \n"
      "active loggers:\n  admin: warning\n  http: warning\n  main: warning\n\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"level=nope", "unknown logger level"},
      {"admin=nope", "unknown logger level"},
      {"adminx=info", "unknown logger name"},
      {"paths=admin:nope", "unknown logger level"},
      {"paths=nope:info", "unknown logger name"},
      {"paths=admin:info,nope:info", "unknown logger name"},
      {"paths=admin", "empty logger name or empty logger level"},
      {"paths=", "empty logger name or empty logger level"},
      {"admin=", "empty logger name or empty logger level"},
      {"a=b&c=d", "invalid number of parameters"},
  };
  for (const auto& [query, error] : cases) {
    CAPTURE(query);
    const Reply reply = f.post("/logging?" + query);
    CHECK(reply.status == 400);
    CHECK(reply.body == "error: " + error + usage);
  }
}

TEST_CASE("POST /healthcheck/fail and /ok move /ready", "[admin]") {
  Fixture f;
  CHECK(f.post("/healthcheck/fail").body == "OK\n");
  CHECK(f.get("/ready").body == "DRAINING\n");
  CHECK(f.post("/healthcheck/ok").body == "OK\n");
  CHECK(f.get("/ready").body == "LIVE\n");
}

TEST_CASE("POST /drain_listeners, /reopen_logs, /quitquitquit give their orders", "[admin]") {
  Fixture f;
  CHECK(f.post("/drain_listeners").body == "OK\n");
  CHECK(f.post("/drain_listeners?graceful").body == "OK\n");
  CHECK(f.post("/drain_listeners?graceful&skip_exit").body == "OK\n");
  CHECK(f.post("/drain_listeners?inboundonly").body == "OK\n");
  CHECK(f.post("/reopen_logs").body == "OK\n");
  CHECK(f.post("/quitquitquit").body == "OK\n");
  f.on_server([&f] {
    CHECK(f.calls == std::vector<std::string>{"drain 0", "drain 1", "drain 2", "reopen", "quit"});
  });
}

TEST_CASE("each request is offered to the access log", "[admin]") {
  Fixture f;
  f.get("/ready?a=b");
  f.request("HEAD", "/ready");
  f.post("/nope");
  f.on_server([&f] {
    REQUIRE(f.access_log.size() == 3);
    CHECK(f.access_log[0] == "GET /ready?a=b 200 5 admin");
    CHECK(f.access_log[1] == "HEAD /ready 200 0 admin");
    CHECK(f.access_log[2].starts_with("POST /nope 404 "));
  });
}
