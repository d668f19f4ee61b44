// The Wasm filter's configuration: what its tables say, and where each error stands.
#include "filters/wasm_config.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "catch.hpp"
#include "config/load.hpp"
#include "filters/dispatch.hpp"
#include "filters/registry.hpp"

namespace holdfast::filters {
namespace {

/// `fields` of the Wasm message stand from line 16, column 15 on.
config::LoadResult load(const std::string& fields) {
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
          - name: wasm
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              )" + fields + R"(
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - {name: httpbin, type: STATIC, load_assignment: {cluster_name: httpbin, endpoints: []}}
)";
  return config::load_text(text, "x.yaml", catalog(), config::process_env());
}

constexpr std::string_view kCode = "code: {local: {inline_string: (module)}}";

/// `fields` of PluginConfig, of VmConfig and of Wasm beside them.
std::string message(const std::string& fields, const std::string& vm_fields = {},
                    const std::string& beside = {}) {
  return "config: {" + fields + (fields.empty() ? "" : ", ") + "vm_config: {" + vm_fields +
         (vm_fields.empty() ? "" : ", ") + std::string(kCode) + "}}" +
         (beside.empty() ? "" : "\n              " + beside);
}

std::string first_error(const std::string& fields) {
  for (const auto& diagnostic : load(fields).diagnostics) {
    if (diagnostic.severity == config::Severity::error) return config::to_string(diagnostic);
  }
  return "";
}

#if HOLDFAST_WASM

WasmConfig parsed(const std::string& fields) {
  const config::LoadResult result = load(fields);
  for (const auto& diagnostic : result.diagnostics) UNSCOPED_INFO(config::to_string(diagnostic));
  REQUIRE(result.ok());
  const auto& hcm = std::get<config::HttpConnectionManager>(result.bootstrap->listeners[0].filter);
  CHECK(hcm.http_filters[0].type == "wasm");
  return dynamic_cast<const WasmConfig&>(*hcm.http_filters[0].config);
}

using Environment = std::vector<std::pair<std::string, std::string>>;

TEST_CASE("a plugin's configuration has Envoy's defaults", "[filters]") {
  const WasmConfig config = parsed(message(""));
  CHECK(config.code == "(module)");
  CHECK(config.code_at.line == 16);
  CHECK(config.plugin->name.empty());
  CHECK(config.plugin->configuration.empty());
  CHECK(config.plugin->policy == wasm::FailurePolicy::fail_closed);
  CHECK(config.plugin->reload_backoff == std::chrono::seconds(1));
  CHECK_FALSE(config.plugin->allow_on_headers_stop_iteration);
  CHECK(config.plugin->limits.callback == std::chrono::milliseconds(100));
  CHECK(config.plugin->limits.memory == 0);  // By what the module begins with.
  CHECK_FALSE(config.max_hold.has_value());
  CHECK(config.plugin->module == nullptr);
}

TEST_CASE("all that a plugin is told arrives", "[filters]") {
  ::setenv("HOLDFAST_TEST_SET", "from outside", 1);
  ::unsetenv("HOLDFAST_TEST_UNSET");
  const WasmConfig config = parsed(message(
      "name: plug, root_id: r, failure_policy: FAIL_OPEN, allow_on_headers_stop_iteration: true, "
      "reload_config: {backoff: {base_interval: 0.2s, max_interval: 3s}}, "
      "configuration: {\"@type\": type.googleapis.com/google.protobuf.StringValue, value: abc}",
      "vm_id: v, runtime: envoy.wasm.runtime.v8, allow_precompiled: true, "
      "nack_on_code_cache_miss: true, "
      "configuration: {\"@type\": type.googleapis.com/google.protobuf.BytesValue, value: AGI=}, "
      "environment_variables: {host_env_keys: [HOLDFAST_TEST_UNSET, HOLDFAST_TEST_SET], "
      "key_values: {B: \"2\", A: \"1\"}}",
      "limits: {callback_timeout: 0.05s, max_memory_bytes: 65536, max_hold: 7s}"));
  const wasm::PluginConfig& plugin = *config.plugin;
  CHECK(plugin.name == "plug");
  CHECK(plugin.root_id == "r");
  CHECK(plugin.vm_id == "v");
  CHECK(plugin.configuration == "abc");
  CHECK(plugin.vm_configuration == std::string("\0b", 2));
  CHECK(plugin.environment ==
        Environment{{"HOLDFAST_TEST_SET", "from outside"}, {"B", "2"}, {"A", "1"}});
  CHECK(plugin.policy == wasm::FailurePolicy::fail_open);
  CHECK(plugin.reload_backoff == std::chrono::milliseconds(200));
  CHECK(plugin.longest_backoff == std::chrono::seconds(3));
  CHECK(plugin.allow_on_headers_stop_iteration);
  CHECK(plugin.limits.callback == std::chrono::milliseconds(50));
  CHECK(plugin.limits.memory == 65536);
  CHECK(config.max_hold == std::chrono::seconds(7));
}

TEST_CASE("the longest back-off is ten times the first, or a minute", "[filters]") {
  using std::chrono::milliseconds;
  const auto longest = [](const std::string& plugin) {
    return parsed(message(plugin)).plugin->longest_backoff;
  };
  CHECK(longest("reload_config: {backoff: {base_interval: 0.2s}}") == milliseconds(2'000));
  CHECK(longest("name: a") == milliseconds(60'000));
}

TEST_CASE("a Struct is handed over as JSON text", "[filters]") {
  const auto configuration = [](const std::string& any) {
    return parsed(message("configuration: {\"@type\": type.googleapis.com/google.protobuf." + any +
                          "}"))
        .plugin->configuration;
  };
  CHECK(configuration("Struct, value: {a: 1, b: [true, x], c: {d: null}}") ==
        R"({"a":1,"b":[true,"x"],"c":{"d":null}})");
  CHECK(configuration("StringValue").empty());
}

TEST_CASE("who fails open", "[filters]") {
  using wasm::FailurePolicy;
  CHECK(parsed(message("fail_open: true")).plugin->policy == FailurePolicy::fail_open);
  CHECK(parsed(message("failure_policy: FAIL_RELOAD")).plugin->policy ==
        FailurePolicy::fail_closed);
  CHECK(parsed(message("failure_policy: FAIL_CLOSED")).plugin->policy ==
        FailurePolicy::fail_closed);
  CHECK(first_error(message("fail_open: true, failure_policy: FAIL_OPEN")) ==
        "x.yaml:16:35: error: fail_open and failure_policy in PluginConfig: one of them only");
}

TEST_CASE("each of Envoy's runtimes is ours", "[filters]") {
  for (const char* runtime : {"v8", "wasmtime", "wamr", "wasmedge"}) {
    CHECK(parsed(message("", std::string("runtime: envoy.wasm.runtime.") + runtime)).code ==
          "(module)");
  }
  CHECK(first_error(message("", "runtime: envoy.wasm.runtime.v9")) ==
        "x.yaml:16:45: error: unknown runtime \"envoy.wasm.runtime.v9\" in VmConfig (did you mean "
        "\"envoy.wasm.runtime.v8\"?); for WebAssembly it is \"envoy.wasm.runtime.v8\", for plugins "
        "compiled in \"envoy.wasm.runtime.null\"");
}

TEST_CASE("code comes from a file or from the configuration", "[filters]") {
  const auto with_code = [](const std::string& source) {
    return "config: {vm_config: {code: {local: {" + source + "}}}}";
  };
  const std::string path = "/tmp/holdfast_wasm_config_test." + std::to_string(::getpid());
  std::ofstream(path, std::ios::binary) << std::string("\0asm", 4);
  CHECK(parsed(with_code("filename: " + path)).code == std::string("\0asm", 4));
  std::ofstream(path, std::ios::trunc).close();
  const std::string at = "x.yaml:16:61: error: cannot read the plugin's code \"";
  CHECK(first_error(with_code("filename: " + path)) == at + path + "\": it is empty");
  CHECK(::unlink(path.c_str()) == 0);
  CHECK(first_error(with_code("filename: " + path)) == at + path + "\": No such file or directory");
  CHECK(first_error(with_code("filename: /dev/zero")) == at + "/dev/zero\": it is not a file");
  CHECK(first_error(with_code("filename: /tmp")) == at + "/tmp\": it is not a file");
  CHECK(parsed(with_code("inline_bytes: AGFzbQ==")).code == std::string("\0asm", 4));
  CHECK(first_error(with_code("inline_bytes: \"\"")) ==
        "x.yaml:16:65: error: the plugin's code is empty");
  CHECK(first_error(with_code("inline_string: a, filename: b")).find("one of them only") !=
        std::string::npos);
  CHECK(first_error(with_code("environment_variable: A")).find("not implemented by Holdfast") !=
        std::string::npos);
  const config::LoadResult remote = load("config: {vm_config: {code: {remote: {}}}}");
  REQUIRE(remote.diagnostics.size() == 1);
  CHECK(
      config::to_string(remote.diagnostics[0])
          .starts_with("x.yaml:16:43: error: field \"remote\" of Envoy's AsyncDataSource is not"));
}

TEST_CASE("what a plugin's configuration may not say", "[filters]") {
  CHECK(first_error(message("capability_restriction_config: {}")).find("not implemented") !=
        std::string::npos);
  CHECK(
      first_error(message("", "environment_variables: {host_env_keys: [A, B], key_values: {B: x}}"))
          .find("error: \"B\" is in host_env_keys and in key_values") != std::string::npos);
  CHECK(first_error(message("", "environment_variables: {host_env_keys: [A, B, A]}"))
            .find("error: \"A\" is in host_env_keys more than once") != std::string::npos);
  CHECK(first_error("config: {vm_config: {code: {}}}") ==
        "x.yaml:16:42: error: missing required field \"local\" in AsyncDataSource");
  CHECK(first_error(message("", "environment_variables: {key_values: {B: 1}}"))
            .find("wants a string") != std::string::npos);
  CHECK(first_error(message("", "", "limits: {callback_timeout: 0s}"))
            .starts_with("x.yaml:17:42: error: "));
  CHECK(first_error(message("", "", "limits: {max_memory_bytes: 65535}"))
            .starts_with("x.yaml:17:42: error: "));
  CHECK(first_error(message("reload_config: {backoff: {}}")).find("base_interval") !=
        std::string::npos);
  CHECK(first_error(message("reload_config: {backoff: {base_interval: 2s, max_interval: 1s}}"))
            .find("max_interval must not be less") != std::string::npos);
  CHECK(first_error(message("configuration: {\"@type\": type.googleapis.com/google.protobuf.Any}"))
            .find("unknown \"@type\"") != std::string::npos);
}

TEST_CASE("a TypedStruct is unwrapped", "[filters]") {
  const std::string fields = R"({}
          - name: wrapped
            typed_config:
              "@type": type.googleapis.com/udpa.type.v1.TypedStruct
              type_url: type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              value: {config: {name: inside, vm_config: {code: {local: {inline_string: (module)}}}}})";
  const config::LoadResult result =
      load("config: {vm_config: {" + std::string(kCode) + "}}\n              limits: " + fields);
  for (const auto& diagnostic : result.diagnostics) UNSCOPED_INFO(config::to_string(diagnostic));
  REQUIRE(result.ok());
  const auto& hcm = std::get<config::HttpConnectionManager>(result.bootstrap->listeners[0].filter);
  CHECK(dynamic_cast<const WasmConfig&>(*hcm.http_filters[1].config).plugin->name == "inside");
}

/// `filters` stand from line 7, column 7 on; `extensions` from three lines further on.
std::vector<std::string> complaints(const std::string& filters, const std::string& extensions = {},
                                    config::LoadResult* result = nullptr) {
  const std::string text = R"(static_resources:
  listeners:
  - name: main
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      )" + filters + R"(
  clusters:
  - {name: httpbin, type: STATIC}
bootstrap_extensions:
)" + extensions;
  config::LoadResult loaded = config::load_text(text, "x.yaml", catalog(), config::process_env());
  std::vector<std::string> found;
  for (const auto& diagnostic : loaded.diagnostics) found.push_back(config::to_string(diagnostic));
  if (result != nullptr) *result = std::move(loaded);
  return found;
}

const std::string kProxy =
    R"(- {name: t, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.)"
    R"(tcp_proxy.v3.TcpProxy, stat_prefix: x, cluster: httpbin}})";

std::string network(const std::string& fields) {
  return R"(- {name: w, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.)"
         R"(network.wasm.v3.Wasm, )" +
         fields + "}}";
}

std::string service(const std::string& fields) {
  return R"(- {name: w, typed_config: {"@type": type.googleapis.com/envoy.extensions.wasm.v3.)"
         R"(WasmService, )" +
         fields + "}}\n";
}

TEST_CASE("plugins stand before a TcpProxy, and beside the listeners", "[filters]") {
  config::LoadResult result;
  const auto found = complaints(network(message("name: first")) + "\n      " +
                                    network(message("name: second")) + "\n      " + kProxy,
                                service("singleton: true, " + message("name: third")), &result);
  for (const auto& text : found) UNSCOPED_INFO(text);
  REQUIRE(result.ok());
  const config::Bootstrap& bootstrap = *result.bootstrap;
  CHECK(std::holds_alternative<config::TcpProxy>(bootstrap.listeners[0].filter));
  const auto plugins = plugins_of(bootstrap);
  REQUIRE(plugins.size() == 3);
  CHECK(plugins[0]->plugin->name == "third");
  CHECK(plugins[0]->singleton);
  CHECK(plugins[1]->plugin->name == "first");
  CHECK(plugins[2]->plugin->name == "second");
}

TEST_CASE("where plugins of connections may not stand", "[filters]") {
  const std::string plugin = network(message("name: plug"));
  CHECK(complaints(plugin) ==
        std::vector<std::string>{"x.yaml:7:9: error: the last network filter must be an "
                                 "HttpConnectionManager or a TcpProxy"});
  CHECK(complaints(kProxy + "\n      " + plugin) ==
        std::vector<std::string>{
            "x.yaml:8:9: error: no network filter can follow an HttpConnectionManager or a "
            "TcpProxy"});
  const std::string manager =
      R"(- {name: h, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.)"
      R"(http_connection_manager.v3.HttpConnectionManager, stat_prefix: x, route_config: {}, )"
      R"(http_filters: {name: r, typed_config: {"@type": type.googleapis.com/envoy.extensions.)"
      R"(filters.http.router.v3.Router}}}})";
  CHECK(complaints(plugin + "\n      " + manager) ==
        std::vector<std::string>{"x.yaml:7:9: error: network filters before an "
                                 "HttpConnectionManager are not implemented by Holdfast"});
}

TEST_CASE("what plugins without HTTP may not say", "[filters]") {
  const auto found = complaints(network("config: {vm_config: {code: {local: {inline_string: a}}}}, "
                                        "limits: {max_hold: 1s}") +
                                    "\n      " + kProxy,
                                service("config: {vm_config: {runtime: envoy.wasm.runtime.null, "
                                        "code: {local: {inline_string: a}}}}"));
  REQUIRE(found.size() == 2);
  CHECK(found[0].find("x.yaml:7:") == 0);
  CHECK(found[0].find("unknown field \"max_hold\" in PluginLimits") != std::string::npos);
  CHECK(found[1].find("x.yaml:12:") == 0);
  CHECK(found[1].find("runtime \"envoy.wasm.runtime.null\" has plugins for HTTP only") !=
        std::string::npos);
}

#else

TEST_CASE("without the runtime, plugins are refused by name", "[filters]") {
  CHECK(first_error(message("", "runtime: envoy.wasm.runtime.v8")).find("built without plugins") !=
        std::string::npos);
  CHECK(first_error(message("")).find("built without plugins") != std::string::npos);
}

#endif

std::string native(const std::string& source, const std::string& configuration = {},
                   const std::string& vm_fields = {}, const std::string& beside = {}) {
  return "config: {" + configuration +
         "vm_config: {runtime: envoy.wasm.runtime.null, code: {local: {" + source + "}}" +
         vm_fields + "}}" + (beside.empty() ? "" : "\n              " + beside);
}

const DispatchConfig& dispatched(const config::LoadResult& result) {
  for (const auto& diagnostic : result.diagnostics) UNSCOPED_INFO(config::to_string(diagnostic));
  REQUIRE(result.ok());
  const auto& hcm = std::get<config::HttpConnectionManager>(result.bootstrap->listeners[0].filter);
  CHECK(hcm.http_filters[0].type == "dispatch");
  return dynamic_cast<const DispatchConfig&>(*hcm.http_filters[0].config);
}

TEST_CASE("the null runtime is the dispatch filter", "[filters]") {
  const config::LoadResult result =
      load(native("inline_string: multiple_dispatches",
                  R"(configuration: {"@type": type.googleapis.com/google.protobuf.StringValue, )"
                  R"(value: '{"dispatchCluster":"httpbin","dispatchCount":3}'}, )"));
  CHECK(dispatched(result).count == 3);
  CHECK_FALSE(dispatched(result).max_hold.has_value());
  CHECK(first_error(native("inline_string: multiple_dispatch")) ==
        "x.yaml:16:100: error: no plugin \"multiple_dispatch\" is compiled in (did you mean "
        "\"multiple_dispatches\"?)");
  CHECK(first_error(native("filename: x")).find("wants the name of a plugin compiled in") !=
        std::string::npos);
}

TEST_CASE("the null runtime knows max_hold, and refuses what is about machines", "[filters]") {
  const std::string code = "inline_string: multiple_dispatches";
  const std::string no_meaning = " has no meaning with runtime \"envoy.wasm.runtime.null\"";
  const std::string at = "x.yaml:16:";
  CHECK(dispatched(load(native(code, "", "", "limits: {max_hold: 7s}"))).max_hold ==
        std::chrono::seconds(7));
  // What is to become of it when it fails is taken: it never does.
  (void)dispatched(load(native(code, "fail_open: true, ")));
  (void)dispatched(load(native(code, "failure_policy: FAIL_RELOAD, ")));
  (void)dispatched(load(native(code, "reload_config: {}, ")));
  CHECK(first_error(native(code, "allowOnHeadersStopIteration: true, ")) ==
        at + "53: error: field \"allow_on_headers_stop_iteration\" of PluginConfig" + no_meaning);
  CHECK(first_error(native(code, "", ", environment_variables: {host_env_keys: [A]}")) ==
        at + "146: error: field \"environment_variables\" of VmConfig" + no_meaning);
  CHECK(first_error(
            native(code, "",
                   ", configuration: {\"@type\": type.googleapis.com/google.protobuf.StringValue}"))
            .find("field \"configuration\" of VmConfig" + no_meaning) != std::string::npos);
  CHECK(first_error(native(code, "", "", "limits: {callback_timeout: 1s}")) ==
        "x.yaml:17:42: error: field \"callback_timeout\" of PluginLimits" + no_meaning);
  CHECK(first_error(native(code, "", "", "limits: {max_memory_bytes: 65536}")) ==
        "x.yaml:17:42: error: field \"max_memory_bytes\" of PluginLimits" + no_meaning);
}

}  // namespace
}  // namespace holdfast::filters
