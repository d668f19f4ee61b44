#include "config/context.hpp"
#include "config/tables.hpp"

namespace holdfast::config {
namespace {

using std::chrono::milliseconds;

void check_resolvers(const Dns& dns, Context& context) {
  for (const SocketAddress& resolver : dns.resolvers) {
    if (resolver.address.empty() || is_ip_literal(resolver.address)) continue;
    context.error(resolver.location,
                  "malformed IP address \"" + resolver.address + "\" of a DNS resolver");
  }
}

const MessageTable& resolver_options_table() {
  static const MessageTable kTable =
      Message<Dns>("DnsResolverOptions", "envoy.config.core.v3.DnsResolverOptions",
                   "How resolvers are asked.")
          .field("use_tcp_for_dns_lookups", &Dns::use_tcp, "Asks over TCP instead of UDP.")
          .table();
  return kTable;
}

const MessageTable& cares_table() {
  static const MessageTable kTable =
      Message<Dns>("CaresDnsResolverConfig",
                   "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
                   "The c-ares resolver.")
          .message("resolvers", &Dns::resolvers, address_table,
                   "DNS servers, by IP address; port 0 is 53.")
          .default_text("the system's")
          .nested("dns_resolver_options", resolver_options_table, "How they are asked.")
          .field("edns0_max_payload_size", &Dns::edns0_max_payload_size,
                 "Largest answer over UDP in bytes, announced by EDNS0; a larger one is asked for "
                 "again over TCP.")
          .range(512, 4096)
          .default_text("no EDNS0: 512")
          .differs("Envoy takes any number, and its c-ares announces 1232 by default.")
          .finish([](Dns& dns, const Source&, Context& context) { check_resolvers(dns, context); })
          .table();
  return kTable;
}

}  // namespace

const MessageTable& refresh_rate_table() {
  static const MessageTable kTable =
      Message<Dns>("RefreshRate", "envoy.config.cluster.v3.Cluster.RefreshRate",
                   "The back-off after failed look-ups: it grows from base to maximum.")
          .field("base_interval", &Dns::failure_base_interval, "The first interval.")
          .required()
          .more_than(milliseconds(1))
          .field("max_interval", &Dns::failure_max_interval, "The longest interval.")
          .more_than(milliseconds(1))
          .default_text("10 times base_interval")
          .finish([](Dns& dns, const Source& source, Context& context) {
            if (!dns.failure_base_interval) return;
            if (!dns.failure_max_interval) {
              dns.failure_max_interval = *dns.failure_base_interval * 10;
            } else if (*dns.failure_max_interval < *dns.failure_base_interval) {
              context.error(source.where("max_interval"),
                            "field \"max_interval\" of RefreshRate must not be less than "
                            "base_interval");
            }
          })
          .table();
  return kTable;
}

const MessageTable& typed_dns_resolver_table() {
  static const MessageTable kTable =
      Message<Dns>("TypedExtensionConfig", "envoy.config.core.v3.TypedExtensionConfig",
                   "The DNS resolver.")
          .titled("TypedExtensionConfig (DNS resolver)")
          .ignored<std::string>("name", "A label; `@type` decides which resolver.")
          .required()
          .any("typed_config",
               {any_type<Dns>(
                   {"envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig"},
                   cares_table, [](Dns& dns) { return &dns; })},
               "Which resolver, and its settings.")
          .required()
          .table();
  return kTable;
}

const MessageTable& dns_resolution_config_table() {
  static const MessageTable kTable =
      Message<Dns>("DnsResolutionConfig", "envoy.config.core.v3.DnsResolutionConfig",
                   "The old spelling of typed_dns_resolver_config.")
          .message("resolvers", &Dns::resolvers, address_table,
                   "DNS servers, by IP address; port 0 is 53.")
          .required()
          .items(1)
          .nested("dns_resolver_options", resolver_options_table, "How they are asked.")
          .finish([](Dns& dns, const Source&, Context& context) { check_resolvers(dns, context); })
          .table();
  return kTable;
}

}  // namespace holdfast::config
