// What load() puts into the structs: every field of config.hpp that a file can set, and the
// defaults of all.
#include "config/load.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "catch.hpp"
#include "test_catalog.hpp"

namespace holdfast::config::test {
namespace {

using namespace std::chrono_literals;

const Env kNoEnv = [](const std::string&) { return std::nullopt; };

Bootstrap good(std::string_view text) {
  LoadResult result = load_text(text, "c.yaml", test_catalog(), kNoEnv);
  for (const Diagnostic& diagnostic : result.diagnostics) UNSCOPED_INFO(to_string(diagnostic));
  REQUIRE(result.ok());
  return std::move(*result.bootstrap);
}

std::string errors(const LoadResult& result) {
  CHECK_FALSE(result.ok());
  std::string out;
  for (const Diagnostic& diagnostic : result.diagnostics) out += to_string(diagnostic) + "\n";
  return out;
}

/// full.yaml, named c.yaml in diagnostics.
Bootstrap full() {
  std::ifstream file(HOLDFAST_SOURCE_DIR "/tests/unit/config/full.yaml");
  return good(std::string(std::istreambuf_iterator<char>(file), {}));
}

TEST_CASE("bootstrap, admin and tags arrive") {
  const Bootstrap b = full();
  CHECK(b.node_id == "edge-1");
  CHECK(b.node_cluster == "edge");
  REQUIRE(b.admin.has_value());
  CHECK(b.admin->address.address == "127.0.0.1");
  CHECK(b.admin->address.port == 9901);
  CHECK(b.admin->address.location.line == 4);
  REQUIRE(b.admin->access_logs.size() == 1);
  CHECK(b.admin->access_logs[0].path == "/dev/null");
  CHECK(b.admin->access_logs[0].location.line == 5);
  REQUIRE(b.stats_tags.size() == 2);
  CHECK(b.stats_tags[0].name == "vhost");
  CHECK(b.stats_tags[0].regex == "^vhost\\.((.+?)\\.)");
  CHECK(b.stats_tags[0].location.line == 8);
  CHECK(b.stats_tags[1].fixed_value == "z1");
  REQUIRE(b.warnings.size() == 1);
  CHECK(b.warnings[0] ==
        "c.yaml:5:3: warning: field \"access_log_path\" of Admin is deprecated: use access_log");
}

TEST_CASE("a cluster's fields arrive") {
  const Bootstrap b = full();
  REQUIRE(b.clusters.size() == 2);
  const Cluster& c = b.clusters[1];
  CHECK(c.name == "httpbin");
  CHECK(c.location.line == 13);
  CHECK(c.type == DiscoveryType::logical_dns);
  CHECK(c.connect_timeout == 250ms);
  CHECK(c.per_connection_buffer_limit_bytes == 4096);
  CHECK(c.dns.refresh_rate == 7s);
  CHECK(c.dns.failure_base_interval == 1s);
  CHECK(c.dns.failure_max_interval == 10s);  // Envoy: 10 times the base
  CHECK(c.dns.respect_ttl);
  CHECK(c.dns.lookup_family == DnsLookupFamily::v4_preferred);
  CHECK(c.dns.use_tcp);
  CHECK(c.dns.edns0_max_payload_size == 1400);
  REQUIRE(c.dns.resolvers.size() == 1);
  CHECK(c.dns.resolvers[0].address == "127.0.0.1");
  CHECK(c.dns.resolvers[0].port == 5353);
  CHECK(c.circuit_breakers.max_connections == 1);
  CHECK(c.circuit_breakers.max_pending_requests == 2);
  CHECK(c.circuit_breakers.max_requests == 3);
  CHECK(c.circuit_breakers.max_retries == 4);
  CHECK(c.circuit_breakers.track_remaining);
  CHECK(c.idle_timeout == 9s);
  CHECK(c.max_requests_per_connection == 11);
  CHECK(c.max_headers_count == 12);
  CHECK(c.max_response_headers_kb == 13);
  CHECK(c.metadata_json == R"({"plugin":{"a":1}})");
  REQUIRE(c.endpoints.size() == 1);
  CHECK(c.endpoints[0].weight == 5);
  CHECK(c.endpoints[0].address.address == "httpbin.org");
  CHECK(c.endpoints[0].address.port == 80);
}

TEST_CASE("an http connection manager's fields arrive") {
  const Bootstrap b = full();
  REQUIRE(b.listeners.size() == 2);
  const Listener& l = b.listeners[0];
  CHECK(l.name == "main");
  CHECK(l.address.port == 18000);
  CHECK(l.per_connection_buffer_limit_bytes == 2048);
  CHECK_FALSE(l.enable_reuse_port);
  CHECK(l.tcp_backlog_size == 64);
  CHECK(l.max_connections_to_accept_per_socket_event == 7);
  CHECK(l.ignore_global_conn_limit);
  REQUIRE(b.overload_manager);
  REQUIRE(b.overload_manager->resource_monitors.size() == 1);
  CHECK(b.overload_manager->resource_monitors[0].max_active_downstream_connections ==
        5'000'000'000);
  const auto& h = std::get<HttpConnectionManager>(l.filter);
  CHECK(h.stat_prefix == "ingress_http");
  CHECK(h.server_name == "holdfast");
  CHECK(h.server_header == ServerHeader::append_if_absent);
  CHECK(h.via == "edge");
  CHECK(h.use_remote_address);
  CHECK(h.skip_xff_append);
  CHECK(h.xff_num_trusted_hops == 2);
  CHECK_FALSE(h.generate_request_id);
  CHECK(h.preserve_external_request_id);
  CHECK(h.always_set_request_id_in_response);
  CHECK(h.stream_idle_timeout == 1s);
  CHECK(h.request_timeout == 2s);
  CHECK(h.request_headers_timeout == 3s);
  CHECK(h.drain_timeout == 4s);
  CHECK(h.delayed_close_timeout == 500ms);
  CHECK(h.max_request_headers_kb == 32);
  CHECK(h.idle_timeout == 5s);
  CHECK(h.max_connection_duration == 6s);
  CHECK(h.max_stream_duration == 7s);
  CHECK(h.max_headers_count == 50);
  CHECK(h.max_requests_per_connection == 8);
  CHECK(h.accept_http_10);
  CHECK(h.default_host_for_http_10 == "a.test");
}

TEST_CASE("access logs arrive") {
  const Bootstrap b = full();
  const auto& logs = std::get<HttpConnectionManager>(b.listeners[0].filter).access_logs;
  REQUIRE(logs.size() == 3);
  CHECK(logs[0].sink == AccessLog::Sink::file);
  CHECK(logs[0].path == "/tmp/access.log");
  CHECK(logs[0].format == AccessLog::Format::text);
  CHECK(logs[0].template_text == "%PROTOCOL%\n");
  CHECK(logs[0].location.line != 0);
  CHECK(logs[1].sink == AccessLog::Sink::standard_output);
  CHECK(logs[1].format == AccessLog::Format::json);
  CHECK(logs[1].template_text == R"({"code":"%RESPONSE_CODE%","n":5})");
  CHECK(logs[2].sink == AccessLog::Sink::standard_error);
  CHECK(logs[2].template_text.empty());
}

TEST_CASE("routes arrive, and clusters are resolved to their places") {
  const Bootstrap b = full();
  const auto& config = std::get<HttpConnectionManager>(b.listeners[0].filter).route_config;
  CHECK(config.name == "local");
  REQUIRE(config.virtual_hosts.size() == 1);
  CHECK(config.virtual_hosts[0].domains == std::vector<std::string>{"a.test", "*"});
  const auto& routes = config.virtual_hosts[0].routes;
  REQUIRE(routes.size() == 3);
  CHECK(routes[0].name == "one");
  CHECK(routes[0].match.kind == RouteMatch::Kind::path);
  CHECK(routes[0].match.value == "/one");
  CHECK_FALSE(routes[0].match.case_sensitive);
  CHECK(std::get<DirectResponse>(routes[0].action).status == 204);
  CHECK_FALSE(std::get<DirectResponse>(routes[0].action).has_body);
  CHECK(routes[0].metadata_json == R"({"plugin":{"b":[1,"x"]}})");
  CHECK(std::get<DirectResponse>(routes[1].action).body == "hello");
  CHECK(std::get<DirectResponse>(routes[1].action).has_body);
  CHECK(routes[2].match.kind == RouteMatch::Kind::prefix);
  const auto& action = std::get<ClusterRoute>(routes[2].action);
  CHECK(action.cluster == "httpbin");
  CHECK(action.cluster_index == 1);
  CHECK(action.timeout == 0s);
  CHECK(action.idle_timeout == 4s);
  const auto& tcp = std::get<TcpProxy>(b.listeners[1].filter);
  CHECK(tcp.stat_prefix == "passthrough");
  CHECK(tcp.cluster_index == 1);
  CHECK(tcp.idle_timeout == 0s);
  CHECK(tcp.access_logs.size() == 1);
}

TEST_CASE("a filter's own table fills its own struct") {
  const Bootstrap b = full();
  const auto& filters = std::get<HttpConnectionManager>(b.listeners[0].filter).http_filters;
  REQUIRE(filters.size() == 2);
  CHECK(filters[0].name == "hold");
  CHECK(filters[0].type == "sample");
  CHECK(filters[1].type == "router");
  const auto* c = dynamic_cast<const SampleConfig*>(filters[0].config.get());
  REQUIRE(c != nullptr);
  CHECK(c->cluster == "first");
  CHECK(c->count == 10);
  CHECK(c->offset == -5);
  CHECK(c->ratio == 0.25);
  CHECK(c->header_name == "x-held");
  CHECK(c->tags == std::vector<std::string>{"a", "b"});
  REQUIRE(c->headers.size() == 1);
  CHECK(c->headers[0].key == "x-a");
  CHECK(c->timeout == 1500ms);
  CHECK(c->max_hold == 2s);
  CHECK(c->on_failure == OnFailure::mark);
  CHECK(c->blob == "hello");
}

TEST_CASE("defaults are Envoy's") {
  const Bootstrap b = good(R"(
static_resources:
  clusters: [{name: c}]
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: h
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: x
          route_config: {virtual_hosts: [{name: v, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: c}}]}]}
          http_filters: [{name: r, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]
)");
  CHECK_FALSE(b.admin.has_value());
  const Cluster& c = b.clusters[0];
  CHECK(c.connect_timeout == 5s);
  CHECK(c.type == DiscoveryType::static_);
  CHECK(c.circuit_breakers.max_connections == 1024);
  CHECK(c.circuit_breakers.max_retries == 3);
  CHECK(c.dns.refresh_rate == 5s);
  CHECK_FALSE(c.dns.failure_base_interval.has_value());
  CHECK(c.dns.lookup_family == DnsLookupFamily::auto_);
  CHECK(c.idle_timeout == 1h);
  const auto& h = std::get<HttpConnectionManager>(b.listeners[0].filter);
  CHECK(h.server_name == "envoy");
  CHECK(h.stream_idle_timeout == 5min);
  CHECK(h.request_timeout == 0s);
  CHECK(h.max_headers_count == 100);
  CHECK(h.max_request_headers_kb == 60);
  CHECK(h.idle_timeout == 1h);
  const auto& route = std::get<ClusterRoute>(h.route_config.virtual_hosts[0].routes[0].action);
  CHECK(route.timeout == 15s);
  CHECK_FALSE(route.idle_timeout.has_value());
}

TEST_CASE("less than a millisecond is a millisecond, not off") {
  CHECK(good("static_resources: {clusters: [{name: c, connect_timeout: 0.0000001s}]}")
            .clusters[0]
            .connect_timeout == 1ms);
}

TEST_CASE("source_json is the file in Envoy's spelling") {
  CHECK(good("staticResources: {clusters: [{name: c, connectTimeout: 1.50s, type: strict_dns, "
             "lb_policy: 0, respect_dns_ttl: \"yes\", dnsLookupFamily: null, "
             "per_connection_buffer_limit_bytes: \"0x10\", metadata: {filter_metadata: {a: {b: "
             "1e3, "
             "c: [true, null]}}}}]}")
            .source_json ==
        R"({"static_resources":{"clusters":[{"name":"c","connect_timeout":"1.500s",)"
        R"("type":"STRICT_DNS","lb_policy":"ROUND_ROBIN","respect_dns_ttl":true,)"
        R"("per_connection_buffer_limit_bytes":16,)"
        R"("metadata":{"filter_metadata":{"a":{"b":"1e3","c":[true,null]}}}}]}})");
}

TEST_CASE("source_json goes into typed_config and through TypedStruct") {
  const Bootstrap b = full();
  CHECK_THAT(b.source_json,
             Catch::Contains(R"({"@type":"type.googleapis.com/holdfast.test.v1.Sample",)"
                             R"("cluster":"first","count":10,"offset":-5,"ratio":)"));
  CHECK_THAT(b.source_json, Catch::Contains(R"("on_failure":"mark")"));
  CHECK_THAT(b.source_json, Catch::Contains(R"("typed_extension_protocol_options":{"envoy.ext)"));
}

TEST_CASE("--config-yaml is merged over the file as protobuf merges") {
  const auto path = std::filesystem::temp_directory_path() /
                    ("holdfast-merge-" + std::to_string(::getpid()) + ".yaml");
  std::ofstream(path)
      << "node: {id: a, cluster: b, metadata: {k: {x: 1}}}\n"
         "static_resources:\n  clusters:\n  - {name: c}\n"
         "stats_config: {stats_tags: [{tag_name: t, regex: r}]}\n"
         "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}\n";
  const auto merged = [&](const std::string& text) {
    return load(path.string(), text, test_catalog(), kNoEnv);
  };
  LoadResult r = merged(
      "node: {id: z, metadata: {k: {y: 2}, l: 3}}\nadmin: {address: {socketAddress: "
      "{port_value: 9}}}\n"
      "staticResources: {clusters: [{name: d}]}\n");
  REQUIRE(r.ok());
  CHECK(r.bootstrap->node_id == "z");
  CHECK(r.bootstrap->node_cluster == "b");
  CHECK(r.bootstrap->admin->address.address == "127.0.0.1");
  CHECK(r.bootstrap->admin->address.port == 9);
  REQUIRE(r.bootstrap->clusters.size() == 2);  // lists are appended
  CHECK(r.bootstrap->clusters[1].name == "d");
  CHECK_THAT(r.bootstrap->source_json, Catch::Contains(R"("metadata":{"k":{"y":2},"l":3})"));

  // null gives nothing, so the file's value stays.
  CHECK(merged("node: {id: null}").bootstrap->node_id == "a");
  // Nothing at all is no override, as in Envoy.
  CHECK(merged("").bootstrap->node_id == "a");
  CHECK(errors(merged("static_resources: {clusters: [{name: c}]}")) ==
        "--config-yaml:1:38: error: duplicate cluster \"c\": already on line 4\n");
  CHECK(errors(merged("node: {id: 5}\nfoo: 1")) ==
        "--config-yaml:1:12: error: field \"id\" of Node wants a string, not the number 5 (put "
        "it in quotes)\n"
        "--config-yaml:2:1: error: unknown field \"foo\" in Bootstrap\n");
  CHECK(errors(merged("[")) == "--config-yaml:1:1: error: YAML: end of sequence flow not found\n");
  std::filesystem::remove(path);
}

TEST_CASE("merging a member of a oneof replaces the other") {
  const auto path = std::filesystem::temp_directory_path() /
                    ("holdfast-oneof-" + std::to_string(::getpid()) + ".yaml");
  std::ofstream(path) << "node: {user_agent_version: \"1\"}\nlayered_runtime: {layers: []}\n";
  const LoadResult r =
      load(path.string(), "layered_runtime: {layers: [{name: a, admin_layer: {}}]}", test_catalog(),
           kNoEnv);
  CHECK(r.ok());
  std::filesystem::remove(path);
}

TEST_CASE("files that cannot be read say why") {
  CHECK(errors(load_file("/nonexistent/x.yaml", test_catalog(), kNoEnv)) ==
        "/nonexistent/x.yaml: error: cannot read: No such file or directory\n");
  CHECK(errors(load_file("/", test_catalog(), kNoEnv)) ==
        "/: error: cannot read: Is a directory\n");
  CHECK(errors(load(std::nullopt, std::nullopt, test_catalog(), kNoEnv)) ==
        "holdfast: error: at least one of --config-path and --config-yaml must be given\n");
  CHECK_THAT(errors(load_file("/dev/zero", test_catalog(), kNoEnv)),
             Catch::Contains("larger than 8 MiB"));
  CHECK(load(std::nullopt, "node: {id: a}", test_catalog(), kNoEnv).bootstrap->node_id == "a");
}

TEST_CASE("variables come from the environment") {
  ::setenv("HOLDFAST_TEST_PORT", "8123", 1);
  const LoadResult r = load_text(
      "admin: {address: {socket_address: {address: 127.0.0.1, port_value: "
      "\"${HOLDFAST_TEST_PORT}\"}}}\n"
      "node:\n  id: x-${HOLDFAST_TEST_NONE:-d}-$${y}\n",
      "c", test_catalog(), process_env());
  REQUIRE(r.ok());
  CHECK(r.bootstrap->admin->address.port == 8123);
  CHECK(r.bootstrap->node_id == "x-d-${y}");
}

}  // namespace
}  // namespace holdfast::config::test
