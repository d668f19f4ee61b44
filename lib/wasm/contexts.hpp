// Contexts: what a plugin knows by an id. Root contexts (a plugin in a VM) and stream contexts (an
// exchange in a plugin).
//
// Owner: a Guest owns its root contexts; a Machine owns the stream slots and uses them again.
// Thread: the worker's.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/intrusive_list.hpp"
#include "wasm/declared_properties.hpp"
#include "wasm/plugin.hpp"

namespace holdfast::wasm {

class Guest;
class StreamSlot;
struct RootContext;

struct Context {
  std::uint32_t id = 0;
  RootContext* root = nullptr;  ///< Null for the VM's own context (id 0), which runs `_initialize`.
  StreamSlot* slot = nullptr;   ///< Null for all but an exchange's.
  std::string_view
      log_prefix;  ///< With a space in front of each word; names the plugin only for exchanges.
  Context* next_by_id = nullptr;
};

/// A plugin in a VM.
struct RootContext : Context {
  RootContext(std::shared_ptr<const PluginConfig> plugin, std::uint32_t own_id);

  const std::shared_ptr<const PluginConfig> config;
  const std::string root_prefix;
  const std::string stream_prefix;
  bool created = false;
  bool configuring = false;  ///< Its configuration can be read during proxy_on_context_create and
                             ///< proxy_on_configure only.
  std::chrono::milliseconds tick_period{0};
  // proxy_get_status: of the last call that failed.
  std::uint32_t status_code = 0;
  std::string_view status_message;  ///< During the callback about it only.
  DeclaredProperties declared;
};

struct CallTag;

/// A call under way. From a pool of the Guest's.
struct PluginCall : base::ListNode<CallTag> {
  std::uint32_t id = 0;
  PluginCall* next_by_id = nullptr;
  RootContext* root = nullptr;
  StreamSlot* owner = nullptr;  ///< Null: the plugin itself.
};

/// An exchange in a plugin.
class StreamSlot final : public StreamContext, public Context {
 public:
  // Of the Machine that hands it out.
  void open(Guest& guest, RootContext& root_context, StreamHost& host,
            std::uint32_t own_id) noexcept;

  [[nodiscard]] Action on_request_headers(std::uint32_t count, bool end) noexcept override;
  [[nodiscard]] Action on_request_body(std::uint32_t size, bool end) noexcept override;
  [[nodiscard]] Action on_request_trailers(std::uint32_t count) noexcept override;
  [[nodiscard]] Action on_response_headers(std::uint32_t count, bool end) noexcept override;
  [[nodiscard]] Action on_response_body(std::uint32_t size, bool end) noexcept override;
  [[nodiscard]] Action on_response_trailers(std::uint32_t count) noexcept override;
  [[nodiscard]] Action on_new_connection() noexcept override;
  [[nodiscard]] Action on_data(StreamType from, std::uint32_t size, bool end) noexcept override;
  void on_close(StreamType of, CloseType how) noexcept override;
  void end_connection() noexcept override;
  void create() noexcept override;
  void log() noexcept override;
  void end(bool client_left) noexcept override;
  [[nodiscard]] bool failed() const noexcept override { return state_ == State::failed; }
  [[nodiscard]] std::uint32_t pending_calls() const noexcept override { return pending_calls_; }

  // Of the Guest.
  /// Null once end() is through with the plugin.
  [[nodiscard]] StreamHost* host() const noexcept { return host_; }
  /// proxy_on_log runs: header maps can be read, not changed.
  [[nodiscard]] bool logging() const noexcept { return state_ == State::logging; }
  /// Not in end() yet, nor failed.
  [[nodiscard]] bool active() const noexcept {
    return host_ != nullptr && (state_ == State::fresh || state_ == State::open);
  }
  void detach() noexcept { host_ = nullptr; }
  void fail() noexcept { state_ = State::failed; }
  void add_call(PluginCall& call) noexcept;
  void remove_call(PluginCall& call) noexcept;
  [[nodiscard]] PluginCall* first_call() noexcept { return calls_.front(); }

 private:
  enum class State : std::uint8_t {
    fresh,    ///< The plugin has not heard of it.
    open,     ///< proxy_on_context_create has been called.
    logging,  ///< proxy_on_log runs, or has run.
    ending,   ///< proxy_on_done or proxy_on_delete run.
    failed,   ///< Trapped.
  };
  [[nodiscard]] Action run(Export e, std::initializer_list<std::uint32_t> arguments) noexcept;
  /// False: failed.
  bool create_context() noexcept;
  void tell(Export e, State state) noexcept;

  Guest* guest_ = nullptr;
  StreamHost* host_ = nullptr;
  State state_ = State::fresh;
  std::uint32_t pending_calls_ = 0;
  base::List<PluginCall, CallTag> calls_;
};

}  // namespace holdfast::wasm
