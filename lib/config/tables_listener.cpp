#include <algorithm>
#include <span>

#include "config/context.hpp"
#include "config/parse.hpp"
#include "config/tables.hpp"

namespace holdfast::config {
namespace {

const MessageTable& tcp_proxy_table() {
  static const MessageTable kTable =
      Message<TcpProxy>("TcpProxy", "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                        "Passes bytes to a cluster.")
          .field("stat_prefix", &TcpProxy::stat_prefix,
                 "Names its statistics: `tcp.<stat_prefix>.`")
          .required()
          .field("cluster", &TcpProxy::cluster, "Where the bytes go.")
          .cluster_reference()
          .min_length(1)
          .oneof("cluster_specifier")
          .require_oneof("cluster_specifier")
          .differs(
              "A cluster that does not exist is an error at start; Envoy closes each connection.")
          .field("idle_timeout", &TcpProxy::idle_timeout,
                 "Closes a connection without traffic; 0s = never.")
          .message("access_log", &TcpProxy::access_logs, access_log_table,
                   "Access logs, a line for each connection.")
          .finish(
              [](TcpProxy& proxy, const Source& source, Context&) { proxy.location = source.at(); })
          .table();
  return kTable;
}

const MessageTable& filter_table() {
  static const MessageTable kTable =
      Message<Listener>("Filter", "envoy.config.listener.v3.Filter", "A network filter.")
          .ignored<std::string>("name", "A label; `@type` decides what the filter is.")
          .required()
          .any("typed_config",
               {any_type<Listener>({"envoy.extensions.filters.network.http_connection_manager.v3."
                                    "HttpConnectionManager"},
                                   http_connection_manager_table,
                                   [](Listener& listener) {
                                     return &listener.filter.emplace<HttpConnectionManager>();
                                   }),
                any_type<Listener>(
                    {"envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"}, tcp_proxy_table,
                    [](Listener& listener) { return &listener.filter.emplace<TcpProxy>(); })},
               "Which filter, and its settings.")
          .extension(ExtensionPoint::network_filter,
                     [](Listener& listener, ParsedHttpFilter&& parsed) {
                       listener.network_filters.push_back(
                           {std::move(parsed.type), std::move(parsed.config)});
                     })
          .required()
          .table();
  return kTable;
}

bool is_network_filter(std::string_view type, const FilterCatalog& catalog) {
  return std::any_of(catalog.begin(), catalog.end(), [&](const HttpFilterType& entry) {
    return entry.point == ExtensionPoint::network_filter && entry.type_urls.front() == type;
  });
}

/// One HttpConnectionManager or TcpProxy, as the last one; before a TcpProxy others, which come
/// from the catalog.
void check_filters(const Source& source, Context& context) {
  const Value* filters = source.find("filters");
  if (filters == nullptr) return;
  constexpr std::string_view kManager = "HttpConnectionManager";
  const std::span<const Value> all = filters->as_list();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Value* config = Source(all[i]).find("typed_config");
    const auto content = config == nullptr ? std::nullopt : open_any(*config, "", "", nullptr);
    if (!content) return;  // Reported by the table.
    const std::string_view type = content->type_name;
    const bool manager = type.ends_with(kManager);
    const bool last = i + 1 == all.size();
    if (!manager && !type.ends_with(".TcpProxy")) {
      if (last && is_network_filter(type, context.catalog())) {
        context.error(all[i].location,
                      "the last network filter must be an HttpConnectionManager "
                      "or a TcpProxy");
      }
    } else if (!last) {
      return context.error(all[i + 1].location,
                           "no network filter can follow an "
                           "HttpConnectionManager or a TcpProxy");
    } else if (manager && i != 0) {
      context.error(all[0].location,
                    "network filters before an HttpConnectionManager are not "
                    "implemented by Holdfast");
    }
  }
}

const MessageTable& filter_chain_table() {
  static const MessageTable kTable =
      Message<Listener>("FilterChain", "envoy.config.listener.v3.FilterChain",
                        "What happens to a connection.")
          .ignored<std::string>("name", "A label.")
          .nested("filters", filter_table, "The network filters.", Cardinality::list)
          .required()
          .items(1)
          .differs("One HttpConnectionManager, or one TcpProxy with plugins before it.")
          .finish([](Listener&, const Source& source, Context& context) {
            check_filters(source, context);
          })
          .table();
  return kTable;
}

}  // namespace

const MessageTable& listener_table() {
  static const MessageTable kTable =
      Message<Listener>("Listener", "envoy.config.listener.v3.Listener",
                        "An address where clients connect.")
          .field("name", &Listener::name, "Names it in `/listeners` and in errors.")
          .default_text("its address")
          .message("address", &Listener::address, address_table, "Where it listens: an IP address.")
          .required()
          .nested("filter_chains", filter_chain_table, "What happens to a connection.",
                  Cardinality::list)
          .required()
          .items(1, 1)
          .differs("Exactly one chain, without filter_chain_match.")
          .field("per_connection_buffer_limit_bytes", &Listener::per_connection_buffer_limit_bytes,
                 "How much of a body may wait in memory before the other side is no longer read.")
          .field("enable_reuse_port", &Listener::enable_reuse_port,
                 "One listening socket for each worker, between which the kernel spreads "
                 "connections.")
          .custom<bool>(
              "reuse_port", [](Listener& listener, bool on) { listener.enable_reuse_port = on; },
              "The old spelling of enable_reuse_port.")
          .deprecated("use enable_reuse_port")
          .field("tcp_backlog_size", &Listener::tcp_backlog_size,
                 "Connections that may wait to be accepted; 0 = the system's maximum.")
          .field("max_connections_to_accept_per_socket_event",
                 &Listener::max_connections_to_accept_per_socket_event,
                 "Connections accepted in one go, before other sockets get their turn.")
          .range(1, 0xFFFFFFFF)
          .default_text("64")
          .differs("Envoy's default is all that wait.")
          .field("ignore_global_conn_limit", &Listener::ignore_global_conn_limit,
                 "Its connections are not counted by the overload manager's limit, nor refused.")
          .custom_enumeration(
              "traffic_direction", {{"UNSPECIFIED", 0}, {"INBOUND", 1}, {"OUTBOUND", 2}},
              [](Listener&, std::int64_t) {}, "A hint for Envoy's control planes.")
          .inert()
          .finish([](Listener& listener, const Source& source, Context& context) {
            listener.location = source.at();
            const SocketAddress& address = listener.address;
            if (!address.address.empty() && !is_ip_literal(address.address)) {
              context.error(address.location, "malformed IP address \"" + address.address +
                                                  "\" in the address of Listener");
            }
          })
          .table();
  return kTable;
}

}  // namespace holdfast::config
