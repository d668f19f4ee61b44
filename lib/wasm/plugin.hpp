// A configured plugin on one worker, and the contexts of exchanges in it.
//
// A Machine is one VM shared by all plugins for which share_vm() holds on a worker; a Plugin is one
// root context in it; a StreamContext is one exchange in a Plugin. When a callback traps, its
// exchange fails (StreamHost:: on_plugin_failed), the VM is retired and a new one takes its place:
// at once at first, after a back-off when it traps again and again. Exchanges that are in the
// retired VM already go on there, each failing only by a trap of its own; the VM goes when the last
// of them has.
//
// Owner: PluginHost (one per worker) owns machines and plugins; a filter holds Plugin&. Thread: the
// worker's.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wasm/abi.hpp"
#include "wasm/engine.hpp"
#include "wasm/host.hpp"
#include "wasm/plugin_stats.hpp"
#include "wasm/vm.hpp"

namespace holdfast::wasm {

enum class FailurePolicy : std::uint8_t { fail_closed, fail_open };

/// Immutable after load; shared by the workers.
struct PluginConfig {
  std::string name;
  std::string root_id;
  std::string configuration;  ///< Bytes for proxy_on_configure.
  std::string vm_id;
  std::string vm_configuration;
  std::vector<std::pair<std::string, std::string>> environment;
  std::shared_ptr<const Module> module;
  std::string code_key;  ///< Identifies the code (its hash): part of what a VM is shared by.
  FailurePolicy policy = FailurePolicy::fail_closed;
  std::chrono::milliseconds reload_backoff{1'000};
  std::chrono::milliseconds longest_backoff{60'000};
  bool allow_on_headers_stop_iteration = false;
  Limits limits;
};

/// Whether both run in one VM: as in Envoy 1.40, when they have the same vm_id, code, VM
/// configuration and environment. It has the limits and the back-off of either: they must be the
/// same, too (filters/wasm_prepare.cpp).
[[nodiscard]] bool share_vm(const PluginConfig& one, const PluginConfig& other) noexcept;

class SharedState;  // shared_state.hpp: shared data, queues, metrics of the process.
class Plugin;

/// Answers of a context's callbacks.
struct BodyVerdict {
  Action action = Action::proceed;
};

class StreamContext {
 public:
  virtual ~StreamContext() = default;
  /// proxy_on_context_create, unless the plugin has heard of the exchange. The other callbacks see
  /// to it themselves; call it first where nothing of the exchange may be at hand yet.
  virtual void create() noexcept = 0;
  // Each: the plugin's answer; proceed when it has no such callback, or has failed. What the
  // callback asked for (StreamHost::resume() and the like) and on_plugin_failed() have been told
  // before it returns; they may end() this context.
  [[nodiscard]] virtual Action on_request_headers(std::uint32_t count, bool end) noexcept = 0;
  [[nodiscard]] virtual Action on_request_body(std::uint32_t size, bool end) noexcept = 0;
  [[nodiscard]] virtual Action on_request_trailers(std::uint32_t count) noexcept = 0;
  [[nodiscard]] virtual Action on_response_headers(std::uint32_t count, bool end) noexcept = 0;
  [[nodiscard]] virtual Action on_response_body(std::uint32_t size, bool end) noexcept = 0;
  [[nodiscard]] virtual Action on_response_trailers(std::uint32_t count) noexcept = 0;

  // Of a TCP connection, which has no other callbacks than these; a local reply means nothing to
  // it.
  [[nodiscard]] virtual Action on_new_connection() noexcept = 0;
  /// `from`: StreamType::downstream or upstream.
  [[nodiscard]] virtual Action on_data(StreamType from, std::uint32_t size, bool end) noexcept = 0;
  virtual void on_close(StreamType of, CloseType how) noexcept = 0;
  /// proxy_on_done, proxy_on_log and proxy_on_delete, if the plugin has heard of the connection,
  /// and the context is given back: the last call.
  virtual void end_connection() noexcept = 0;

  /// proxy_on_log.
  virtual void log() noexcept = 0;
  /// log(), if it has not been called; proxy_on_done, proxy_on_delete, and the context is given
  /// back: the last call. Calls of this exchange that are under way go on, and their replies are
  /// the plugin's; when the `client_left`, nobody waits for them: they are cancelled, and the
  /// plugin is told so (0, 0, 0).
  virtual void end(bool client_left) noexcept = 0;
  /// A trap has ended it: no callback comes any more.
  [[nodiscard]] virtual bool failed() const noexcept = 0;
  /// Calls under way that this exchange has made.
  [[nodiscard]] virtual std::uint32_t pending_calls() const noexcept = 0;
};

class Plugin {
 public:
  virtual ~Plugin() = default;
  [[nodiscard]] virtual const PluginConfig& config() const noexcept = 0;
  /// Null: the plugin is down (its VM failed and waits to be made anew): by policy the exchange
  /// fails or passes. The context may be used until its end(), also when the plugin is made anew
  /// meanwhile.
  [[nodiscard]] virtual StreamContext* begin(StreamHost& stream) noexcept = 0;
};

/// All plugins of one worker.
class PluginHost {
 public:
  [[nodiscard]] static std::unique_ptr<PluginHost> make(WorkerHost& worker, SharedState& shared,
                                                        PluginStats& stats, unsigned worker_index);
  virtual ~PluginHost() = default;  ///< proxy_on_done and proxy_on_delete of each root context.
  /// The root context of `config` (lives as long as the PluginHost): started on the worker's thread
  /// by start().
  [[nodiscard]] virtual Plugin& add(std::shared_ptr<const PluginConfig> config) = 0;
  /// Worker thread, once, before the first exchange: makes the VMs, starts and configures the
  /// plugins.
  virtual void start() noexcept = 0;
};

/// The trial at load time: VM, start and configuration on the calling thread, with a host that does
/// nothing. Empty: it works; else why not ("proxy_on_configure returned 0", a trap's text).
[[nodiscard]] std::string try_plugin(const PluginConfig& config);

}  // namespace holdfast::wasm
