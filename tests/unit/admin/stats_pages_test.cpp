// /stats, /stats/prometheus and /metrics over a real socket; promtool judges the last.
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "admin_fixture.hpp"
#include "catch.hpp"

using namespace holdfast::admin;
using holdfast::admin::test::Fixture;
using holdfast::admin::test::Reply;
namespace stats = holdfast::stats;

namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// Something in each scope, so that each family of /metrics has a sample.
struct Everything {
  stats::ListenerStats listener;
  stats::HcmStats http;
  stats::ClusterStats cluster;
  stats::ClusterUpdateStats updates;
  stats::DispatchStats dispatch;
  stats::DnsStats dns;
  stats::AccessLogStats access_logs;

  explicit Everything(Fixture& f) {
    http.downstream_rq.add(200);
    http.downstream_rq_time.record(1'500);
    cluster.upstream_rq.add(503);
    cluster.upstream_cx_total.add(2);
    cluster.external_upstream_rq.add(200);
    cluster.internal_upstream_rq.add(200);
    dispatch.hold_time.record(20'000);
    dispatch.holds_active.add();
    f.on_server([&] {
      f.registry.server().live.set(1);
      f.registry.add_listener("main", "127.0.0.1:19700", {&listener});
      f.registry.add_http("ingress_http", "main", "127.0.0.1:19700", {&http});
      f.registry.add_cluster("cb", {&cluster}, stats::Registry::TrackRemaining::yes);
      f.registry.add_cluster_updates("cb", &updates, stats::Registry::Discovery::dns);
      f.registry.add_dispatch("cb", {&dispatch});
      f.registry.add_dns(&dns);
      f.registry.add_access_logs({&access_logs});
      ClusterInfo info;
      info.name = "cb";
      info.hosts.resize(2);
      info.hosts[0].address = "127.0.0.1";
      info.hosts[0].port = 80;
      info.hosts[0].counts.rq_success = 7;
      info.hosts[1].address = "::1";
      info.hosts[1].port = 80;
      info.hosts[1].healthy = false;
      f.clusters = {info};
    });
  }
};

}  // namespace

TEST_CASE("GET /stats filters by regex, type and use", "[admin]") {
  Fixture f;
  const Everything all(f);
  CHECK(f.get("/stats?filter=server.live").body == "server.live: 1\n");
  CHECK(f.get("/stats?filter=server%2Elive").body == "server.live: 1\n");
  CHECK(f.post("/stats?filter=server.live").body == "server.live: 1\n");
  CHECK(f.get("/stats?filter=nomatch").body.empty());
  CHECK(f.get("/stats?usedonly&filter=cluster.cb.upstream_(cx|rq_...$)").body ==
        "cluster.cb.upstream_cx_total: 2\n"
        "cluster.cb.upstream_rq_503: 1\n"
        "cluster.cb.upstream_rq_5xx: 1\n");
  CHECK(f.get("/stats?type=Gauges&filter=server.(l|c)").body ==
        "server.concurrency: 0\nserver.live: 1\n");
  CHECK(f.get("/stats?type=Counters&filter=server.live").body.empty());
  CHECK(f.get("/stats?type=Histograms&filter=initialization").body ==
        "server.initialization_time_ms: No recorded values\n");
  CHECK(f.get("/stats?type=TextReadouts").body.empty());
  // The first of equal parameters counts.
  CHECK(f.get("/stats?filter=server.live&filter=nomatch").body == "server.live: 1\n");
  CHECK_FALSE(contains(f.get("/stats?filter=cluster&invert_filter").body, "cluster.cb"));
}

TEST_CASE("GET /stats refuses what it does not know, in Envoy's words", "[admin]") {
  Fixture f;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"filter=[", "Invalid re2 regex: missing ]: ["},
      {"type=bad", "invalid &type= param"},
      {"type=counters", "invalid &type= param"},
      {"format=bad", "usage: /stats?format=(json|prometheus|text)\n\n"},
      {"histogram_buckets=bad", "usage: /stats?histogram_buckets=(summary)\n"},
  };
  for (const auto& [query, body] : cases) {
    CAPTURE(query);
    const Reply reply = f.get("/stats?" + query);
    CHECK(reply.status == 400);
    CHECK(reply.body == body);
  }
  CHECK(f.get("/stats/prometheus?filter=[").body == "Invalid re2 regex: missing ]: [");
}

TEST_CASE("GET /stats in JSON and Prometheus' format", "[admin]") {
  Fixture f;
  const Everything all(f);
  const Reply json = f.get("/stats?format=json&filter=server.live");
  CHECK(contains(json.head, "content-type: application/json\r\n"));
  CHECK(json.body == R"({"stats":[{"name":"server.live","value":1}]})");
  const std::string expected =
      "# TYPE envoy_cluster_upstream_cx_total counter\n"
      "envoy_cluster_upstream_cx_total{envoy_cluster_name=\"cb\"} 2\n";
  CHECK(f.get("/stats?format=prometheus&filter=cb.*cx_total").body == expected);
  const Reply prometheus = f.get("/stats/prometheus?filter=cb.*cx_total&usedonly");
  CHECK(contains(prometheus.head, "content-type: text/plain; charset=UTF-8\r\n"));
  CHECK(prometheus.body == expected);
}

TEST_CASE("POST /reset_counters sets Envoy's counters to zero", "[admin]") {
  Fixture f;
  const Everything all(f);
  CHECK(f.post("/reset_counters").body == "OK\n");
  CHECK(f.get("/stats?filter=cb.upstream_cx_total").body == "cluster.cb.upstream_cx_total: 0\n");
  CHECK(contains(f.get("/metrics").body,
                 "holdfast_upstream_connections_opened_total{cluster=\"cb\"} 2\n"));
}

TEST_CASE("GET /metrics has our names, the endpoints and the process", "[admin]") {
  Fixture f;
  const Everything all(f);
  const Reply reply = f.get("/metrics");
  CHECK(contains(reply.head, "content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  for (const char* line : {
           "# TYPE holdfast_http_requests_total counter\n",
           "\nholdfast_http_requests_total{listener=\"main\",code=\"200\"} 1\n",
           "\nholdfast_http_request_duration_seconds_sum{listener=\"main\"} 0.0015\n",
           "\nholdfast_upstream_requests_total{cluster=\"cb\",code=\"503\"} 1\n",
           "\nholdfast_dispatch_requests_total{cluster=\"cb\",result=\"ok\"} 0\n",
           "\nholdfast_dispatch_hold_seconds_count{cluster=\"cb\"} 1\n",
           "\nholdfast_dispatch_pending{cluster=\"cb\"} 1\n",
           "\nholdfast_upstream_endpoint_healthy{cluster=\"cb\",endpoint=\"[::1]:80\"} 0\n",
           "\nholdfast_upstream_endpoint_requests_total{cluster=\"cb\",endpoint=\"127.0.0.1:80\","
           "result=\"success\"} 7\n",
           "\nholdfast_build_info{version=\"1.2.3\",compiler=",
           "\nprocess_resident_memory_bytes ",
           "\nprocess_start_time_seconds ",
           "\nprocess_cpu_seconds_total ",
           "\nprocess_open_fds ",
           "\nprocess_max_fds ",
       }) {
    CAPTURE(line);
    CHECK(contains(reply.body, line));
  }
}

TEST_CASE("promtool check metrics finds nothing in /metrics", "[admin]") {
  if (std::system("command -v promtool > /dev/null 2>&1") != 0) {
    WARN("promtool is not installed; /metrics was not linted");
    return;
  }
  Fixture f;
  const Everything all(f);
  char path[] = "/tmp/holdfast-promtool-XXXXXX";
  const int file = ::mkstemp(path);
  REQUIRE(file >= 0);
  ::close(file);
  std::ofstream(path) << f.get("/metrics").body;
  const std::string command = std::string("timeout 30 promtool check metrics < ") + path + " 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string findings;
  char chunk[512];
  while (std::fgets(chunk, sizeof chunk, pipe) != nullptr) findings += chunk;
  const int status = ::pclose(pipe);
  std::remove(path);
  CHECK(findings.empty());
  CHECK(WEXITSTATUS(status) == 0);
}
