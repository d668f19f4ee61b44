// One VM and who is in it: its root contexts, the exchanges, the calls under way, and what its host
// functions work on (imports_*.cpp).
//
// Owner: a Machine, which makes another one when this one has trapped ("retired": it gets no new
// exchanges, and serves those that it has to their ends, with the ticks, queues and calls that they
// may wait for). Thread: the worker's. Always holds: guest code is on the stack only inside call()
// and start(); what it asks of an exchange is deferred until settle().
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "wasm/contexts.hpp"
#include "wasm/id_table.hpp"
#include "wasm/metric_ids.hpp"
#include "wasm/output_lines.hpp"
#include "wasm/vm.hpp"

namespace holdfast::wasm {

class Machine;

/// What a plugin host lends to its machines.
struct Services {
  WorkerHost& worker;
  SharedState& shared;
  PluginStats& stats;
  unsigned worker_index;
};

class Guest final : public CallSink {
 public:
  Guest(Machine& machine, const Services& services, const PluginConfig& vm_config);
  ~Guest() override;
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  // For the Machine.

  /// Makes the VM, and starts and configures the plugins. Empty, or why not.
  [[nodiscard]] std::string start(const std::vector<std::shared_ptr<const PluginConfig>>& plugins);
  /// proxy_on_done and proxy_on_delete of each root context.
  void shut_down() noexcept;
  /// After a trap. Once no exchange is left, or when a tick or a queue's callback traps: no ticks,
  /// no queues, no calls but those of exchanges.
  void retire() noexcept;
  [[nodiscard]] bool has_streams() const noexcept { return streams_ != 0; }
  [[nodiscard]] RootContext& root_at(std::size_t plugin) noexcept { return *roots_[plugin]; }
  void open_stream(StreamSlot& slot, RootContext& root, StreamHost& host);
  /// False: none of its plugins listens to that queue.
  bool on_queue_ready(std::uint32_t token) noexcept;

  // For the contexts.

  struct Answer {
    std::uint32_t value = 0;
    bool trapped = false;
    bool replied = false;  ///< proxy_send_local_response was called: the message goes no further.
  };
  /// Of an export that is not there: 0.
  Answer call(Context& who, Export e, std::initializer_list<std::uint32_t> arguments) noexcept;
  [[nodiscard]] bool has(Export e) const noexcept { return vm_->has(e); }
  /// Tells the exchanges what was asked of them; they may call back into the plugin, or end.
  void settle() noexcept;
  void close_stream(StreamSlot& slot, bool client_left) noexcept;
  [[nodiscard]] Machine& machine() noexcept { return machine_; }

  void on_call_reply(std::uint32_t token, const CallReply& reply) noexcept override;

  // For the host functions. REQUIRES: guest code is on the stack.

  [[nodiscard]] Vm& vm() noexcept { return *vm_; }
  [[nodiscard]] AbiVersion abi() const noexcept { return abi_; }
  [[nodiscard]] const PluginConfig& vm_config() const noexcept { return vm_config_; }
  [[nodiscard]] const Services& services() const noexcept { return services_; }
  /// Who host functions work for: the effective context, else the one that was called.
  [[nodiscard]] Context& context() noexcept {
    return frame_.effective != nullptr ? *frame_.effective : *frame_.current;
  }
  [[nodiscard]] Context& called() noexcept { return *frame_.current; }
  /// Null: it is no exchange's.
  [[nodiscard]] StreamHost* stream() noexcept {
    return context().slot != nullptr ? context().slot->host() : nullptr;
  }
  [[nodiscard]] bool logging() noexcept {
    return context().slot != nullptr && context().slot->logging();
  }
  [[nodiscard]] Status set_effective_context(std::uint32_t id) noexcept;
  /// The answer to a call, while the plugin is told of it. Null otherwise, and for a call that was
  /// reset.
  [[nodiscard]] const CallReply* reply() const noexcept { return reply_; }
  [[nodiscard]] MetricIds& metrics() noexcept { return metrics_; }

  void log(base::LogLevel level, std::string_view message) noexcept;
  /// WASI's standard output (info) and error.
  void write_output(base::LogLevel level, std::string_view text) {
    output_.write(level, text, *this);
  }

  void defer_resume(StreamType type);
  void defer_close(StreamType type);
  void defer_local_response(LocalResponse&& response);
  [[nodiscard]] Status start_call(std::string_view cluster, const Pairs& headers,
                                  std::string_view body, const Pairs& trailers,
                                  std::chrono::milliseconds timeout, std::uint32_t& token);
  [[nodiscard]] Status set_tick_period(std::chrono::milliseconds period);
  [[nodiscard]] Status register_queue(std::string_view name, std::uint32_t& token);

  // Scratch of the host functions; used by one at a time.
  Pairs scratch_pairs;
  Pairs scratch_trailers;
  std::string scratch;
  std::string scratch_names;

 private:
  struct Frame {
    Context* current = nullptr;
    Context* effective = nullptr;
    bool replied = false;
  };
  struct Deferred {
    enum class Kind : std::uint8_t { resume, close, local_response, fail };
    StreamSlot* slot;
    Kind kind;
    StreamType type;
    std::unique_ptr<LocalResponse> response;
  };
  [[nodiscard]] std::string start_root(RootContext& root);
  [[nodiscard]] std::string trap_text() const;
  [[nodiscard]] std::uint32_t next_context_id() noexcept;
  void on_trap(Context& who, Context* effective, Export e) noexcept;
  void fall_silent() noexcept;
  /// Null: nothing to defer.
  Deferred* defer(Deferred::Kind kind, StreamType type);
  void perform(Deferred& action) noexcept;
  void fail_stream(StreamSlot& slot) noexcept;
  void on_tick(RootContext& root) noexcept;
  void arm_tick(RootContext& root);
  /// False: trapped.
  bool give_reply(RootContext& root, StreamSlot* owner, std::uint32_t token,
                  const CallReply& reply) noexcept;
  [[nodiscard]] StreamSlot* call_owner() noexcept;
  [[nodiscard]] PluginCall& take_call();
  void cancel_call(PluginCall& call) noexcept;
  /// From now on it is nobody's but the plugin's.
  void disown_call(PluginCall& call) noexcept;
  void recycle_call(PluginCall& call);
  void measure_memory() noexcept;

  Machine& machine_;
  const Services services_;
  const PluginConfig& vm_config_;
  const AbiVersion abi_;
  Context vm_context_;
  std::vector<std::unique_ptr<RootContext>> roots_;
  IdTable<Context> contexts_;
  std::size_t streams_ = 0;
  std::size_t live_streams_ = 0;       ///< Those that have not failed.
  std::uint32_t next_context_id_ = 1;  ///< 0 is the VM's own context.
  bool retired_ = false;
  bool silent_ = false;

  Frame frame_;
  std::vector<Deferred> deferred_;
  std::size_t next_deferred_ = 0;

  IdTable<PluginCall, 4> calls_;
  base::List<PluginCall, CallTag> root_calls_;
  std::vector<std::unique_ptr<PluginCall>> call_pool_;
  std::vector<PluginCall*> free_calls_;
  std::uint32_t next_call_token_ = 0;
  const CallReply* reply_ = nullptr;
  StreamSlot* reply_owner_ = nullptr;

  struct Listener {
    std::uint32_t token;
    RootContext* root;
  };
  std::vector<Listener> queues_;

  MetricIds metrics_;
  OutputLines output_;
  std::string log_line_;
  std::size_t memory_ = 0;
  std::unique_ptr<Vm> vm_;  ///< Last: gone before what its host functions use.
};

}  // namespace holdfast::wasm
