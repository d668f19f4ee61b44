#include <limits>
#include <set>

#include "config/context.hpp"
#include "config/tables.hpp"

namespace holdfast::config {
namespace {

/// The one resource monitor that is a limit by itself, without an action that it triggers.
constexpr const char* kConnections = "envoy.resource_monitors.global_downstream_max_connections";

const MessageTable& downstream_connections_table() {
  static const MessageTable kTable =
      Message<ResourceMonitor>(
          "DownstreamConnectionsConfig",
          "envoy.extensions.resource_monitors.downstream_connections.v3."
          "DownstreamConnectionsConfig",
          "The limit of connections from clients, over all listeners and workers.")
          .field("max_active_downstream_connections",
                 &ResourceMonitor::max_active_downstream_connections,
                 "Most connections at once; one more is accepted and closed without a byte.")
          .required()
          .range(1, std::numeric_limits<std::int64_t>::max())
          .table();
  return kTable;
}

const MessageTable& resource_monitor_table() {
  static const MessageTable kTable =
      Message<ResourceMonitor>("ResourceMonitor", "envoy.config.overload.v3.ResourceMonitor",
                               "One limited resource.")
          .field("name", &ResourceMonitor::name,
                 "`envoy.resource_monitors.global_downstream_max_connections`.")
          .required()
          .any(
              "typed_config",
              {any_type<ResourceMonitor>(
                  {"envoy.extensions.resource_monitors.downstream_connections.v3."
                   "DownstreamConnectionsConfig"},
                  downstream_connections_table, [](ResourceMonitor& monitor) { return &monitor; })},
              "Which resource, and its limit.")
          .required()
          .finish([](ResourceMonitor& monitor, const Source& source, Context& context) {
            if (monitor.name.empty() || monitor.name == kConnections) return;
            context.error(source.where("name"), "resource monitor \"" + monitor.name +
                                                    "\" is not implemented by Holdfast; it must "
                                                    "be \"" +
                                                    kConnections + "\"");
          })
          .table();
  return kTable;
}

void check_twice(const Source& source, Context& context) {
  const Value* monitors = source.find("resource_monitors");
  if (monitors == nullptr) return;
  std::set<std::string> seen;
  for (const Value& monitor : monitors->as_list()) {
    const Value* name = monitor.find("name");
    if (name != nullptr && !seen.insert(name->text).second) {
      context.error(name->location,
                    "duplicate resource monitor \"" + name->text + "\" in OverloadManager");
    }
  }
}

}  // namespace

const MessageTable& overload_manager_table() {
  static const MessageTable kTable =
      Message<OverloadManager>("OverloadManager", "envoy.config.overload.v3.OverloadManager",
                               "Limits of the whole process.")
          .ignored<Milliseconds>("refresh_interval",
                                 "How often Envoy asks monitors that must be asked; the limit of "
                                 "connections is kept exactly at all times.")
          .message("resource_monitors", &OverloadManager::resource_monitors, resource_monitor_table,
                   "What is limited.")
          .required()
          .items(1)
          .differs("Only the limit of connections; no actions.")
          .finish([](OverloadManager&, const Source& source, Context& context) {
            check_twice(source, context);
          })
          .table();
  return kTable;
}

}  // namespace holdfast::config
