#include "stats/registry.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "catch.hpp"
#include "stats/envoy_text.hpp"
#include "stats/metrics_page.hpp"

using namespace holdfast::stats;

namespace {

/// The counts that Envoy 1.40 had with two workers after GET /, GET /404 and a request to a dead
/// upstream; the expected texts below are its answers.
struct Fixture {
  std::array<ListenerStats, 2> listener;
  std::array<HcmStats, 2> http;
  std::array<ClusterStats, 2> cluster;
  ClusterUpdateStats updates;
  Registry registry{BuildInfo{"1.2.3", "abc"}};

  Fixture() {
    registry.add_listener("main", "127.0.0.1:19700", {&listener[0], &listener[1]});
    registry.add_http("ingress_http", "main", "127.0.0.1:19700", {&http[0], &http[1]});
    registry.add_cluster("cb", {&cluster[0], &cluster[1]}, Registry::TrackRemaining::yes);
    registry.add_cluster_updates("cb", &updates, Registry::Discovery::fixed);
    traffic();
  }

  void traffic() {
    listener[0].downstream_cx_total.add();
    listener[1].downstream_cx_total.add(2);
    listener[0].downstream_cx_destroy.add(3);
    for (const unsigned ms : {0U, 1U, 2U}) {
      listener[ms % 2].downstream_cx_length_ms.record(std::chrono::milliseconds(ms));
      http[ms % 2].downstream_cx_length_ms.record(std::chrono::milliseconds(ms));
    }
    http[0].downstream_rq.add(200);
    http[1].downstream_rq.add(404);
    http[1].downstream_rq.add(503);
    http[0].downstream_rq_time.record(std::chrono::microseconds(210));
    http[1].downstream_rq_time.record(std::chrono::microseconds(999));
    http[1].downstream_rq_time.record(std::chrono::microseconds(1'999));
    for (ClusterStats& worker : cluster) {
      worker.upstream_cx_total.add();
      worker.upstream_cx_active.add();
      worker.circuit_breakers.cx_open.set(1);
      worker.circuit_breakers.remaining_rq.set(512);
    }
    cluster[0].upstream_rq.add(200);
    cluster[0].external_upstream_rq.add(200);
    cluster[1].upstream_rq.add(404);
    cluster[1].external_upstream_rq.add(404);
    cluster[0].upstream_rq_time.record(std::chrono::microseconds(300));
    updates.membership_total.set(1);
  }

  std::vector<Stat> named(const std::vector<std::string>& names) const {
    std::vector<Stat> all = registry.collect();
    std::erase_if(all, [&](const Stat& stat) {
      return std::find(names.begin(), names.end(), stat.name) == names.end();
    });
    return all;
  }
  std::string text(const std::vector<std::string>& names) const { return stats_text(named(names)); }
};

std::uint64_t value_of(const Registry& registry, std::string_view name) {
  for (const Stat& stat : registry.collect()) {
    if (stat.name == name) return stat.value;
  }
  FAIL("no stat " << name);
  return 0;
}

bool has(const Registry& registry, std::string_view name) {
  const auto all = registry.collect();
  return std::any_of(all.begin(), all.end(), [&](const Stat& stat) { return stat.name == name; });
}

}  // namespace

TEST_CASE("/stats prints what Envoy printed for the same traffic", "[stats]") {
  Fixture f;
  f.registry.flush();
  std::vector<Stat> all = f.registry.collect();
  std::erase_if(all, [](const Stat& s) { return !s.name.starts_with("listener."); });
  CHECK(stats_text(all) ==
        "listener.127.0.0.1_19700.accept_error: 0\n"  // Ours.
        "listener.127.0.0.1_19700.downstream_cx_active: 0\n"
        "listener.127.0.0.1_19700.downstream_cx_destroy: 3\n"
        "listener.127.0.0.1_19700.downstream_cx_overflow: 0\n"
        "listener.127.0.0.1_19700.downstream_cx_total: 3\n"
        "listener.127.0.0.1_19700.downstream_global_cx_overflow: 0\n"
        "listener.127.0.0.1_19700.downstream_pre_cx_timeout: 0\n"
        "listener.127.0.0.1_19700.http.ingress_http.downstream_rq_1xx: 0\n"
        "listener.127.0.0.1_19700.http.ingress_http.downstream_rq_2xx: 1\n"
        "listener.127.0.0.1_19700.http.ingress_http.downstream_rq_3xx: 0\n"
        "listener.127.0.0.1_19700.http.ingress_http.downstream_rq_4xx: 1\n"
        "listener.127.0.0.1_19700.http.ingress_http.downstream_rq_5xx: 1\n"
        "listener.127.0.0.1_19700.http.ingress_http.downstream_rq_completed: 3\n"
        "listener.127.0.0.1_19700.worker_0.downstream_cx_active: 0\n"
        "listener.127.0.0.1_19700.worker_0.downstream_cx_total: 1\n"
        "listener.127.0.0.1_19700.worker_1.downstream_cx_active: 0\n"
        "listener.127.0.0.1_19700.worker_1.downstream_cx_total: 2\n"
        "listener.127.0.0.1_19700.downstream_cx_length_ms: P0(0,0) P25(0,0) P50(1.05,1.05) "
        "P75(2.05,2.05) P90(2.05,2.05) P95(2.05,2.05) P99(2.05,2.05) P99.5(2.05,2.05) "
        "P99.9(2.05,2.05) P100(2.05,2.05)\n");
  CHECK(f.text({"cluster.cb.upstream_cx_length_ms", "http.ingress_http.downstream_rq_time"}) ==
        "cluster.cb.upstream_cx_length_ms: No recorded values\n"
        "http.ingress_http.downstream_rq_time: P0(0,0) P25(0,0) P50(0,0) P75(1.05,1.05) "
        "P90(1.05,1.05) P95(1.05,1.05) P99(1.05,1.05) P99.5(1.05,1.05) P99.9(1.05,1.05) "
        "P100(1.05,1.05)\n");
}

TEST_CASE("an interval without values prints nan, as Envoy's", "[stats]") {
  Fixture f;
  f.registry.flush();
  f.registry.flush();
  CHECK(f.text({"cluster.cb.upstream_rq_time"}) ==
        "cluster.cb.upstream_rq_time: P0(nan,0) P25(nan,0) P50(nan,0) P75(nan,0) P90(nan,0) "
        "P95(nan,0) P99(nan,0) P99.5(nan,0) P99.9(nan,0) P100(nan,0)\n");
  f.cluster[1].upstream_rq_time.record(std::chrono::milliseconds(15));
  f.registry.flush();
  CHECK(f.text({"cluster.cb.upstream_rq_time"})
            .starts_with("cluster.cb.upstream_rq_time: P0(15.5,0) P25(15.5,0) P50(15.5,0) "
                         "P75(15.5,15.5)"));
}

TEST_CASE("/stats?format=json is Envoy's", "[stats]") {
  Fixture f;
  f.registry.flush();
  CHECK(stats_json(f.named({"server.live"})) == R"({"stats":[{"name":"server.live","value":0}]})");
  CHECK(stats_json({}) == R"({"stats":[]})");
  const std::string zeros =
      R"([{"cumulative":0,"interval":0},{"cumulative":0,"interval":0},{"cumulative":0,"interval":0},)"
      R"({"cumulative":0,"interval":0},{"cumulative":0,"interval":0},{"cumulative":0,"interval":0},)"
      R"({"cumulative":0,"interval":0},{"cumulative":0,"interval":0},{"cumulative":0,"interval":0},)"
      R"({"cumulative":0,"interval":0}])";
  CHECK(
      stats_json(f.named({"cluster.cb.upstream_rq_200", "cluster.cb.upstream_rq_active",
                          "cluster.cb.upstream_rq_time"})) ==
      R"({"stats":[{"name":"cluster.cb.upstream_rq_200","value":1},{"name":"cluster.cb.upstream_rq_active","value":0},)"
      R"({"histograms":{"supported_quantiles":[0,25,50,75,90,95,99,99.5,99.9,100],"computed_quantiles":[)"
      R"({"name":"cluster.cb.upstream_rq_time","values":)" +
          zeros + "}]}}]}");
  CHECK(
      stats_json(f.named({"cluster.cb.upstream_cx_connect_ms"}))
          .starts_with(
              R"({"stats":[{"histograms":{"supported_quantiles":[0,25,50,75,90,95,99,99.5,99.9,100],)"
              R"("computed_quantiles":[{"name":"cluster.cb.upstream_cx_connect_ms","values":)"
              R"([{"cumulative":null,"interval":null},)"));
}

TEST_CASE("/stats/prometheus is Envoy's", "[stats]") {
  Fixture f;
  holdfast::config::StatsTag tag;
  tag.name = "my.fixed";
  tag.fixed_value = "fx";
  std::string error;
  REQUIRE(f.registry.set_tags(std::vector<holdfast::config::StatsTag>{tag}, error));
  CHECK(
      f.registry.envoy_prometheus(f.named(
          {"cluster.cb.upstream_rq_200", "cluster.cb.upstream_rq_404", "cluster.cb.upstream_rq_2xx",
           "cluster.cb.upstream_rq_completed", "cluster.cb.external.upstream_rq_200", "server.live",
           "cluster.cb.membership_total", "listener.127.0.0.1_19700.downstream_cx_total",
           "listener.127.0.0.1_19700.worker_0.downstream_cx_total",
           "listener.127.0.0.1_19700.worker_1.downstream_cx_total",
           "listener.127.0.0.1_19700.http.ingress_http.downstream_rq_completed",
           "http.ingress_http.downstream_rq_1xx", "http.ingress_http.downstream_rq_2xx"})) ==
      R"(# TYPE envoy_cluster_external_upstream_rq counter
envoy_cluster_external_upstream_rq{envoy_response_code="200",my_fixed="fx",envoy_cluster_name="cb"} 1
# TYPE envoy_cluster_upstream_rq counter
envoy_cluster_upstream_rq{envoy_response_code="200",my_fixed="fx",envoy_cluster_name="cb"} 1
envoy_cluster_upstream_rq{envoy_response_code="404",my_fixed="fx",envoy_cluster_name="cb"} 1
# TYPE envoy_cluster_upstream_rq_completed counter
envoy_cluster_upstream_rq_completed{my_fixed="fx",envoy_cluster_name="cb"} 2
# TYPE envoy_cluster_upstream_rq_xx counter
envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",my_fixed="fx",envoy_cluster_name="cb"} 1
# TYPE envoy_http_downstream_rq_xx counter
envoy_http_downstream_rq_xx{envoy_response_code_class="1",my_fixed="fx",envoy_http_conn_manager_prefix="ingress_http"} 0
envoy_http_downstream_rq_xx{envoy_response_code_class="2",my_fixed="fx",envoy_http_conn_manager_prefix="ingress_http"} 1
# TYPE envoy_listener_downstream_cx_total counter
envoy_listener_downstream_cx_total{my_fixed="fx",envoy_listener_address="127.0.0.1_19700"} 3
# TYPE envoy_listener_http_downstream_rq_completed counter
envoy_listener_http_downstream_rq_completed{my_fixed="fx",envoy_http_conn_manager_prefix="ingress_http",envoy_listener_address="127.0.0.1_19700"} 3
# TYPE envoy_listener_worker_downstream_cx_total counter
envoy_listener_worker_downstream_cx_total{envoy_worker_id="0",my_fixed="fx",envoy_listener_address="127.0.0.1_19700"} 1
envoy_listener_worker_downstream_cx_total{envoy_worker_id="1",my_fixed="fx",envoy_listener_address="127.0.0.1_19700"} 2
# TYPE envoy_cluster_membership_total gauge
envoy_cluster_membership_total{my_fixed="fx",envoy_cluster_name="cb"} 1
# TYPE envoy_server_live gauge
envoy_server_live{my_fixed="fx"} 0
)");
}

TEST_CASE("a histogram in /stats/prometheus has Envoy's buckets and its approximate sum",
          "[stats]") {
  Fixture f;
  CHECK(f.registry.envoy_prometheus(f.named({"http.ingress_http.downstream_rq_time"})) ==
        R"(# TYPE envoy_http_downstream_rq_time histogram
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="0.5"} 2
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="1"} 3
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="5"} 3
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="10"} 3
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="25"} 3
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="50"} 3
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="100"} 3
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="250"} 3
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="500"} 3
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="1000"} 3
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="2500"} 3
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="5000"} 3
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="10000"} 3
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="30000"} 3
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="60000"} 3
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="300000"} 3
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="600000"} 3
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="1800000"} 3
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="3600000"} 3
envoy_http_downstream_rq_time_bucket{envoy_http_conn_manager_prefix="ingress_http",le="+Inf"} 3
envoy_http_downstream_rq_time_sum{envoy_http_conn_manager_prefix="ingress_http"} 1.0476190476190476719153821250075
envoy_http_downstream_rq_time_count{envoy_http_conn_manager_prefix="ingress_http"} 3
)");
}

TEST_CASE("listeners of one stat_prefix are summed, and apart in /metrics", "[stats]") {
  Registry registry({});
  HcmStats a;
  HcmStats b;
  registry.add_http("web", "one", "127.0.0.1:1", {&a});
  registry.add_http("web", "two", "127.0.0.1:2", {&b});
  a.downstream_rq_total.add(2);
  b.downstream_rq_total.add(3);
  a.downstream_rq.add(200);
  b.downstream_rq.add(200);
  CHECK(value_of(registry, "http.web.downstream_rq_total") == 5);
  CHECK(value_of(registry, "http.web.downstream_rq_completed") == 2);
  CHECK(value_of(registry, "listener.127.0.0.1_2.http.web.downstream_rq_2xx") == 1);
  MetricsPage page;
  registry.write_metrics(page);
  const std::string text = page.text();
  CHECK(text.find("holdfast_http_requests_started_total{listener=\"one\"} 2\n") !=
        std::string::npos);
  CHECK(text.find("holdfast_http_requests_started_total{listener=\"two\"} 3\n") !=
        std::string::npos);
  CHECK(text.find("holdfast_http_requests_total{listener=\"two\",code=\"200\"} 1\n") !=
        std::string::npos);
}

TEST_CASE("names hold no colon", "[stats]") {
  Registry registry({});
  const ClusterStats cluster;
  registry.add_cluster("a:b.c://d:/e", {&cluster}, Registry::TrackRemaining::no);
  CHECK(has(registry, "cluster.a_b.c_d_e.upstream_cx_total"));
}

TEST_CASE("breakers: any worker opens, remaining only where tracked", "[stats]") {
  Fixture f;
  CHECK(value_of(f.registry, "cluster.cb.circuit_breakers.default.cx_open") == 1);
  CHECK(value_of(f.registry, "cluster.cb.circuit_breakers.default.rq_open") == 0);
  CHECK(value_of(f.registry, "cluster.cb.circuit_breakers.default.remaining_rq") == 1024);
  Registry untracked({});
  untracked.add_cluster("cb", {&f.cluster[0]}, Registry::TrackRemaining::no);
  CHECK(has(untracked, "cluster.cb.circuit_breakers.default.cx_open"));
  CHECK_FALSE(has(untracked, "cluster.cb.circuit_breakers.default.remaining_rq"));
  // Any part of the cluster that tracks makes them appear, whichever was added first.
  untracked.add_cluster("cb", {&f.cluster[1]}, Registry::TrackRemaining::yes);
  CHECK(value_of(untracked, "cluster.cb.circuit_breakers.default.remaining_rq") == 1024);
}

TEST_CASE("what Envoy makes at first use is absent before", "[stats]") {
  Registry registry({});
  ClusterStats cluster;
  registry.add_cluster("cb", {&cluster}, Registry::TrackRemaining::no);
  CHECK(has(registry, "cluster.cb.upstream_rq_completed"));
  CHECK_FALSE(has(registry, "cluster.cb.upstream_rq_2xx"));
  CHECK_FALSE(has(registry, "cluster.cb.internal.upstream_rq_completed"));
  CHECK_FALSE(has(registry, "cluster.cb.upstream_rq_time"));
  cluster.internal_upstream_rq.add(200);
  CHECK(value_of(registry, "cluster.cb.internal.upstream_rq_200") == 1);
  CHECK(value_of(registry, "cluster.cb.internal.upstream_rq_completed") == 1);
}

TEST_CASE("a gauge that reads below zero shows as 0", "[stats]") {
  Registry registry({});
  ClusterStats cluster;
  registry.add_cluster("cb", {&cluster}, Registry::TrackRemaining::no);
  cluster.upstream_rq_active.sub();
  CHECK(value_of(registry, "cluster.cb.upstream_rq_active") == 0);
  cluster.upstream_rq_active.add();
  cluster.upstream_rq_active.add();
  CHECK(value_of(registry, "cluster.cb.upstream_rq_active") == 1);
}

TEST_CASE("reset_counters sets counters to zero, and nothing else", "[stats]") {
  Fixture f;
  f.registry.reset_counters();
  CHECK(value_of(f.registry, "listener.127.0.0.1_19700.downstream_cx_total") == 0);
  CHECK(value_of(f.registry, "cluster.cb.upstream_rq_completed") == 0);
  CHECK(value_of(f.registry, "cluster.cb.upstream_cx_active") == 2);
  f.listener[0].downstream_cx_total.add(4);
  CHECK(value_of(f.registry, "listener.127.0.0.1_19700.downstream_cx_total") == 4);
  f.registry.reset_counters();
  CHECK(value_of(f.registry, "listener.127.0.0.1_19700.downstream_cx_total") == 0);
}

TEST_CASE("server stats are fresh at each read", "[stats]") {
  Fixture f;
  f.registry.server().concurrency.set(2);
  f.listener[1].downstream_cx_active.add(5);
  CHECK(value_of(f.registry, "server.concurrency") == 2);
  CHECK(value_of(f.registry, "server.total_connections") == 5);
  CHECK(value_of(f.registry, "server.memory_physical_size") > 1'000'000);
  CHECK(value_of(f.registry, "server.uptime") < 60);
}

TEST_CASE("names are ordered by their words", "[stats]") {
  CHECK(name_less("cluster.a.b", "cluster.a_b"));
  CHECK(name_less("cluster.z", "cluster_manager.a"));
  CHECK(name_less("http.a-b", "http.a-c"));
  CHECK(name_less("http.a.b", "http.a-b"));
  CHECK(name_less("a", "a.b"));
  CHECK_FALSE(name_less("a.b", "a.b"));
}
