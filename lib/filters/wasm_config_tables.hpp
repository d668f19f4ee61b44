// The messages of Envoy's Wasm filters as field tables, and the struct they fill.
//
// Owner: wasm_config.cpp, which makes a WasmConfig (or, with the null runtime, a DispatchConfig) of
// it. Internal to the configuration of plugins.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/context.hpp"

namespace holdfast::filters {

inline constexpr std::string_view kNullRuntime = "envoy.wasm.runtime.null";

/// A google.protobuf.Any that holds bytes for the plugin.
struct WasmPayload {
  std::optional<config::LocatedString> bytes;
};

enum class WasmFailure : std::uint8_t { unspecified, fail_reload, fail_closed, fail_open };

/// The whole message.
struct WasmMessage {
  std::string name;
  std::string root_id;
  std::string vm_id;
  config::LocatedString runtime;
  std::optional<config::LocatedString> filename;
  std::optional<config::LocatedString> inline_bytes;
  std::optional<config::LocatedString> inline_string;
  WasmPayload configuration;
  WasmPayload vm_configuration;
  bool fail_open = false;
  WasmFailure failure_policy = WasmFailure::unspecified;
  config::Milliseconds base_interval{1'000};
  std::optional<config::Milliseconds> max_interval;  ///< None: there is no reload_config.
  bool allow_on_headers_stop_iteration = false;
  std::vector<std::string> host_env_keys;
  std::vector<std::pair<std::string, std::string>> key_values;
  config::Milliseconds callback_timeout{100};
  std::optional<std::uint64_t> max_memory_bytes;
  std::optional<config::Milliseconds> max_hold;
  bool singleton = false;
  /// Fields of the file that mean nothing to a plugin compiled in, as "fail_open of PluginConfig".
  std::vector<config::LocatedString> for_machines;
  config::Location at;
};

// One per place where a plugin can stand.
[[nodiscard]] const config::MessageTable& wasm_http_table();
[[nodiscard]] const config::MessageTable& wasm_network_table();
[[nodiscard]] const config::MessageTable& wasm_service_table();

}  // namespace holdfast::filters
