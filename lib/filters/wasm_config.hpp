// The configuration of Envoy's Wasm filter: plugins in WebAssembly, and (runtime null) the one that
// is compiled in.
//
// Owner: config::HttpFilter, as of any filter. The field tables and what they cannot say stand in
// wasm_config.cpp; wasm_prepare.hpp completes `plugin` before a server runs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/context.hpp"
#include "filters/registry.hpp"
#include "wasm/plugin.hpp"

namespace holdfast::filters {

/// Of a plugin that runs in the WebAssembly runtime.
struct WasmConfig : config::FilterConfig {
  /// All but `module` and `code_key`, which come from prepare_plugins(). Immutable after that.
  std::shared_ptr<wasm::PluginConfig> plugin = std::make_shared<wasm::PluginConfig>();
  /// As read: binary or text.
  std::string code;
  std::optional<config::Milliseconds> max_hold;  ///< Unset: the route's timeout.
  bool singleton = false;    ///< Of a plugin without connections: one in all, not one per worker.
  config::Location at;       ///< The plugin.
  config::Location code_at;  ///< What said where the code is.
};

/// envoy.extensions.filters.http.wasm.v3.Wasm
[[nodiscard]] FilterType wasm_type();

/// envoy.extensions.filters.network.wasm.v3.Wasm: the same for TCP connections.
[[nodiscard]] config::HttpFilterType wasm_network_type();
/// envoy.extensions.wasm.v3.WasmService: a plugin beside the listeners.
[[nodiscard]] config::HttpFilterType wasm_service_type();

/// Of all filters and extensions of the configuration.
[[nodiscard]] std::vector<const WasmConfig*> plugins_of(const config::Bootstrap& bootstrap);

/// The running filter (wasm_filter.hpp). REQUIRES: `config` is a WasmConfig, prepared.
[[nodiscard]] std::unique_ptr<Filter> make_wasm_filter(const config::FilterConfig& config,
                                                       const WorkerServices& services,
                                                       std::size_t index);

}  // namespace holdfast::filters
