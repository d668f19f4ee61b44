// Plugins are compiled and tried out before a server runs, and what fails says where it stands.
#include "filters/wasm_prepare.hpp"

#include "filters/wasm_config.hpp"

#if HOLDFAST_WASM
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "catch.hpp"
#include "config/load.hpp"
#include "filters/registry.hpp"
#include "wasm/engine.hpp"
#include "wasm_signals.hpp"

namespace holdfast::filters {
namespace {

/// Code in the configuration: `body` beside what each plugin has.
std::string wat(std::string_view body) {
  return "(module (memory (export \"memory\") 1) (func (export \"proxy_abi_version_0_2_1\")) "
         "(func (export \"proxy_on_memory_allocate\") (param i32) (result i32) (i32.const 64)) " +
         std::string(body) + ")";
}

/// One plugin a line, from line 13 on.
std::string filter(const std::string& name, const std::string& code) {
  return "          - {name: w, typed_config: {\"@type\": "
         "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm, config: {name: " +
         name + ", fail_open: true, vm_config: {code: {local: {inline_string: '" + code +
         "'}}}}}}\n";
}

void own_the_signals() {
  static const std::shared_ptr<wasm::Engine> engine = [] {
    std::string error;
    auto made = wasm::Engine::make({.cache_directory = "none"}, error);
    REQUIRE(made != nullptr);
    WasmSignals::keep();
    return made;
  }();
  WasmSignals::use();
}

config::LoadResult prepared(const std::string& filters) {
  own_the_signals();
  // Caches nothing outside of this folder.
  ::setenv("XDG_CACHE_HOME", (std::filesystem::temp_directory_path() / "holdfast_none").c_str(), 1);
  const std::string text = R"(static_resources:
  listeners:
  - name: main
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          route_config: {virtual_hosts: []}
          http_filters:
)" + filters + R"(          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
)";
  return config::load_text(text, "x.yaml", catalog(), config::process_env(), prepare_plugins);
}

std::string errors(const std::string& filters) {
  std::string all;
  for (const auto& diagnostic : prepared(filters).diagnostics) {
    if (diagnostic.severity != config::Severity::error) continue;
    all += config::to_string(diagnostic) + '\n';
  }
  return all;
}

const WasmConfig& plugin(const config::LoadResult& result, std::size_t index) {
  const auto& hcm = std::get<config::HttpConnectionManager>(result.bootstrap->listeners[0].filter);
  return dynamic_cast<const WasmConfig&>(*hcm.http_filters[index].config);
}

constexpr std::string_view kConfigure =
    "(func (export \"proxy_on_configure\") (param i32 i32) (result i32) (i32.const 1))";

TEST_CASE("each different code is compiled once", "[filters]") {
  const std::string filters =
      filter("a", wat(kConfigure)) + filter("b", wat("")) + filter("c", wat(kConfigure));
  const config::LoadResult result = prepared(filters);
  for (const auto& diagnostic : result.diagnostics) UNSCOPED_INFO(config::to_string(diagnostic));
  REQUIRE(result.ok());
  const wasm::PluginConfig& a = *plugin(result, 0).plugin;
  const wasm::PluginConfig& b = *plugin(result, 1).plugin;
  const wasm::PluginConfig& c = *plugin(result, 2).plugin;
  CHECK(a.module != nullptr);
  CHECK(a.module == c.module);
  CHECK(a.module != b.module);
  CHECK(a.code_key == c.code_key);
  CHECK(a.code_key != b.code_key);
  CHECK(a.code_key.size() == 64);
}

TEST_CASE("what fails says where it stands, all of it at once", "[filters]") {
  const std::string refuses =
      "(func (export \"proxy_on_configure\") (param i32 i32) (result i32) (i32.const 0))";
  const std::string traps =
      "(func (export \"proxy_on_configure\") (param i32 i32) (result i32) unreachable)";
  const std::string imports =
      "(module (import \"env\" \"proxy_nope\" (func)) (memory (export \"memory\") 1) "
      "(func (export \"proxy_abi_version_0_2_1\")))";
  const std::string text =
      errors(filter("nope", imports) + filter("refuses", wat(refuses)) + filter("fine", wat("")) +
             filter("traps", wat(traps)) + filter("garbage", "(module"));
  INFO(text);
  const auto has = [&](std::string_view part) { return text.find(part) != std::string::npos; };
  CHECK(has("x.yaml:13:"));
  CHECK(has("the plugin's code cannot be used: "));
  CHECK(has("env.proxy_nope"));
  CHECK(has("x.yaml:14:"));
  CHECK(has("plugin \"refuses\" cannot be started: "));
  CHECK(has("proxy_on_configure"));
  CHECK_FALSE(has("x.yaml:15:"));
  CHECK(has("x.yaml:16:"));
  CHECK(has("plugin \"traps\" cannot be started: "));
  CHECK(has("x.yaml:17:"));
}

TEST_CASE("nothing is compiled when the file has errors", "[filters]") {
  const std::string text = errors(filter("garbage", "(module") +
                                  "          - {name: w, typed_config: {\"@type\": nonsense}}\n");
  CHECK(text.find("cannot be used") == std::string::npos);
  CHECK_FALSE(text.empty());
}

}  // namespace
}  // namespace holdfast::filters
#endif
