#include "filters/wasm_prepare.hpp"

#include "filters/wasm_config.hpp"

#if HOLDFAST_WASM
#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "wasm/digest.hpp"
#include "wasm/engine.hpp"
#endif

namespace holdfast::filters {

#if HOLDFAST_WASM

namespace {

/// One code, however many plugins it has.
struct Code {
  std::string key;
  std::shared_ptr<const wasm::Module> module;
  std::string error;
};
using Codes = std::map<std::string_view, Code>;

/// Calls `task(i)` for each i below `count`, on as many threads as there are processors.
template <class Task>
void in_parallel(std::size_t count, Task task) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) task(i);
  };
  const std::size_t most = std::max(std::thread::hardware_concurrency(), 1U);
  std::vector<std::jthread> helpers;
  for (std::size_t i = 1; i < std::min(count, most); ++i) helpers.emplace_back(work);
  work();
}

void compile(Codes& codes, wasm::Engine& engine) {
  std::vector<Codes::value_type*> all;
  for (auto& code : codes) all.push_back(&code);
  in_parallel(all.size(), [&](std::size_t i) {
    auto& [bytes, code] = *all[i];
    code.key = wasm::to_hex(wasm::digest(bytes));
    code.module = engine.compile(bytes, code.error);
  });
}

/// Plugins of one VM must agree on what is the VM's, and not part of what it is shared by.
void check_shared(const std::vector<const WasmConfig*>& plugins, config::Context& context) {
  for (std::size_t i = 0; i < plugins.size(); ++i) {
    const wasm::PluginConfig& own = *plugins[i]->plugin;
    const auto first = std::find_if(plugins.begin(), plugins.end(), [&](const WasmConfig* other) {
      return other->singleton == plugins[i]->singleton && wasm::share_vm(*other->plugin, own);
    });
    const wasm::PluginConfig& other = *(*first)->plugin;
    const auto refuse = [&](std::string_view field) {
      context.error(plugins[i]->at, "plugin \"" + own.name + "\" shares the VM of plugin \"" +
                                        other.name + "\" (line " +
                                        std::to_string((*first)->at.line) + "), so its " +
                                        std::string(field) +
                                        " must be the same; another vm_id makes it another VM");
    };
    if (own.limits != other.limits) refuse("limits");
    if (own.reload_backoff != other.reload_backoff ||
        own.longest_backoff != other.longest_backoff) {
      refuse("reload_config");
    }
  }
}

}  // namespace

void prepare_plugins(const config::Bootstrap& bootstrap, config::Context& context) {
  if (context.error_count() != 0) return;
  const std::vector<const WasmConfig*> plugins = plugins_of(bootstrap);
  if (plugins.empty()) return;
  std::string error;
  const std::shared_ptr<wasm::Engine> engine = wasm::Engine::make({}, error);
  if (engine == nullptr) return context.error(plugins[0]->at, error);
  Codes codes;
  for (const WasmConfig* plugin : plugins) codes.try_emplace(plugin->code);
  compile(codes, *engine);
  for (const WasmConfig* plugin : plugins) {
    const Code& code = codes.at(plugin->code);
    if (code.module == nullptr) {
      context.error(plugin->code_at, "the plugin's code cannot be used: " + code.error);
      continue;
    }
    plugin->plugin->module = code.module;
    if (plugin->plugin->limits.memory == 0) {
      plugin->plugin->limits.memory = code.module->default_memory();
    }
    plugin->plugin->code_key = code.key;
    const std::string trouble = wasm::try_plugin(*plugin->plugin);
    if (!trouble.empty()) {
      context.error(plugin->at,
                    "plugin \"" + plugin->plugin->name + "\" cannot be started: " + trouble);
    }
  }
  if (context.error_count() == 0) check_shared(plugins, context);
}

#else

void prepare_plugins(const config::Bootstrap& /*bootstrap*/, config::Context& /*context*/) {}

#endif

}  // namespace holdfast::filters
