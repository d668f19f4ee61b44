// The dispatch filter's configuration: our own message, and the original's plugin configuration
// (inside Envoy's Wasm message with the null runtime: wasm_config.cpp), both as field tables.
#include <algorithm>
#include <array>
#include <cctype>
#include <limits>

#include "config/context.hpp"
#include "filters/dispatch.hpp"
#include "filters/dispatch_filter.hpp"

namespace holdfast::filters {
namespace {

using config::Context;
using config::LocatedString;
using config::Location;
using config::Message;
using config::MessageTable;
using config::Source;

constexpr std::uint32_t kMaxCount = 65'535;
constexpr std::uint32_t kMaxPipelined = 256;
constexpr std::string_view kPluginName = "multiple_dispatches";

const MessageTable& header_value_table() {
  static const MessageTable kTable =
      Message<HeaderValue>("HeaderValue", "envoy.config.core.v3.HeaderValue", "One header field.")
          .field("key", &HeaderValue::key, "Name; sent in lower case.")
          .required()
          .rule(config::StringRule::header_name)
          .field("value", &HeaderValue::value, "Value.")
          .rule(config::StringRule::header_value)
          .table();
  return kTable;
}

/// Names that frame or route the message are the filter's own business.
bool is_reserved(std::string_view name) {
  constexpr std::array<std::string_view, 10> kReserved = {
      "host", "content-length", "transfer-encoding", "connection", "keep-alive",
      "te",   "trailer",        "upgrade",           "expect",     "proxy-connection"};
  return std::ranges::find(kReserved, name) != kReserved.end();
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

void finish_dispatch(DispatchConfig& message, const Source& source, Context& context) {
  constexpr std::array<std::string_view, 8> kMethods = {"GET",    "HEAD",    "POST",  "PUT",
                                                        "DELETE", "OPTIONS", "TRACE", "PATCH"};
  if (std::ranges::find(kMethods, message.method) == kMethods.end()) {
    context.error(source.where("method"), "method \"" + message.method +
                                              "\" in Dispatch is none of GET, HEAD, POST, PUT, "
                                              "DELETE, OPTIONS, TRACE, PATCH");
  }
  const bool clean = std::ranges::all_of(
      message.path, [](unsigned char c) { return c > ' ' && c < 0x7f && c != '#'; });
  if (!message.path.starts_with('/') || !clean) {
    context.error(source.where("path"),
                  "path in Dispatch must begin with '/' and hold only "
                  "printable ASCII without spaces or '#'");
  }
  if (message.max_pipelined > 1 && !is_idempotent(message.method)) {
    context.error(source.where("max_pipelined"),
                  "max_pipelined in Dispatch is for idempotent methods only: a " + message.method +
                      " without an answer must not be sent again");
  }
  message.header_name = lower(message.header_name);
  if (is_reserved(message.header_name)) {
    context.error(source.where("header_name"),
                  "header_name \"" + message.header_name + "\" in Dispatch frames the message");
  }
  for (HeaderValue& header : message.headers) {
    header.key = lower(std::move(header.key));
    if (is_reserved(header.key)) {
      context.error(source.where("headers"), "header \"" + header.key +
                                                 "\" in Dispatch frames or routes the request; "
                                                 "use `authority` for host");
    }
  }
}

const MessageTable& dispatch_table() {
  using C = DispatchConfig;
  static const MessageTable kTable =
      Message<C>("Dispatch", "holdfast.filters.http.dispatch.v1.Dispatch",
                 "Holds each response until `count` side requests have ended, then adds a header.")
          .field("cluster", &C::cluster, "Where the side requests go.")
          .required()
          .cluster_reference()
          .field("count", &C::count, "How many per response; 0 = the filter does nothing.")
          .range(0, kMaxCount)
          .field("path", &C::path, "Path of each side request.")
          .field("method", &C::method, "Method of each side request.")
          .field("authority", &C::authority, "Its Host; empty as in the original.")
          .rule(config::StringRule::header_value)
          .message("headers", &C::headers, &header_value_table,
                   "Further header fields of each side request.")
          .field("timeout", &C::timeout,
                 "How long one side request may take; then it counts as failed. 0 = no limit but "
                 "`max_hold`.")
          .field("header_name", &C::header_name, "The header that says how many were dispatched.")
          .min_length(1)
          .rule(config::StringRule::header_name)
          .enumeration(
              "on_failure", &C::on_failure, {{"count", 0}, {"mark", 1}, {"error", 2}},
              "What a failed side request (no response, or a 5xx) does. count: nothing, it "
              "has arrived, as in the original. mark: `x-dispatch-failed: K` is added, too. "
              "error: the response becomes a 502.")
          .field("max_hold", &C::max_hold,
                 "The longest hold: then what is still out counts as failed. Default: the route's "
                 "timeout; 0 there or here = five minutes.")
          .field("max_in_flight", &C::max_in_flight,
                 "Side requests of this filter under way at once on one worker; more fail at once. "
                 "0 = only the cluster's circuit breakers limit them.")
          .field("max_pipelined", &C::max_pipelined,
                 "Side requests of one response that are sent back to back on one connection; "
                 "the upstream then answers them one after the other. 1 = each on a connection of "
                 "its own, all at once. More: only for idempotent methods, and for upstreams that "
                 "take HTTP/1.1 pipelining (docs/filters.md).")
          .range(1, kMaxPipelined)
          .finish(finish_dispatch)
          .table();
  return kTable;
}

// --- Envoy's spelling ---------------------------------------------------------------------------

struct PluginJson {
  std::string cluster;
  std::int64_t count = 0;
};

/// {"dispatchCluster":"httpbin","dispatchCount":3}
const MessageTable& plugin_table() {
  static const MessageTable kTable =
      Message<PluginJson>("multiple_dispatches", "multiple_dispatches.Configuration",
                          "The original plugin's own configuration.")
          .field("dispatchCluster", &PluginJson::cluster, "Where the side requests go.")
          .field("dispatchCount", &PluginJson::count,
                 "How many per response; 0 or less = the filter does nothing.")
          .range(std::numeric_limits<std::int64_t>::min(), kMaxCount)
          .table();
  return kTable;
}

}  // namespace

bool is_idempotent(std::string_view method) noexcept {
  return method != "POST" && method != "PATCH";
}

FilterType dispatch_type() {
  FilterType type;
  type.config.name = "dispatch";
  type.config.type_urls = {"holdfast.filters.http.dispatch.v1.Dispatch"};
  type.config.table = &dispatch_table();
  type.config.parse = [](const config::Value& value, Context& context) -> config::ParsedHttpFilter {
    auto message = std::make_shared<DispatchConfig>();
    config::parse_any(dispatch_table(), value, message.get(), context);
    return {.type = "dispatch", .config = std::move(message)};
  };
  type.hooks = {.response = true};
  type.make = make_dispatch_filter;
  return type;
}

config::ParsedHttpFilter dispatch_as_plugin(const LocatedString& code,
                                            const std::optional<LocatedString>& configuration,
                                            Location where,
                                            std::optional<config::Milliseconds> max_hold,
                                            Context& context) {
  if (code.text != kPluginName) {
    context.error(code.location, "no plugin \"" + code.text + "\" is compiled in" +
                                     config::did_you_mean(code.text, {kPluginName}));
  }
  auto config = std::make_shared<DispatchConfig>();
  PluginJson plugin{.cluster = "httpbin", .count = 10};
  if (configuration) {
    plugin = {};
    where = configuration->location;
    const std::size_t errors = context.error_count();
    context.parse_json(plugin_table(), *configuration, plugin);
    if (context.error_count() == errors && plugin.cluster.empty()) {
      context.error(where, "missing dispatchCluster in the configuration of multiple_dispatches");
    }
  }
  if (!plugin.cluster.empty()) {
    context.refer_to_cluster(plugin.cluster, where, std::string(kPluginName));
  }
  config->cluster = plugin.cluster;
  config->count = static_cast<std::uint32_t>(std::clamp<std::int64_t>(plugin.count, 0, kMaxCount));
  config->max_hold = max_hold;
  return {.type = "dispatch", .config = std::move(config)};
}

}  // namespace holdfast::filters
