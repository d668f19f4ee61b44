#include "config/context.hpp"
#include "config/tables.hpp"

namespace holdfast::config {
namespace {

constexpr std::uint64_t kMaxU32 = 0xFFFFFFFF;

const MessageTable& endpoint_table() {
  static const MessageTable kTable =
      Message<Endpoint>("Endpoint", "envoy.config.endpoint.v3.Endpoint", "A server.")
          .message("address", &Endpoint::address, address_table, "Where it listens.")
          .required()
          .table();
  return kTable;
}

const MessageTable& lb_endpoint_table() {
  static const MessageTable kTable =
      Message<Endpoint>("LbEndpoint", "envoy.config.endpoint.v3.LbEndpoint",
                        "A server and its weight.")
          .nested("endpoint", endpoint_table, "The server.")
          .required()
          .field("load_balancing_weight", &Endpoint::weight,
                 "Its share of the requests, relative to the others'.")
          .range(1, kMaxU32)
          .table();
  return kTable;
}

const MessageTable& locality_table() {
  static const MessageTable kTable =
      Message<Cluster>("Locality", "envoy.config.core.v3.Locality", "Where endpoints run.")
          .titled("Locality (endpoints)")
          .ignored<std::string>("region", "The region.")
          .ignored<std::string>("zone", "The zone.")
          .ignored<std::string>("sub_zone", "The sub-zone.")
          .table();
  return kTable;
}

const MessageTable& locality_endpoints_table() {
  static const MessageTable kTable =
      Message<Cluster>("LocalityLbEndpoints", "envoy.config.endpoint.v3.LocalityLbEndpoints",
                       "Endpoints of one locality.")
          .message("lb_endpoints", &Cluster::endpoints, lb_endpoint_table, "The endpoints.")
          .nested("locality", locality_table, "Where they run.")
          .inert()
          .ignored<std::uint32_t>("load_balancing_weight",
                                  "Without effect, as in Envoy without locality-weighted load "
                                  "balancing.")
          .range(1, kMaxU32)
          .ignored<std::uint32_t>("priority", "Only the highest priority is implemented.")
          .range(0, 0)
          .differs("Only 0.")
          .table();
  return kTable;
}

const MessageTable& thresholds_table() {
  static const MessageTable kTable =
      Message<CircuitBreakers>("Thresholds", "envoy.config.cluster.v3.CircuitBreakers.Thresholds",
                               "Limits of one priority, over all workers.")
          .custom_enumeration(
              "priority", {{"DEFAULT", 0}, {"HIGH", 1, false}},
              [](CircuitBreakers&, std::int64_t) {}, "Of which requests.")
          .default_text("DEFAULT")
          .field("max_connections", &CircuitBreakers::max_connections, "Most connections.")
          .field("max_pending_requests", &CircuitBreakers::max_pending_requests,
                 "Most requests that wait for a connection.")
          .field("max_requests", &CircuitBreakers::max_requests, "Most requests at once.")
          .field("max_retries", &CircuitBreakers::max_retries, "Most retries at once.")
          .field("track_remaining", &CircuitBreakers::track_remaining,
                 "Shows what is left as statistics.")
          .table();
  return kTable;
}

const MessageTable& explicit_http_table() {
  static const MessageTable kTable =
      Message<Cluster>("ExplicitHttpConfig",
                       "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig",
                       "The protocol towards the endpoints.")
          .nested("http_protocol_options", cluster_http1_options_table, "HTTP/1.1.")
          .oneof("protocol_config")
          .require_oneof("protocol_config")
          .table();
  return kTable;
}

}  // namespace

const MessageTable& load_assignment_table() {
  static const MessageTable kTable =
      Message<Cluster>("ClusterLoadAssignment", "envoy.config.endpoint.v3.ClusterLoadAssignment",
                       "A cluster's endpoints.")
          .ignored<std::string>("cluster_name", "A label; it may differ from the cluster's name.")
          .required()
          .nested("endpoints", locality_endpoints_table, "Endpoints by locality.",
                  Cardinality::list)
          .table();
  return kTable;
}

const MessageTable& circuit_breakers_table() {
  static const MessageTable kTable =
      Message<CircuitBreakers>("CircuitBreakers", "envoy.config.cluster.v3.CircuitBreakers",
                               "Limits; a request beyond them gets 503 at once.")
          .nested("thresholds", thresholds_table, "The limits.", Cardinality::list)
          .items(0, 1)
          .differs("Only those of priority DEFAULT.")
          .table();
  return kTable;
}

const MessageTable& cluster_common_http_options_table() {
  static const MessageTable kTable =
      Message<Cluster>("HttpProtocolOptions", "envoy.config.core.v3.HttpProtocolOptions",
                       "Limits of the connections to endpoints.")
          .titled("HttpProtocolOptions (cluster)")
          .field("idle_timeout", &Cluster::idle_timeout,
                 "Closes a connection that waits unused in the pool; 0s = never.")
          .field("max_requests_per_connection", &Cluster::max_requests_per_connection,
                 "Closes a connection after so many requests; 0 = no limit.")
          .field("max_headers_count", &Cluster::max_headers_count,
                 "Most header fields of a response; more gives 502.")
          .range(1, 0xFFFFFFFF)
          .field("max_response_headers_kb", &Cluster::max_response_headers_kb,
                 "Longest head of a response in KiB; more gives 502.")
          .range(1, 8192)
          .table();
  return kTable;
}

const MessageTable& cluster_http1_options_table() {
  static const MessageTable kTable =
      Message<Cluster>("Http1ProtocolOptions", "envoy.config.core.v3.Http1ProtocolOptions",
                       "HTTP/1.1 towards endpoints.")
          .titled("Http1ProtocolOptions (cluster)")
          .field(
              "enable_trailers", &Cluster::enable_trailers,
              "Takes the trailers of responses, and sends those of requests; else they end here.")
          .differs("A trailer that only a head may hold (RFC 9110 6.5.1) gives 502.")
          .table();
  return kTable;
}

const MessageTable& upstream_protocol_options_table() {
  static const MessageTable kTable =
      Message<Cluster>("HttpProtocolOptions",
                       "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                       "How HTTP is spoken with the endpoints.")
          .titled("HttpProtocolOptions (upstreams)")
          .nested("common_http_protocol_options", cluster_common_http_options_table,
                  "Limits of the connections.")
          .nested("explicit_http_config", explicit_http_table, "The protocol.")
          .oneof("upstream_protocol_options")
          .require_oneof("upstream_protocol_options")
          .table();
  return kTable;
}

}  // namespace holdfast::config
