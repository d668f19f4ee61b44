#include "filters/wasm_config_tables.hpp"

#include <initializer_list>
#include <set>

namespace holdfast::filters {
namespace {

using config::Context;
using config::LocatedString;
using config::Message;
using config::MessageTable;
using config::Milliseconds;
using config::Source;

constexpr std::uint64_t kPage = 64UL * 1024;
constexpr std::uint64_t kMostMemory = 4UL * 1024 * 1024 * 1024;

/// Notes those of the fields that are given.
void for_machines_only(std::initializer_list<std::string_view> fields, std::string_view of,
                       WasmMessage& message, const Source& source) {
  for (const std::string_view field : fields) {
    if (!source.has(field)) continue;
    message.for_machines.push_back(
        {"\"" + std::string(field) + "\" of " + std::string(of), source.where(field)});
  }
}

// --- What the plugin is told --------------------------------------------------------------------

template <class Add>
MessageTable payload_table(const std::string& name, std::string doc, Add add) {
  auto message = Message<WasmPayload>(name, "google.protobuf." + name, std::move(doc));
  add(message);
  return message
      .finish([](WasmPayload& payload, const Source& source, Context&) {
        if (!payload.bytes) payload.bytes.emplace();
        payload.bytes->location = source.where("value");
      })
      .table();
}

const MessageTable& string_value_table() {
  static const MessageTable kTable =
      payload_table("StringValue", "A string.", [](Message<WasmPayload>& message) {
        message.field("value", &WasmPayload::bytes, "The text.");
      });
  return kTable;
}

const MessageTable& bytes_value_table() {
  static const MessageTable kTable =
      payload_table("BytesValue", "Bytes.", [](Message<WasmPayload>& message) {
        message.field("value", &WasmPayload::bytes, "The bytes.").base64();
      });
  return kTable;
}

const MessageTable& struct_table() {
  static const MessageTable kTable =
      payload_table("Struct", "A JSON object.", [](Message<WasmPayload>& message) {
        message
            .structure(
                "value",
                [](WasmPayload& payload, std::string json) {
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
          .oneof("specifier")
          .require_oneof("specifier")
          .table();
  return kTable;
}

/// As Envoy, which wants each name once.
void finish_environment(WasmMessage& message, const Source& source, Context& context) {
  std::set<std::string_view> seen;
  for (const std::string& key : message.host_env_keys) {
    if (!seen.insert(key).second) {
      context.error(source.where("host_env_keys"),
                    "\"" + key + "\" is in host_env_keys more than once");
    }
  }
  for (const auto& [key, value] : message.key_values) {
    if (seen.contains(key)) {
      context.error(source.where("key_values"),
                    "\"" + key + "\" is in host_env_keys and in key_values");
    }
  }
}

const MessageTable& environment_table() {
  static const MessageTable kTable =
      Message<WasmMessage>("EnvironmentVariables", "envoy.extensions.wasm.v3.EnvironmentVariables",
                           "What the plugin sees as its environment.")
          .field("host_env_keys", &WasmMessage::host_env_keys,
                 "Variables of Holdfast's own environment that are handed on; one that is not set "
                 "is left out.")
          .string_map("key_values", &WasmMessage::key_values, "Further ones.")
          .finish(finish_environment)
          .table();
  return kTable;
}

const MessageTable& vm_config_table() {
  static const MessageTable kTable =
      Message<WasmMessage>("VmConfig", "envoy.extensions.wasm.v3.VmConfig", "The plugin's machine.")
          .field("vm_id", &WasmMessage::vm_id,
                 "Plugins with the same `vm_id`, code, `configuration` and "
                 "`environment_variables` share a machine, one per worker.")
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
          .finish([](WasmMessage& message, const Source& source, Context&) {
            for_machines_only({"configuration", "environment_variables"}, "VmConfig", message,
                              source);
          })
          .table();
  return kTable;
}

// --- The plugin ---------------------------------------------------------------------------------

const MessageTable& backoff_table() {
  static const MessageTable kTable =
      Message<WasmMessage>("BackoffStrategy", "envoy.config.core.v3.BackoffStrategy",
                           "How long to wait before the next try.")
          .field("base_interval", &WasmMessage::base_interval,
                 "The first wait; each further one is twice as long.")
          .required()
          .range(1'000'000, 3'600UL * 1'000'000'000)
          .field("max_interval", &WasmMessage::max_interval, "The longest wait.")
          .range(1'000'000, 36'000UL * 1'000'000'000)
          .default_text("10 times base_interval")
          .finish([](WasmMessage& message, const Source& source, Context& context) {
            if (!message.max_interval) message.max_interval = 10 * message.base_interval;
            if (*message.max_interval >= message.base_interval) return;
            context.error(source.where("max_interval"),
                          "max_interval must not be less than base_interval");
          })
          .table();
  return kTable;
}

const MessageTable& reload_config_table() {
  static const MessageTable kTable =
      Message<WasmMessage>("ReloadConfig", "envoy.extensions.wasm.v3.ReloadConfig",
                           "How a plugin that has crashed comes back.")
          .nested("backoff", &backoff_table,
                  "Waits between tries, when it crashes again and again.")
          .table();
  return kTable;
}

void finish_plugin(WasmMessage& message, const Source& source, Context& context) {
  message.at = source.at();
  // What is to become of it when it fails holds for native code, too, which never does.
  for_machines_only({"allow_on_headers_stop_iteration"}, "PluginConfig", message, source);
  if (message.fail_open && message.failure_policy != WasmFailure::unspecified) {
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
      .field("max_memory_bytes", &WasmMessage::max_memory_bytes,
             "Linear memory of one machine. Default: 128 MiB, or twice what the module begins with "
             "where that is more.")
      .range(static_cast<std::int64_t>(kPage), kMostMemory)
      .finish([](WasmMessage& target, const Source& source, Context&) {
        for_machines_only({"callback_timeout", "max_memory_bytes"}, "PluginLimits", target, source);
      });
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

}  // namespace

const MessageTable& wasm_http_table() {
  static const MessageTable kTable =
      Message<WasmMessage>("Wasm", "envoy.extensions.filters.http.wasm.v3.Wasm",
                           "A plugin (proxy-wasm). With the null runtime, Envoy's spelling of the "
                           "dispatch filter: the original plugin, native.")
          .nested("config", &plugin_config_table, "The plugin.")
          .required()
          .nested("limits", &limits_table, "Bounds. With the null runtime: `max_hold` only.")
          .differs("Only Holdfast has it.")
          .table();
  return kTable;
}

const MessageTable& wasm_network_table() {
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

const MessageTable& wasm_service_table() {
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

}  // namespace holdfast::filters
