#include "config/context.hpp"
#include "config/tables.hpp"

namespace holdfast::config {
namespace {

using std::chrono::milliseconds;

void check_static(const Cluster& cluster, Context& context) {
  for (const Endpoint& endpoint : cluster.endpoints) {
    const SocketAddress& address = endpoint.address;
    if (address.address.empty() || is_ip_literal(address.address)) continue;
    context.error(address.location, "malformed IP address \"" + address.address +
                                        "\" in STATIC cluster \"" + cluster.name +
                                        "\": set its type to STRICT_DNS or LOGICAL_DNS");
  }
}

void check_logical(const Cluster& cluster, const Source& source, Context& context) {
  const Value* assignment = source.find("load_assignment");
  const Value* localities = assignment == nullptr ? nullptr : Source(*assignment).find("endpoints");
  const std::size_t count = localities == nullptr ? 0 : localities->as_list().size();
  if (count == 1 && cluster.endpoints.size() == 1) return;
  context.error(source.where("load_assignment"),
                "LOGICAL_DNS cluster \"" + cluster.name +
                    "\" must have exactly one endpoint, in one locality");
}

void finish(Cluster& cluster, const Source& source, Context& context) {
  cluster.location = source.where("name");
  if (cluster.type == DiscoveryType::static_) check_static(cluster, context);
  if (cluster.type == DiscoveryType::logical_dns) check_logical(cluster, source, context);
}

Message<Cluster>& add_dns(Message<Cluster>& message) {
  static const auto kDns = [](Cluster& cluster) { return &cluster.dns; };
  return message
      .custom<Milliseconds>(
          "dns_refresh_rate",
          [](Cluster& cluster, Milliseconds rate) { cluster.dns.refresh_rate = rate; },
          "How often names are looked up.")
      .more_than(milliseconds(1))
      .default_text(duration_text(Dns{}.refresh_rate))
      .message_at("dns_failure_refresh_rate", kDns, refresh_rate_table,
                  "How soon a failed look-up is tried again.")
      .default_text("dns_refresh_rate")
      .custom<bool>(
          "respect_dns_ttl",
          [](Cluster& cluster, bool respect) { cluster.dns.respect_ttl = respect; },
          "Looks names up again when the answer's TTL has passed, instead of at dns_refresh_rate.")
      .default_text("false")
      .custom_enumeration(
          "dns_lookup_family",
          {{"AUTO", 0}, {"V4_ONLY", 1}, {"V6_ONLY", 2}, {"V4_PREFERRED", 3}, {"ALL", 4}},
          [](Cluster& cluster, std::int64_t family) {
            cluster.dns.lookup_family = static_cast<DnsLookupFamily>(family);
          },
          "Which addresses count. AUTO: IPv6, or IPv4 when there is none.")
      .default_text("AUTO")
      .message_at("typed_dns_resolver_config", kDns, typed_dns_resolver_table,
                  "Which DNS servers are asked.")
      .default_text("the system's")
      .message_at("dns_resolution_config", kDns, dns_resolution_config_table,
                  "The old spelling of typed_dns_resolver_config.")
      .deprecated("use typed_dns_resolver_config")
      .custom<bool>(
          "use_tcp_for_dns_lookups", [](Cluster& cluster, bool tcp) { cluster.dns.use_tcp = tcp; },
          "Asks DNS servers over TCP.")
      .default_text("false")
      .deprecated(
          "use typed_dns_resolver_config with dns_resolver_options.use_tcp_for_dns_lookups");
}

Message<Cluster>& add_http(Message<Cluster>& message) {
  const std::string kOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  return message
      .any("typed_extension_protocol_options",
           {any_type<Cluster>({kOptions}, upstream_protocol_options_table,
                              [](Cluster& cluster) { return &cluster; })},
           "How HTTP is spoken with the endpoints, under the key "
           "`envoy.extensions.upstreams.http.v3.HttpProtocolOptions`.",
           Cardinality::map)
      .keys({kOptions, "envoy.upstreams.http.http_protocol_options"})
      .nested("common_http_protocol_options", cluster_common_http_options_table,
              "Limits of the connections to endpoints.")
      .deprecated("use typed_extension_protocol_options")
      .nested("http_protocol_options", cluster_http1_options_table, "HTTP/1.1 towards endpoints.")
      .deprecated("use typed_extension_protocol_options")
      .field("max_requests_per_connection", &Cluster::max_requests_per_connection,
             "Closes a connection after so many requests; 0 = no limit.")
      .deprecated("use typed_extension_protocol_options");
}

}  // namespace

const MessageTable& cluster_table() {
  static const MessageTable kTable = [] {
    Message<Cluster> message("Cluster", "envoy.config.cluster.v3.Cluster",
                             "Servers that answer the same requests.");
    message.field("name", &Cluster::name, "What routes and filters call it.")
        .required()
        .enumeration("type", &Cluster::type,
                     {{"STATIC", 0},
                      {"STRICT_DNS", 1},
                      {"LOGICAL_DNS", 2},
                      {"EDS", 3, false},
                      {"ORIGINAL_DST", 4, false}},
                     "Where endpoints come from: addresses as given, every address that a name "
                     "resolves to, or one address of it at a time.")
        .oneof("cluster_discovery_type")
        .field("connect_timeout", &Cluster::connect_timeout, "How long a connect may take.")
        .more_than(milliseconds(0))
        .custom_enumeration(
            "lb_policy",
            {{"ROUND_ROBIN", 0},
             {"LEAST_REQUEST", 1, false},
             {"RING_HASH", 2, false},
             {"RANDOM", 3, false},
             {"MAGLEV", 5, false},
             {"CLUSTER_PROVIDED", 6, false},
             {"LOAD_BALANCING_POLICY_CONFIG", 7, false}},
            [](Cluster&, std::int64_t) {}, "How endpoints take turns.")
        .default_text("ROUND_ROBIN")
        .nested("load_assignment", load_assignment_table, "The endpoints.")
        .message("circuit_breakers", &Cluster::circuit_breakers, circuit_breakers_table,
                 "Limits; a request beyond them gets 503 at once.")
        .field("per_connection_buffer_limit_bytes", &Cluster::per_connection_buffer_limit_bytes,
               "How much of a body may wait in memory before the other side is no longer read.")
        .message("metadata", &Cluster::metadata_json, metadata_table, "Data for plugins.");
    add_dns(message);
    add_http(message);
    message.finish(finish);
    return message.table();
  }();
  return kTable;
}

}  // namespace holdfast::config
