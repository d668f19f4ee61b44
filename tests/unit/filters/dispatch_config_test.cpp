// The dispatch filter's configuration: what its table cannot say.
#include <string>

#include "catch.hpp"
#include "config/load.hpp"
#include "filters/dispatch.hpp"
#include "filters/registry.hpp"

namespace holdfast::filters {
namespace {

/// `fields` stand from line 16, column 15 on.
config::LoadResult load(const std::string& fields) {
  const std::string text = R"(static_resources:
  listeners:
  - name: main
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          route_config: {virtual_hosts: []}
          http_filters:
          - name: dispatch
            typed_config:
              "@type": type.googleapis.com/holdfast.filters.http.dispatch.v1.Dispatch
              )" + fields + R"(
              cluster: side
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - {name: side, type: STATIC, load_assignment: {cluster_name: side, endpoints: []}}
)";
  return config::load_text(text, "x.yaml", catalog(),
                           [](const std::string&) { return std::nullopt; });
}

std::string first_error(const std::string& fields) {
  const config::LoadResult result = load(fields);
  for (const auto& diagnostic : result.diagnostics) {
    if (diagnostic.severity == config::Severity::error) return config::to_string(diagnostic);
  }
  return "";
}

std::uint32_t max_pipelined(const std::string& fields) {
  const config::LoadResult result = load(fields);
  for (const auto& diagnostic : result.diagnostics) UNSCOPED_INFO(config::to_string(diagnostic));
  REQUIRE(result.ok());
  const auto& hcm = std::get<config::HttpConnectionManager>(result.bootstrap->listeners[0].filter);
  return dynamic_cast<const DispatchConfig&>(*hcm.http_filters[0].config).max_pipelined;
}

TEST_CASE("max_pipelined: off unless asked for", "[filters]") {
  CHECK(max_pipelined("count: 3") == 1);
  CHECK(max_pipelined("max_pipelined: 3") == 3);
}

TEST_CASE("max_pipelined: within its range, for idempotent methods only", "[filters]") {
  CHECK(first_error("max_pipelined: 0").starts_with("x.yaml:16:30: error: "));
  CHECK(first_error("max_pipelined: 257").starts_with("x.yaml:16:30: error: "));
  for (const char* method : {"POST", "PATCH"}) {
    const std::string fields =
        std::string("method: ") + method + "\n              max_pipelined: 2";
    const std::string error = first_error(fields);
    INFO(error);
    CHECK(error.starts_with("x.yaml:17:30: error: max_pipelined in Dispatch is for idempotent"));
  }
  CHECK(first_error("method: POST\n              max_pipelined: 1").empty());
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"}) {
    CHECK(
        first_error(std::string("method: ") + method + "\n              max_pipelined: 2").empty());
  }
}

}  // namespace
}  // namespace holdfast::filters
