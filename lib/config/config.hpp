// The configuration as plain structs with defaults: what config::load() returns and all the rest of
// Holdfast sees.
//
// Owner: app/main.cpp holds the one Bootstrap, immutable after load(); workers read it without
// locks. No YAML type, no behaviour. Field names are Envoy's (envoy.config.bootstrap.v3.Bootstrap
// and the messages it contains). Durations are milliseconds; zero means "off" wherever Envoy says
// so for that field.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace holdfast::config {

using Milliseconds = std::chrono::milliseconds;

/// Where a value stands in the file: 1-based; 0 = not from a file.
struct Location {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t input = 0;  ///< Which of load()'s inputs: 0 = the file, 1 = --config-yaml.
};

/// An IP literal, or a host name where a cluster resolves names.
struct SocketAddress {
  std::string address;
  std::uint16_t port = 0;
  Location location;
};

/// envoy.access_loggers.{file,stdout,stderr}.
struct AccessLog {
  enum class Sink : std::uint8_t { file, standard_output, standard_error };
  enum class Format : std::uint8_t { text, json };
  Sink sink = Sink::file;
  std::string path;  ///< Sink::file only.
  Format format = Format::text;
  /// text: Envoy's command operators; empty = Envoy's default line. json: a JSON object
  /// (serialised) whose string leaves hold operators.
  std::string template_text;
  Location location;
};

/// Base of what a filter's own config table produces; filters/ derives from it.
struct FilterConfig {
  virtual ~FilterConfig() = default;
};

/// One entry of HttpConnectionManager.http_filters. `type` is the name under which filters/registry
/// knows it.
struct HttpFilter {
  std::string name;
  std::string type;  ///< Registered filter name, e.g. "dispatch", "router".
  std::shared_ptr<const FilterConfig>
      config;  ///< Shared: each worker's filter instance reads the same one.
  Location location;
};

/// A network filter before the last one of its chain, and an entry of bootstrap_extensions: like
/// HttpFilter.
struct Extension {
  std::string type;
  std::shared_ptr<const FilterConfig> config;
};

struct ClusterRoute {
  std::string cluster;
  std::size_t cluster_index = 0;             ///< Into Bootstrap::clusters; resolved by load().
  Milliseconds timeout{15'000};              ///< 0 = off.
  std::optional<Milliseconds> idle_timeout;  ///< Overrides the HCM's stream_idle_timeout.
};

struct DirectResponse {
  std::uint16_t status = 200;
  std::string body;
  bool has_body = false;  ///< The body is not empty.
};

struct RouteMatch {
  enum class Kind : std::uint8_t { prefix, path };
  Kind kind = Kind::prefix;
  std::string value;
  bool case_sensitive = true;
};

/// envoy.config.core.v3.HeaderValueOption
struct HeaderToAdd {
  /// Envoy's numbers.
  enum class Action : std::uint8_t {
    append_if_exists_or_add,
    add_if_absent,
    overwrite_if_exists_or_add,
    overwrite_if_exists,
  };
  std::string name;  ///< Lower case.
  std::string value;
  Action action = Action::append_if_exists_or_add;
  bool keep_empty = false;
};

/// What one level of a route configuration does to headers: first the removals.
struct HeaderMutations {
  std::vector<std::string> remove;  ///< Lower case.
  std::vector<HeaderToAdd> add;
};

/// Of requests to, and of responses from, whatever the routes of a level lead to.
struct HeaderRules {
  HeaderMutations request;
  HeaderMutations response;
};

struct Route {
  std::string name;
  RouteMatch match;
  std::variant<ClusterRoute, DirectResponse> action;
  std::string metadata_json;  ///< metadata.filter_metadata as JSON; read by plugins only.
  HeaderRules headers{};      ///< The route's own.
  /// In the order in which they count: the route's, its virtual host's, the whole
  /// configuration's; those that do something.
  std::vector<HeaderMutations> request_headers{};
  std::vector<HeaderMutations> response_headers{};
  Location location;
};

struct VirtualHost {
  std::string name;
  std::vector<std::string> domains;  ///< Exact, "*.suffix", "prefix*", or "*".
  std::vector<Route> routes;
  HeaderRules headers{};
  Location location;
};

struct RouteConfiguration {
  std::string name;
  std::vector<VirtualHost> virtual_hosts;
  HeaderRules headers{};
  std::uint32_t max_direct_response_body_size_bytes = 4096;
};

enum class ServerHeader : std::uint8_t { overwrite, append_if_absent, pass_through };

/// envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager ("HCM").
struct HttpConnectionManager {
  std::string stat_prefix;
  RouteConfiguration route_config;
  std::vector<HttpFilter> http_filters;  ///< The router is last; load() guarantees it.
  std::string server_name = "envoy";
  ServerHeader server_header = ServerHeader::overwrite;
  std::string via;
  bool use_remote_address = false;
  bool skip_xff_append = false;
  std::uint32_t xff_num_trusted_hops = 0;
  bool generate_request_id = true;
  bool preserve_external_request_id = false;
  bool always_set_request_id_in_response = false;
  bool accept_http_10 = false;
  bool enable_trailers = false;  ///< http_protocol_options
  std::string default_host_for_http_10;
  Milliseconds stream_idle_timeout{300'000};
  Milliseconds request_timeout{0};
  Milliseconds request_headers_timeout{
      10'000};  ///< Envoy: off. Ours bounds a slowloris by default.
  Milliseconds drain_timeout{5'000};
  Milliseconds delayed_close_timeout{1'000};
  Milliseconds idle_timeout{3'600'000};           ///< common_http_protocol_options.idle_timeout
  Milliseconds max_connection_duration{0};        ///< common_http_protocol_options
  Milliseconds max_stream_duration{0};            ///< common_http_protocol_options
  std::uint32_t max_headers_count = 100;          ///< common_http_protocol_options
  std::uint32_t max_requests_per_connection = 0;  ///< common_http_protocol_options; 0 = no limit
  std::uint32_t max_request_headers_kb = 60;
  std::vector<AccessLog> access_logs;
  Location location;
};

/// envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.
struct TcpProxy {
  std::string stat_prefix;
  std::string cluster;
  std::size_t cluster_index = 0;
  Milliseconds idle_timeout{3'600'000};
  std::vector<AccessLog> access_logs;
  Location location;
};

struct Listener {
  std::string name;
  SocketAddress address;
  std::uint32_t per_connection_buffer_limit_bytes = 1024 * 1024;
  bool enable_reuse_port = true;
  std::uint32_t tcp_backlog_size = 0;  ///< 0 = the system's maximum.
  bool ignore_global_conn_limit = false;
  /// Then the worker looks after its other sockets before it accepts more; unset: kAcceptsPerTurn.
  std::optional<std::uint32_t> max_connections_to_accept_per_socket_event;
  /// What sees a connection's bytes before `filter` does. Only before a TcpProxy.
  std::vector<Extension> network_filters;
  std::variant<HttpConnectionManager, TcpProxy>
      filter;  ///< The last network filter of the one filter chain.
  Location location;
};

struct Endpoint {
  SocketAddress address;
  std::uint32_t weight = 1;  ///< load_balancing_weight
};

struct CircuitBreakers {  ///< The DEFAULT priority's thresholds.
  std::uint32_t max_connections = 1024;
  std::uint32_t max_pending_requests = 1024;
  std::uint32_t max_requests = 1024;
  std::uint32_t max_retries = 3;
  bool track_remaining = false;
};

enum class DiscoveryType : std::uint8_t { static_, strict_dns, logical_dns };
/// Envoy's DnsLookupFamily; auto = IPv6 first, IPv4 if there is no IPv6 answer.
enum class DnsLookupFamily : std::uint8_t { auto_, v4_only, v6_only, v4_preferred, all };

struct Dns {
  Milliseconds refresh_rate{5'000};
  /// Base and cap of the back-off after failed lookups; unset = refresh_rate.
  std::optional<Milliseconds> failure_base_interval;
  std::optional<Milliseconds> failure_max_interval;
  bool respect_ttl = false;
  DnsLookupFamily lookup_family = DnsLookupFamily::auto_;
  std::vector<SocketAddress> resolvers;  ///< c-ares servers; empty = the system's.
  bool use_tcp = false;
  std::uint32_t edns0_max_payload_size = 0;  ///< 0 = no EDNS: UDP answers of 512 bytes.
};

struct Cluster {
  std::string name;
  DiscoveryType type = DiscoveryType::static_;
  Milliseconds connect_timeout{5'000};
  std::vector<Endpoint> endpoints;
  CircuitBreakers circuit_breakers;
  Dns dns;
  std::uint32_t per_connection_buffer_limit_bytes = 1024 * 1024;
  Milliseconds idle_timeout{
      3'600'000};  ///< HttpProtocolOptions.common_http_protocol_options.idle_timeout
  std::uint32_t max_requests_per_connection = 0;  ///< HttpProtocolOptions...; 0 = no limit
  bool enable_trailers = false;                   ///< HttpProtocolOptions... http_protocol_options
  std::uint32_t max_headers_count = 100;          ///< HttpProtocolOptions..., of responses
  std::uint32_t max_response_headers_kb = 80;     ///< HttpProtocolOptions...
  std::string metadata_json;
  Location location;
};

struct Admin {
  SocketAddress address;
  std::vector<AccessLog> access_logs;  ///< admin.access_log_path and admin.access_log
  Location location;
};

/// envoy.config.overload.v3.ResourceMonitor, the one that limits connections.
struct ResourceMonitor {
  std::string name;
  std::uint64_t max_active_downstream_connections = 0;  ///< DownstreamConnectionsConfig
};

struct OverloadManager {
  std::vector<ResourceMonitor> resource_monitors;  ///< One: load() guarantees it.
};

struct StatsTag {
  std::string name;
  std::string
      regex;  ///< RE2; first group is removed from the name, second (or first) is the value.
  std::string fixed_value;
  Location location;
};

struct Bootstrap {
  std::vector<Listener> listeners;
  std::vector<Cluster> clusters;
  std::optional<Admin> admin;
  std::optional<OverloadManager> overload_manager;
  std::vector<Extension> extensions;  ///< bootstrap_extensions: what runs beside the listeners.
  std::vector<StatsTag> stats_tags;
  Milliseconds stats_flush_interval{5'000};
  std::string node_id;
  std::string node_cluster;
  std::string
      source_json;  ///< The whole file as JSON, with defaults as written: what /config_dump shows.
  std::vector<std::string> warnings;  ///< "FILE:LINE:COL: warning: ...", e.g. deprecated fields.
};

}  // namespace holdfast::config
