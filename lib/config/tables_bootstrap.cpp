#include <set>

#include "config/context.hpp"
#include "config/tables.hpp"

namespace holdfast::config {
namespace {

const MessageTable& static_resources_table() {
  static const MessageTable kTable =
      Message<Bootstrap>("StaticResources", "envoy.config.bootstrap.v3.Bootstrap.StaticResources",
                         "Listeners and clusters.")
          .message("listeners", &Bootstrap::listeners, listener_table,
                   "Where clients connect. No listener is accepted, as in Envoy.")
          .message("clusters", &Bootstrap::clusters, cluster_table, "Where requests go.")
          .table();
  return kTable;
}

const MessageTable& admin_table() {
  static const MessageTable kTable =
      Message<Admin>("Admin", "envoy.config.bootstrap.v3.Admin", "The admin server.")
          .message("address", &Admin::address, address_table,
                   "Where it listens. Without an address there is no admin server.")
          .message("access_log", &Admin::access_logs, access_log_table,
                   "Access logs of admin requests.")
          .custom<std::string>(
              "access_log_path",
              [](Admin& admin, std::string path) {
                if (path.empty()) return;
                AccessLog log;
                log.path = std::move(path);
                admin.access_logs.push_back(std::move(log));
              },
              "A file for the access log of admin requests.")
          .deprecated("use access_log")
          .ignored<std::string>("profile_path", "Without effect: Holdfast has no CPU profiler.")
          .ignored<bool>("ignore_global_conn_limit",
                         "Without effect: the overload manager's limit never counts the admin "
                         "server's connections, which have a limit of their own.")
          .finish([](Admin& admin, const Source& source, Context& context) {
            admin.location = source.at();
            for (AccessLog& log : admin.access_logs) {
              if (log.location.line == 0) log.location = source.where("access_log_path");
            }
            if (source.has("address") && !admin.address.address.empty() &&
                !is_ip_literal(admin.address.address)) {
              context.error(
                  admin.address.location,
                  "malformed IP address \"" + admin.address.address + "\" in the address of Admin");
            }
          })
          .table();
  return kTable;
}

const MessageTable& stats_tag_table() {
  static const MessageTable kTable =
      Message<StatsTag>("TagSpecifier", "envoy.config.metrics.v3.TagSpecifier",
                        "Takes a tag out of the names of statistics.")
          .field("tag_name", &StatsTag::name, "The tag's name.")
          .required()
          .field("regex", &StatsTag::regex,
                 "RE2. The first group is cut from the name; the second (or else the first) is the "
                 "tag's value.")
          .oneof("tag_value")
          .field("fixed_value", &StatsTag::fixed_value, "The tag's value for all statistics.")
          .oneof("tag_value")
          .require_oneof("tag_value")
          .finish([](StatsTag& tag, const Source& source, Context& context) {
            constexpr std::size_t kLongestRegex = 1024;  // Envoy's limit
            tag.location = source.where("regex");
            if (tag.regex.size() > kLongestRegex) {
              context.error(tag.location,
                            "field \"regex\" of TagSpecifier is longer than 1024 bytes");
            }
          })
          .table();
  return kTable;
}

const MessageTable& stats_config_table() {
  static const MessageTable kTable =
      Message<Bootstrap>("StatsConfig", "envoy.config.metrics.v3.StatsConfig",
                         "How statistics are tagged.")
          .message("stats_tags", &Bootstrap::stats_tags, stats_tag_table,
                   "Tags beside Envoy's built-in ones.")
          .table();
  return kTable;
}

const MessageTable& locality_table() {
  static const MessageTable kTable =
      Message<Bootstrap>("Locality", "envoy.config.core.v3.Locality", "Where this process runs.")
          .titled("Locality (node)")
          .ignored<std::string>("region", "The region.")
          .ignored<std::string>("zone", "The zone.")
          .ignored<std::string>("sub_zone", "The sub-zone.")
          .table();
  return kTable;
}

const MessageTable& node_table() {
  static const MessageTable kTable =
      Message<Bootstrap>("Node", "envoy.config.core.v3.Node",
                         "Who this process is; shown by `/server_info`, otherwise without effect.")
          .field("id", &Bootstrap::node_id, "The node's name; `--service-node` overrides it.")
          .field("cluster", &Bootstrap::node_cluster,
                 "The group that the node belongs to; `--service-cluster` overrides it.")
          .structure(
              "metadata", [](Bootstrap&, const std::string&) {}, "Any data.")
          .inert()
          .nested("locality", locality_table, "Where this process runs.")
          .inert()
          .ignored<std::string>("user_agent_name", "The name of the software.")
          .ignored<std::string>("user_agent_version", "Its version.")
          .oneof("user_agent_version_type")
          .table();
  return kTable;
}

const MessageTable& admin_layer_table() {
  static const MessageTable kTable =
      Message<Bootstrap>("AdminLayer", "envoy.config.bootstrap.v3.RuntimeLayer.AdminLayer",
                         "A layer that the admin server can change; it has no fields.")
          .table();
  return kTable;
}

const MessageTable& runtime_layer_table() {
  static const MessageTable kTable =
      Message<Bootstrap>("RuntimeLayer", "envoy.config.bootstrap.v3.RuntimeLayer",
                         "One layer of runtime values.")
          .ignored<std::string>("name", "The layer's name.")
          .required()
          .structure(
              "static_layer", [](Bootstrap&, const std::string&) {}, "Runtime keys and values.")
          .inert()
          .oneof("layer_specifier")
          .nested("admin_layer", admin_layer_table, "Values changed through the admin server.")
          .inert()
          .oneof("layer_specifier")
          .require_oneof("layer_specifier")
          .table();
  return kTable;
}

void check_layer_names(const Source& source, Context& context) {
  const Value* layers = source.find("layers");
  if (layers == nullptr) return;
  std::set<std::string> seen;
  for (const Value& layer : layers->as_list()) {
    const Value* name = layer.find("name");
    if (name != nullptr && !seen.insert(name->text).second) {
      context.error(name->location,
                    "duplicate layer name \"" + name->text + "\" in LayeredRuntime");
    }
  }
}

/// Runtime values steer only Envoy's own code; the layers are checked and then forgotten.
const MessageTable& layered_runtime_table() {
  static const MessageTable kTable =
      Message<Bootstrap>("LayeredRuntime", "envoy.config.bootstrap.v3.LayeredRuntime",
                         "Envoy's runtime values. Accepted so that a file serves both; without "
                         "effect.")
          .nested("layers", runtime_layer_table, "The layers.", Cardinality::list)
          .inert()
          .finish([](Bootstrap&, const Source& source, Context& context) {
            check_layer_names(source, context);
          })
          .table();
  return kTable;
}

const MessageTable& bootstrap_extension_table() {
  static const MessageTable kTable =
      Message<Extension>("TypedExtensionConfig", "envoy.config.core.v3.TypedExtensionConfig",
                         "Something that runs beside the listeners.")
          .titled("TypedExtensionConfig (bootstrap)")
          .ignored<std::string>("name", "A label; `@type` decides what it is.")
          .required()
          .any("typed_config", {}, "What it is, and its settings.")
          .extension(ExtensionPoint::bootstrap_extension,
                     [](Extension& extension, ParsedHttpFilter&& parsed) {
                       extension.type = std::move(parsed.type);
                       extension.config = std::move(parsed.config);
                     })
          .required()
          .table();
  return kTable;
}

}  // namespace

const MessageTable& bootstrap_table() {
  static const MessageTable kTable =
      Message<Bootstrap>("Bootstrap", "envoy.config.bootstrap.v3.Bootstrap",
                         "The whole configuration file.")
          .nested("node", node_table, "Who this process is.")
          .nested("static_resources", static_resources_table, "Listeners and clusters.")
          .message("admin", &Bootstrap::admin, admin_table, "The admin server.")
          .default_text("no admin server")
          .message("overload_manager", &Bootstrap::overload_manager, overload_manager_table,
                   "Limits of the whole process.")
          .default_text("no limits")
          .nested("stats_config", stats_config_table, "How statistics are tagged.")
          .field("stats_flush_interval", &Bootstrap::stats_flush_interval,
                 "How long a histogram's interval is, as /stats shows it.")
          .range(1'000'000, 299'999'999'999)
          .message("bootstrap_extensions", &Bootstrap::extensions, bootstrap_extension_table,
                   "What runs beside the listeners: plugins without connections.")
          .nested("layered_runtime", layered_runtime_table, "Envoy's runtime values.")
          .inert()
          .table();
  return kTable;
}

}  // namespace holdfast::config
