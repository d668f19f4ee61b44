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
#include "filters/wasm_config_tables.hpp"

namespace holdfast::filters {
namespace {

using config::Context;
using config::LocatedString;
using config::Location;
using config::MessageTable;

/// Whatever Envoy would run the plugin in, we run it in ours.
constexpr std::array<std::string_view, 4> kRuntimes = {
    "envoy.wasm.runtime.v8", "envoy.wasm.runtime.wasmtime", "envoy.wasm.runtime.wamr",
    "envoy.wasm.runtime.wasmedge"};
constexpr std::uintmax_t kLargestCode = 256UL * 1024 * 1024;

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

std::string code_of(const WasmMessage& message, Context& context) {
  if (message.filename) return read_code(*message.filename, context);
  const auto& code = message.inline_bytes ? message.inline_bytes : message.inline_string;
  if (!code) return {};  // Reported by the table.
  if (code->text.empty()) context.error(code->location, "the plugin's code is empty");
  return code->text;
}

config::ParsedHttpFilter native(const WasmMessage& message, Context& context) {
  for (const LocatedString& field : message.for_machines) {
    context.error(field.location, "field " + field.text + " has no meaning with runtime \"" +
                                      std::string(kNullRuntime) + "\"");
  }
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
                            message.max_hold, context);
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
  const bool open = message.fail_open || message.failure_policy == WasmFailure::fail_open;
  plugin.policy = open ? wasm::FailurePolicy::fail_open : wasm::FailurePolicy::fail_closed;
  plugin.reload_backoff = message.base_interval;
  plugin.longest_backoff = message.max_interval.value_or(plugin.longest_backoff);
  plugin.allow_on_headers_stop_iteration = message.allow_on_headers_stop_iteration;
  plugin.limits.callback = message.callback_timeout;
  plugin.limits.memory = static_cast<std::size_t>(message.max_memory_bytes.value_or(0));
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
  config::parse_any(wasm_http_table(), value, &message, context);
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
  return other_type("wasm_network", config::ExtensionPoint::network_filter, wasm_network_table());
}

config::HttpFilterType wasm_service_type() {
  return other_type("wasm_service", config::ExtensionPoint::bootstrap_extension,
                    wasm_service_table());
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
  type.config.table = &wasm_http_table();
  type.config.parse = parse_wasm;
  type.hooks = {.request = true, .response = true, .request_body = true, .response_body = true};
  type.make = make_wasm_filter;
  return type;
}

}  // namespace holdfast::filters
