#include "filters/wasm_config.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "config/load.hpp"
#include "filters/dispatch.hpp"

namespace holdfast::filters {
namespace {

using config::Context;
using config::LocatedString;
using config::Location;
using config::Message;
using config::MessageTable;
using config::Milliseconds;
using config::Source;

constexpr std::string_view kNullRuntime = "envoy.wasm.runtime.null";
/// Whatever Envoy would run the plugin in, we run it in ours.
constexpr std::array<std::string_view, 4> kRuntimes = {
    "envoy.wasm.runtime.v8", "envoy.wasm.runtime.wasmtime", "envoy.wasm.runtime.wamr",
    "envoy.wasm.runtime.wasmedge"};
constexpr std::uintmax_t kLargestCode = 256UL * 1024 * 1024;
constexpr std::uint64_t kPage = 64UL * 1024;
constexpr std::uint64_t kMostMemory = 4UL * 1024 * 1024 * 1024;

/// A google.protobuf.Any that holds bytes for the plugin.
struct Payload {
  std::optional<LocatedString> bytes;
};

enum class FailurePolicy : std::uint8_t { unspecified, fail_reload, fail_closed, fail_open };

/// The whole message.
struct WasmMessage {
  std::string name;
  std::string root_id;
  std::string vm_id;
  LocatedString runtime;
  std::optional<LocatedString> filename;
  std::optional<LocatedString> inline_bytes;
  std::optional<LocatedString> inline_string;
  Payload configuration;
  Payload vm_configuration;
  bool fail_open = false;
  FailurePolicy failure_policy = FailurePolicy::unspecified;
  Milliseconds base_interval{1'000};
  bool allow_on_headers_stop_iteration = false;
  std::vector<std::string> host_env_keys;
  std::vector<std::pair<std::string, std::string>> key_values;
  Milliseconds callback_timeout{100};
  std::uint64_t max_memory_bytes = 128UL * 1024 * 1024;
  std::optional<Milliseconds> max_hold;
  bool singleton = false;
  Location at;
};

/// Empty when it could not be read; then that has been reported.
std::string read_code(const LocatedString& name, Context& context) {
  const auto refuse = [&](const std::string& why) {
    context.error(name.location, "cannot read the plugin's code \"" + name.text + "\": " + why);
    return std::string{};
  };
  std::error_code failed;
  const auto status = std::filesystem::status(name.text, failed);
  if (failed) return refuse(failed.message());
  if (!std::filesystem::is_regular_file(status)) return refuse("it is not a file");
  const std::uintmax_t size = std::filesystem::file_size(name.text, failed);
  if (failed) return refuse(failed.message());
  if (size == 0) return refuse("it is empty");
  if (size > kLargestCode) return refuse("it is larger than 256 MiB");
  std::ifstream file(name.text, std::ios::binary);
  if (!file) return refuse(std::generic_category().message(errno));
  std::string code(static_cast<std::size_t>(size), '\0');
  file.read(code.data(), static_cast<std::streamsize>(code.size()));
  if (file.gcount() != static_cast<std::streamsize>(code.size())) return refuse("it broke off");
  return code;
}

// --- What the plugin is told --------------------------------------------------------------------

template <class Add>
MessageTable payload_table(std::string name, std::string doc, Add add) {
  auto message = Message<Payload>(name, "google.protobuf." + name, std::move(doc));
  add(message);
  return message
      .finish([](Payload& payload, const Source& source, Context&) {
        if (!payload.bytes) payload.bytes.emplace();
        payload.bytes->location = source.where("value");
      })
      .table();
}

const MessageTable& string_value_table() {
  static const MessageTable kTable = payload_table(
      "StringValue", "A string.",
      [](Message<Payload>& message) { message.field("value", &Payload::bytes, "The text."); });
  return kTable;
}

const MessageTable& bytes_value_table() {
  static const MessageTable kTable =
      payload_table("BytesValue", "Bytes.", [](Message<Payload>& message) {
        message.field("value", &Payload::bytes, "The bytes.").base64();
      });
  return kTable;
}

const MessageTable& struct_table() {
  static const MessageTable kTable =
      payload_table("Struct", "A JSON object.", [](Message<Payload>& message) {
        message
            .structure(
                "value",
                [](Payload& payload, std::string json) {
                  payload.bytes = LocatedString{std::move(json), {}};
                },
                "The object.")
            .differs("Handed over as JSON text; Envoy 1.40 hands over protobuf's bytes.");
      });
  return kTable;
}

template <class Open>
std::vector<config::AnyType> payload_types(Open open) {
  return {
      config::any_type<WasmMessage>({"google.protobuf.StringValue"}, &string_value_table, open),
      config::any_type<WasmMessage>({"google.protobuf.BytesValue"}, &bytes_value_table, open),
      config::any_type<WasmMessage>({"google.protobuf.Struct"}, &struct_table, open),
  };
}

// --- The machine --------------------------------------------------------------------------------

const MessageTable& data_source_table() {
  static const MessageTable kTable =
      Message<WasmMessage>("DataSource", "envoy.config.core.v3.DataSource",
                           "Where code comes from.")
          .titled("DataSource (plugin)")
          .field(
              "filename", &WasmMessage::filename,
              "A file, read at the start; relative to the working directory. WebAssembly, binary "
              "or as text (WAT).")
          .oneof("specifier")
          .field("inline_bytes", &WasmMessage::inline_bytes, "The code itself.")
          .base64()
          .oneof("specifier")
          .field("inline_string", &WasmMessage::inline_string,
                 "The code itself, as text (WAT). With the null runtime: the name of a plugin "
                 "compiled in, `multiple_dispatches`.")
          .oneof("specifier")
          .require_oneof("specifier")
          .table();
  return kTable;
}

const MessageTable& async_data_source_table() {
  static const MessageTable kTable =
      Message<WasmMessage>("AsyncDataSource", "envoy.config.core.v3.AsyncDataSource",
                           "Where code comes from.")
          .nested("local", &data_source_table, "Here.")
          .required()
          .table();
  return kTable;
}

const MessageTable& environment_table() {
  static const MessageTable kTable =
      Message<WasmMessage>("EnvironmentVariables", "envoy.extensions.wasm.v3.EnvironmentVariables",
                           "What the plugin sees as its environment.")
          .field("host_env_keys", &WasmMessage::host_env_keys,
                 "Variables of Holdfast's own environment that are handed on; one that is not set "
                 "is left out.")
          .string_map("key_values", &WasmMessage::key_values, "Further ones.")
          .finish([](WasmMessage& message, const Source& source, Context& context) {
            for (const auto& [key, value] : message.key_values) {
              if (std::ranges::find(message.host_env_keys, key) != message.host_env_keys.end()) {
                context.error(source.where("key_values"),
                              "\"" + key + "\" is in host_env_keys and in key_values");
              }
            }
          })
          .table();
  return kTable;
}

const MessageTable& vm_config_table() {
  static const MessageTable kTable =
      Message<WasmMessage>("VmConfig", "envoy.extensions.wasm.v3.VmConfig", "The plugin's machine.")
          .field("vm_id", &WasmMessage::vm_id,
                 "Plugins with the same `vm_id`, code and `configuration` share a machine, one per "
                 "worker.")
          .field("runtime", &WasmMessage::runtime,
                 "`envoy.wasm.runtime.null`: native code, compiled in. Absent, or "
                 "`envoy.wasm.runtime.` with `v8`, `wasmtime`, `wamr` or `wasmedge`: WebAssembly.")
          .differs("All but `null` are Holdfast's one runtime, Wasmtime.")
          .nested("code", &async_data_source_table, "The plugin.")
          .required()
          .any("configuration",
               payload_types([](WasmMessage& message) { return &message.vm_configuration; }),
               "What proxy_on_vm_start can read.")
          .ignored<bool>("allow_precompiled", "Machine code in the file is never run.")
          .ignored<bool>("nack_on_code_cache_miss", "Is about code that is fetched.")
          .nested("environment_variables", &environment_table, "What WASI shows of an environment.")
          .table();
  return kTable;
}

// --- The plugin ---------------------------------------------------------------------------------

const MessageTable& backoff_table() {
  static const MessageTable kTable =
      Message<WasmMessage>("BackoffStrategy", "envoy.config.core.v3.BackoffStrategy",
                           "How long to wait before the next try.")
          .field("base_interval", &WasmMessage::base_interval,
                 "The first wait; each further one is twice as long, up to a minute.")
          .required()
          .range(1'000'000, 3'600UL * 1'000'000'000)
          .ignored<Milliseconds>("max_interval", "A minute it is.")
          .table();
  return kTable;
}

const MessageTable& reload_config_table() {
  static const MessageTable kTable =
      Message<WasmMessage>("ReloadConfig", "envoy.extensions.wasm.v3.ReloadConfig",
                           "How a plugin that has crashed comes back.")
          .nested("backoff", &backoff_table,
                  "Waits between tries. The first one after a long life comes at once.")
          .table();
  return kTable;
}

void finish_plugin(WasmMessage& message, const Source& source, Context& context) {
  message.at = source.at();
  if (message.fail_open && message.failure_policy != FailurePolicy::unspecified) {
    context.error(source.where("fail_open"),
                  "fail_open and failure_policy in PluginConfig: one of them only");
  }
}

const MessageTable& plugin_config_table() {
  static const MessageTable kTable =
      Message<WasmMessage>("PluginConfig", "envoy.extensions.wasm.v3.PluginConfig", "The plugin.")
          .field("name", &WasmMessage::name, "In log lines, and the property `plugin_name`.")
          .field("root_id", &WasmMessage::root_id,
                 "Which of a machine's plugins it is, and the property `plugin_root_id`.")
          .nested("vm_config", &vm_config_table, "Which plugin, and how it runs.")
          .required()
          .any("configuration",
               payload_types([](WasmMessage& message) { return &message.configuration; }),
               "The plugin's own configuration: text, bytes or a JSON object. For "
               "`multiple_dispatches`, absent: `{\"dispatchCluster\":\"httpbin\","
               "\"dispatchCount\":10}`.")
          .field("fail_open", &WasmMessage::fail_open, "As `failure_policy: FAIL_OPEN`.")
          .deprecated("use failure_policy: FAIL_OPEN")
          .enumeration(
              "failure_policy", &WasmMessage::failure_policy,
              {{"UNSPECIFIED", 0}, {"FAIL_RELOAD", 1}, {"FAIL_CLOSED", 2}, {"FAIL_OPEN", 3}},
              "What becomes of a request whose plugin crashes, or is down. FAIL_OPEN: it "
              "goes on without the plugin. Else it is answered with 503.")
          .differs("The plugin is always made anew, as with FAIL_RELOAD.")
          .nested("reload_config", &reload_config_table, "How a plugin comes back.")
          .field("allow_on_headers_stop_iteration", &WasmMessage::allow_on_headers_stop_iteration,
                 "A plugin that pauses at the headers still gets the body.")
          .finish(finish_plugin)
          .table();
  return kTable;
}

Message<WasmMessage> limits(std::string full_name) {
  Message<WasmMessage> message("PluginLimits", std::move(full_name),
                               "What a plugin may use. Beyond, it has crashed.");
  message
      .field("callback_timeout", &WasmMessage::callback_timeout,
             "CPU time of one callback. Starting and configuring may take longer.")
      .range(1'000'000, 60UL * 1'000'000'000)
      .field("max_memory_bytes", &WasmMessage::max_memory_bytes, "Memory of one machine.")
      .range(static_cast<std::int64_t>(kPage), kMostMemory);
  return message;
}

/// Of a plugin without exchanges.
const MessageTable& common_limits_table() {
  static const MessageTable kTable =
      limits("holdfast.wasm.v1.PluginLimits").titled("PluginLimits (no HTTP)").table();
  return kTable;
}

const MessageTable& limits_table() {
  static const MessageTable kTable =
      limits("holdfast.filters.http.wasm.v1.PluginLimits")
          .field("max_hold", &WasmMessage::max_hold,
                 "How long the plugin may pause an exchange with no call of its own under way. "
                 "Default: the route's timeout; 0 there or here = five minutes.")
          .table();
  return kTable;
}

const MessageTable& wasm_table() {
  static const MessageTable kTable =
      Message<WasmMessage>("Wasm", "envoy.extensions.filters.http.wasm.v3.Wasm",
                           "A plugin (proxy-wasm). With the null runtime, Envoy's spelling of the "
                           "dispatch filter: the original plugin, native.")
          .nested("config", &plugin_config_table, "The plugin.")
          .required()
          .nested("limits", &limits_table, "Bounds, for plugins in WebAssembly.")
          .differs("Only Holdfast has it.")
          .table();
  return kTable;
}

const MessageTable& network_table() {
  static const MessageTable kTable =
      Message<WasmMessage>("Wasm", "envoy.extensions.filters.network.wasm.v3.Wasm",
                           "A plugin (proxy-wasm) that sees the bytes of TCP connections.")
          .titled("Wasm (network)")
          .nested("config", &plugin_config_table, "The plugin.")
          .required()
          .nested("limits", &common_limits_table, "Bounds.")
          .differs("Only Holdfast has it.")
          .table();
  return kTable;
}

const MessageTable& service_table() {
  static const MessageTable kTable =
      Message<WasmMessage>("WasmService", "envoy.extensions.wasm.v3.WasmService",
                           "A plugin (proxy-wasm) beside the listeners: it has ticks, queues and "
                           "calls, and sees no traffic.")
          .nested("config", &plugin_config_table, "The plugin.")
          .required()
          .field("singleton", &WasmMessage::singleton,
                 "One in all, in a machine of its own; else one per worker.")
          .differs("It runs on the first worker; in Envoy on the main thread.")
          .nested("limits", &common_limits_table, "Bounds.")
          .differs("Only Holdfast has it.")
          .table();
  return kTable;
}

// --- From the message to a configuration --------------------------------------------------------

std::string code_of(const WasmMessage& message, Context& context) {
  if (message.filename) return read_code(*message.filename, context);
  const auto& code = message.inline_bytes ? message.inline_bytes : message.inline_string;
  if (!code) return {};  // Reported by the table.
  if (code->text.empty()) context.error(code->location, "the plugin's code is empty");
  return code->text;
}

config::ParsedHttpFilter native(const WasmMessage& message, Context& context) {
  if (!message.inline_string) {
    const auto& other = message.filename ? message.filename : message.inline_bytes;
    if (other) {
      context.error(other->location, "runtime \"" + std::string(kNullRuntime) +
                                         "\" wants the name of a plugin compiled in as code, in "
                                         "\"inline_string\"");
    }
    return {.type = "dispatch", .config = std::make_shared<DispatchConfig>()};
  }
  return dispatch_as_plugin(*message.inline_string, message.configuration.bytes, message.at,
                            context);
}

std::shared_ptr<WasmConfig> convert(WasmMessage&& message, Context& context) {
  auto config = std::make_shared<WasmConfig>();
  config->code = code_of(message, context);
  config->at = message.at;
  for (const auto* code : {&message.filename, &message.inline_bytes, &message.inline_string}) {
    if (*code) config->code_at = (*code)->location;
  }
  config->max_hold = message.max_hold;
  config->singleton = message.singleton;
  wasm::PluginConfig& plugin = *config->plugin;
  plugin.name = std::move(message.name);
  plugin.root_id = std::move(message.root_id);
  plugin.vm_id = std::move(message.vm_id);
  if (message.configuration.bytes) plugin.configuration = message.configuration.bytes->text;
  if (message.vm_configuration.bytes) {
    plugin.vm_configuration = message.vm_configuration.bytes->text;
  }
  for (const std::string& key : message.host_env_keys) {
    if (auto value = config::process_env()(key)) {
      plugin.environment.emplace_back(key, std::move(*value));
    }
  }
  for (auto& pair : message.key_values) plugin.environment.push_back(std::move(pair));
  const bool open = message.fail_open || message.failure_policy == FailurePolicy::fail_open;
  plugin.policy = open ? wasm::FailurePolicy::fail_open : wasm::FailurePolicy::fail_closed;
  plugin.reload_backoff = message.base_interval;
  plugin.allow_on_headers_stop_iteration = message.allow_on_headers_stop_iteration;
  plugin.limits.callback = message.callback_timeout;
  plugin.limits.memory = static_cast<std::size_t>(message.max_memory_bytes);
  return config;
}

config::ParsedHttpFilter in_runtime(WasmMessage&& message, Context& context) {
  const std::string& runtime = message.runtime.text;
  const Location where = runtime.empty() ? message.at : message.runtime.location;
  if (!runtime.empty() && std::ranges::find(kRuntimes, runtime) == kRuntimes.end()) {
    std::vector<std::string_view> known(kRuntimes.begin(), kRuntimes.end());
    known.push_back(kNullRuntime);
    context.error(where, "unknown runtime \"" + runtime + "\" in VmConfig" +
                             config::did_you_mean(runtime, known) + "; for WebAssembly it is \"" +
                             std::string(kRuntimes[0]) + "\", for plugins compiled in \"" +
                             std::string(kNullRuntime) + "\"");
  }
#if !HOLDFAST_WASM
  context.error(where,
                "this Holdfast was built without plugins (HOLDFAST_WASM is off): it has the "
                "runtime \"" +
                    std::string(kNullRuntime) + "\" only");
#endif
  return {.type = "wasm", .config = convert(std::move(message), context)};
}

config::ParsedHttpFilter parse_wasm(const config::Value& value, Context& context) {
  WasmMessage message;
  config::parse_any(wasm_table(), value, &message, context);
  if (message.runtime.text == kNullRuntime) return native(message, context);
  return in_runtime(std::move(message), context);
}

/// What is no http filter.
config::HttpFilterType other_type(std::string name, config::ExtensionPoint point,
                                  const MessageTable& table) {
  config::HttpFilterType type;
  type.name = std::move(name);
  type.point = point;
  type.type_urls = {table.full_name};
  type.table = &table;
  type.parse = [&table](const config::Value& value, Context& context) -> config::ParsedHttpFilter {
    WasmMessage message;
    config::parse_any(table, value, &message, context);
    if (message.runtime.text != kNullRuntime) return in_runtime(std::move(message), context);
    context.error(message.runtime.location,
                  "runtime \"" + std::string(kNullRuntime) + "\" has plugins for HTTP only");
    return {};
  };
  return type;
}

}  // namespace

config::HttpFilterType wasm_network_type() {
  return other_type("wasm_network", config::ExtensionPoint::network_filter, network_table());
}

config::HttpFilterType wasm_service_type() {
  return other_type("wasm_service", config::ExtensionPoint::bootstrap_extension, service_table());
}

std::vector<const WasmConfig*> plugins_of(const config::Bootstrap& bootstrap) {
  std::vector<const WasmConfig*> plugins;
  const auto add = [&](const std::shared_ptr<const config::FilterConfig>& config) {
    if (const auto* wasm = dynamic_cast<const WasmConfig*>(config.get())) plugins.push_back(wasm);
  };
  for (const config::Extension& extension : bootstrap.extensions) add(extension.config);
  for (const config::Listener& listener : bootstrap.listeners) {
    for (const config::Extension& filter : listener.network_filters) add(filter.config);
    const auto* http = std::get_if<config::HttpConnectionManager>(&listener.filter);
    if (http == nullptr) continue;
    for (const config::HttpFilter& filter : http->http_filters) add(filter.config);
  }
  return plugins;
}

FilterType wasm_type() {
  FilterType type;
  type.config.name = "wasm";
  type.config.type_urls = {"envoy.extensions.filters.http.wasm.v3.Wasm"};
  type.config.table = &wasm_table();
  type.config.parse = parse_wasm;
  type.hooks = {.request = true, .response = true, .request_body = true, .response_body = true};
  type.make = make_wasm_filter;
  return type;
}

}  // namespace holdfast::filters
