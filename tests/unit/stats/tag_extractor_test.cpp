// What Envoy 1.40 makes of the same names: taken from its /stats/prometheus.
#include "stats/tag_extractor.hpp"

#include <string>
#include <vector>

#include "catch.hpp"

using holdfast::config::StatsTag;
using holdfast::stats::format_labels;
using holdfast::stats::TagExtractor;

namespace {

std::string shown(const TagExtractor& tags, std::string_view name) {
  const auto result = tags.extract(name);
  return result.name + '{' + format_labels(result.tags) + '}';
}

StatsTag by_regex(std::string name, std::string regex) {
  StatsTag tag;
  tag.name = std::move(name);
  tag.regex = std::move(regex);
  return tag;
}

StatsTag fixed(std::string name, std::string value) {
  StatsTag tag;
  tag.name = std::move(name);
  tag.fixed_value = std::move(value);
  return tag;
}

}  // namespace

TEST_CASE("names lose what Envoy makes tags of", "[stats]") {
  const TagExtractor tags;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"cluster.cb.upstream_rq_total", R"(cluster.upstream_rq_total{envoy.cluster_name="cb"})"},
      {"cluster.cb.upstream_rq_200",
       R"(cluster.upstream_rq{envoy.response_code="200",envoy.cluster_name="cb"})"},
      {"cluster.cb.external.upstream_rq_4xx",
       R"(cluster.external.upstream_rq_xx{envoy.response_code_class="4",envoy.cluster_name="cb"})"},
      {"cluster.cb.upstream_rq_completed",
       R"(cluster.upstream_rq_completed{envoy.cluster_name="cb"})"},
      // A dot in a cluster's name ends the tag; Envoy's quirk.
      {"cluster.s12.zz.upstream_rq_total",
       R"(cluster.zz.upstream_rq_total{envoy.cluster_name="s12"})"},
      {"http.ingress_http.downstream_rq_2xx",
       R"(http.downstream_rq_xx{envoy.response_code_class="2",envoy.http_conn_manager_prefix="ingress_http"})"},
      {"listener.127.0.0.1_19700.downstream_cx_total",
       R"(listener.downstream_cx_total{envoy.listener_address="127.0.0.1_19700"})"},
      {"listener.[__1]_19702.downstream_cx_total",
       R"(listener.downstream_cx_total{envoy.listener_address="[__1]_19702"})"},
      {"listener.127.0.0.1_19700.worker_1.downstream_cx_total",
       R"(listener.worker.downstream_cx_total{envoy.worker_id="1",envoy.listener_address="127.0.0.1_19700"})"},
      {"listener.127.0.0.1_19700.http.ingress_http.downstream_rq_5xx",
       R"(listener.http.downstream_rq_xx{envoy.response_code_class="5",envoy.http_conn_manager_prefix="ingress_http",envoy.listener_address="127.0.0.1_19700"})"},
      {"listener.[__1]_19702.http.back.dot_x.downstream_rq_completed",
       R"(listener.http.dot_x.downstream_rq_completed{envoy.http_conn_manager_prefix="back",envoy.listener_address="[__1]_19702"})"},
      {"listener.admin.downstream_cx_total", "listener.admin.downstream_cx_total{}"},
      {"server.live", "server.live{}"},
      {"dns.cares.resolve_total", "dns.cares.resolve_total{}"},
      {"cluster_manager.cluster_added", "cluster_manager.cluster_added{}"},
      {"cluster.nothing_after", "cluster.nothing_after{}"},
      {"", "{}"},
  };
  for (const auto& [name, expected] : cases) CHECK(shown(tags, name) == expected);
}

TEST_CASE("stats_tags come in Envoy's order and take out what their first group matched",
          "[stats]") {
  TagExtractor tags;
  std::string error;
  const std::vector<StatsTag> custom{fixed("my.fixed", "fx"),
                                     by_regex("shard", "^cluster\\.((s[0-9]+)\\.)"),
                                     by_regex("one", "upstream(_cx)_total")};
  REQUIRE(tags.set_custom(custom, error));
  CHECK(shown(tags, "cluster.cb.upstream_cx_total") ==
        R"(cluster.upstream_total{my.fixed="fx",one="_cx",envoy.cluster_name="cb"})");
  CHECK(shown(tags, "cluster.s12.zz.upstream_rq_total") ==
        R"(cluster.zz.upstream_rq_total{my.fixed="fx",envoy.cluster_name="s12",shard="s12"})");
  CHECK(shown(tags, "cluster.cb.upstream_rq_200") ==
        R"(cluster.upstream_rq{envoy.response_code="200",my.fixed="fx",envoy.cluster_name="cb"})");
  CHECK(
      shown(tags, "listener.127.0.0.1_19700.worker_0.downstream_cx_total") ==
      R"(listener.worker.downstream_cx_total{envoy.worker_id="0",my.fixed="fx",envoy.listener_address="127.0.0.1_19700"})");
  CHECK(shown(tags, "server.live") == R"(server.live{my.fixed="fx"})");
}

TEST_CASE("a stats_tag whose regex does not compile is refused and changes nothing", "[stats]") {
  TagExtractor tags;
  std::string error;
  REQUIRE(tags.set_custom(std::vector<StatsTag>{fixed("a", "b")}, error));
  CHECK_FALSE(tags.set_custom(std::vector<StatsTag>{by_regex("bad", "(")}, error));
  CHECK(error == "stats tag \"bad\": missing ): (");
  CHECK(shown(tags, "server.live") == R"(server.live{a="b"})");
}

TEST_CASE("a stats_tag without a group, or whose group did not take part, tags nothing",
          "[stats]") {
  TagExtractor tags;
  std::string error;
  REQUIRE(tags.set_custom(
      std::vector<StatsTag>{by_regex("none", "live"), by_regex("maybe", "server(\\.x)?")}, error));
  CHECK(shown(tags, "server.live") == "server.live{}");
}
