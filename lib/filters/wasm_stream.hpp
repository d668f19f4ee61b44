// One exchange as its plugin context reaches it (wasm::StreamHost).
//
// Owner: its WasmFilter, which recycles it; hangs on the exchange's slot from the request's head to
// the end. Thread: the worker's.
#pragma once

#include "base/byte_queue.hpp"
#include "filters/exchange.hpp"
#include "filters/wasm_headers.hpp"
#include "filters/wasm_state.hpp"
#include "wasm/plugin.hpp"

namespace holdfast::filters {

class WasmFilter;

/// What an exchange is answered with whose plugin can't do its work. As Envoy.
[[nodiscard]] LocalReplyRequest plugin_failed_reply();

class WasmStream final : public wasm::StreamHost {
 public:
  explicit WasmStream(WasmFilter& filter) : filter_(filter) {}

  // For the filter.
  void begin(Exchange& exchange) noexcept;
  /// The plugin has seen the request's head; else it hears of the exchange only at its end.
  [[nodiscard]] bool seen() const noexcept { return seen_; }
  void see() noexcept { seen_ = true; }
  /// The connection manager has answered it.
  void leave_out_unset() noexcept { request_->leave_out_unset(); }
  void set_context(wasm::StreamContext* context) noexcept { context_ = context; }
  /// proxy_on_log.
  void log() noexcept;
  /// What follows it.
  void finish() noexcept;
  [[nodiscard]] wasm::StreamContext* context() noexcept { return context_; }
  /// What the plugin may reach from now on: a message's head, body or trailers, while it is with
  /// the plugin.
  enum class Part : std::uint8_t {
    request_head,
    request_body,
    request_trailers,
    response_head,
    response_body,
    response_trailers,
  };
  void show(Part part, base::ByteQueue* body = nullptr, bool end = false) noexcept;
  void hide(Part part) noexcept;
  /// The plugin has asked for a local reply or has failed: nothing goes on by itself.
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }
  /// The reply that it has asked for is on its way through the filters.
  void go_on() noexcept { stopped_ = false; }
  /// The request's head is about to go on, and can't be routed or sent as the plugin left it: it is
  /// answered instead.
  [[nodiscard]] bool refuse_unsendable() noexcept;
  [[nodiscard]] std::uint32_t field_count(wasm::MapType type) noexcept;

  // wasm::StreamHost
  wasm::HeaderMap* headers(wasm::MapType type) noexcept override;
  wasm::HeaderMap* to_change(wasm::MapType type) noexcept override;
  void on_headers_modified(wasm::MapType type) noexcept override;
  std::optional<std::string_view> body(wasm::BufferType type) noexcept override;
  wasm::Status edit_body(wasm::BufferType type, std::size_t start, std::size_t length,
                         std::string_view data) noexcept override;
  void resume(wasm::StreamType type) noexcept override;
  void close(wasm::StreamType type) noexcept override;
  void send_local_response(wasm::LocalResponse&& response) noexcept override;
  void clear_route_cache() noexcept override;
  wasm::Property property(std::string_view path) noexcept override;
  wasm::Status set_property(std::string_view path, std::string_view value,
                            const wasm::PropertyKind& kind) noexcept override;
  wasm::Status set_filter_state(std::string_view name, std::string_view value,
                                wasm::Span span) noexcept override;
  void on_plugin_failed() noexcept override;

 private:
  [[nodiscard]] std::optional<LocalReplyRequest> unsendable() const;
  /// Null: nothing is set on the connection.
  [[nodiscard]] WasmState* connection_state() const noexcept;
  [[nodiscard]] WasmState& state_for(wasm::Span span);
  [[nodiscard]] base::ByteQueue* body_queue(wasm::BufferType type) noexcept;

  WasmFilter& filter_;
  Exchange* exchange_ = nullptr;
  wasm::StreamContext* context_ = nullptr;
  std::optional<WasmRequestHeaders> request_;
  std::optional<WasmResponseHeaders> response_;
  std::optional<WasmTrailers> request_trailers_;
  std::optional<WasmTrailers> response_trailers_;
  base::ByteQueue* request_body_ = nullptr;   ///< While it is at hand.
  base::ByteQueue* response_body_ = nullptr;  ///< Likewise.
  bool request_had_body_ = false;
  bool response_had_body_ = false;
  bool request_end_ = false;   ///< The body at hand is all of it.
  bool response_end_ = false;  ///< Likewise.
  bool request_shown_ = false;
  bool response_shown_ = false;
  bool request_trailers_shown_ = false;
  bool response_trailers_shown_ = false;
  bool seen_ = false;
  bool over_ = false;
  bool stopped_ = false;
};

}  // namespace holdfast::filters
