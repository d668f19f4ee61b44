// GET /listeners, /server_info, /memory, /config_dump.
#include <malloc.h>

#include <array>
#include <boost/json.hpp>
#include <ctime>
#include <string>

#include "admin/endpoints.hpp"
#include "admin/json.hpp"
#include "stats/process_metrics.hpp"

namespace holdfast::admin {

namespace {

namespace json = boost::json;

/// google.protobuf.Timestamp in JSON.
std::string timestamp(std::chrono::system_clock::time_point time) {
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(since - seconds);
  const std::time_t whole = seconds.count();
  std::tm utc{};
  ::gmtime_r(&whole, &utc);
  std::array<char, 32> date{};
  std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::string fraction = std::to_string(1000 + millis.count());
  fraction[0] = '.';
  return date.data() + fraction + 'Z';
}

/// What bootstrap.static_resources holds under `member`, each as Envoy's dump wraps it.
json::array resources(const json::value& bootstrap, std::string_view member,
                      std::string_view wrapper, std::string_view type, const std::string& updated) {
  json::array out;
  const json::object* root = bootstrap.if_object();
  const json::value* holder = root == nullptr ? nullptr : root->if_contains("static_resources");
  const json::object* fields = holder == nullptr ? nullptr : holder->if_object();
  const json::value* list = fields == nullptr ? nullptr : fields->if_contains(member);
  if (list == nullptr || !list->is_array()) return out;
  for (const json::value& each : list->get_array()) {
    json::object typed{{"@type", "type.googleapis.com/" + std::string(type)}};
    if (const json::object* content = each.if_object()) {
      for (const auto& field : *content) typed.insert(field);
    }
    out.push_back(json::object{{wrapper, std::move(typed)}, {"last_updated", updated}});
  }
  return out;
}

}  // namespace

json::value socket_address(std::string_view address, std::uint16_t port) {
  return json::object{{"socket_address", {{"address", address}, {"port_value", port}}}};
}

std::string address_text(std::string_view address, std::uint16_t port) {
  const bool v6 = address.find(':') != std::string_view::npos;
  return (v6 ? "[" : "") + std::string(address) + (v6 ? "]:" : ":") + std::to_string(port);
}

Response Endpoints::listeners(const Target& target) const {
  const auto all = hooks_.listeners();
  if (target.get("format") != "json") {
    std::string out;
    for (const ListenerInfo& listener : all) {
      out += listener.name + "::" + address_text(listener.address, listener.port) + '\n';
    }
    return {200, std::move(out)};
  }
  json::object page;
  json::array statuses;
  for (const ListenerInfo& listener : all) {
    statuses.push_back(
        json::object{{"name", listener.name},
                     {"local_address", socket_address(listener.address, listener.port)}});
  }
  if (!statuses.empty()) page["listener_statuses"] = std::move(statuses);
  return {200, pretty(page), kJson};
}

Response Endpoints::server_info(const Target&) const {
  const ServerInfo info = hooks_.server_info();
  const std::string uptime = std::to_string(info.uptime.count()) + 's';
  json::object options;
  for (const auto& [name, value] : info.options) {
    boost::system::error_code not_json;
    json::value parsed = json::parse(value, not_json);
    options[name] = not_json ? json::value(value) : std::move(parsed);
  }
  const json::value page{
      {"version", info.version},
      {"state", to_string(hooks_.ready_state())},
      {"uptime_current_epoch", uptime},
      {"uptime_all_epochs", uptime},
      {"hot_restart_version", "disabled"},
      {"command_line_options", std::move(options)},
      {"node",
       {{"id", info.node_id}, {"cluster", info.node_cluster}, {"user_agent_name", "holdfast"}}}};
  return {200, pretty(page), kJson};
}

Response Endpoints::memory(const Target&) const {
  // Envoy's fields, which are tcmalloc's; glibc has no thread caches to speak of.
  const struct mallinfo2 heap = ::mallinfo2();
  stats::ServerStats process;
  stats::refresh_memory(process);
  const json::value page{
      {"allocated", std::to_string(heap.uordblks + heap.hblkhd)},
      {"heap_size", std::to_string(heap.arena + heap.hblkhd)},
      {"pageheap_unmapped", "0"},
      {"pageheap_free", std::to_string(heap.fordblks)},
      {"total_thread_cache", "0"},
      {"total_physical_bytes", std::to_string(process.memory_physical_size.get())}};
  return {200, pretty(page), kJson};
}

Response Endpoints::config_dump(const Target& target) const {
  boost::system::error_code error;
  const json::value bootstrap = json::parse(hooks_.config_dump_json(), error);
  if (error) return {500, "config dump: " + error.message()};
  const std::string dump = "type.googleapis.com/envoy.admin.v3.";
  const std::string updated = timestamp(started_);
  json::array clusters =
      resources(bootstrap, "clusters", "cluster", "envoy.config.cluster.v3.Cluster", updated);
  json::array listeners =
      resources(bootstrap, "listeners", "listener", "envoy.config.listener.v3.Listener", updated);
  json::array configs;
  if (const auto resource = target.get("resource")) {
    const bool is_cluster = resource == "static_clusters";
    if (!is_cluster && resource != "static_listeners") {
      return {404, std::string(*resource) + " not found in config dump", "text/plain"};
    }
    for (json::value& each : is_cluster ? clusters : listeners) {
      json::object typed{{"@type", dump + (is_cluster ? "ClustersConfigDump.StaticCluster"
                                                      : "ListenersConfigDump.StaticListener")}};
      for (const auto& member : each.get_object()) typed.insert(member);
      configs.push_back(std::move(typed));
    }
  } else {
    configs.push_back(json::object{{"@type", dump + "BootstrapConfigDump"},
                                   {"bootstrap", bootstrap},
                                   {"last_updated", updated}});
    json::object each{{"@type", dump + "ClustersConfigDump"}};
    if (!clusters.empty()) each["static_clusters"] = std::move(clusters);
    configs.push_back(std::move(each));
    each = {{"@type", dump + "ListenersConfigDump"}};
    if (!listeners.empty()) each["static_listeners"] = std::move(listeners);
    configs.push_back(std::move(each));
  }
  return {200, pretty(json::object{{"configs", std::move(configs)}}), kJson};
}

}  // namespace holdfast::admin
