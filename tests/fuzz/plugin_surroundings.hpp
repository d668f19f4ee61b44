// What a plugin host needs around it, without sockets and clock: a worker, and exchanges that are
// heads and bodies. Both hold what plugins ask for to what may leave for the next hop.
//
// Owner: a run of the target. Thread: the program's only one.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <string>

#include "base/byte_queue.hpp"
#include "filters/wasm_headers.hpp"
#include "http/head.hpp"
#include "wasm/plugin.hpp"

namespace holdfast::fuzz {

class FuzzWorker final : public wasm::WorkerHost {
 public:
  struct Call {
    wasm::CallSink* sink;
    std::uint32_t token;
  };

  wasm::Status start_call(const wasm::CallRequest& request, wasm::CallSink& sink,
                          std::uint32_t token) noexcept override;
  void cancel_call(wasm::CallSink& sink, std::uint32_t token) noexcept override;
  void set_timer(const void* owner, std::chrono::milliseconds delay,
                 std::function<void()> tick) override;
  void clear_timer(const void* owner) noexcept override { timers_.erase(owner); }
  void post(std::function<void()> task) override { posted_.push_back(std::move(task)); }
  [[nodiscard]] wasm::Property property(std::string_view path) noexcept override;

  [[nodiscard]] std::size_t calls() const { return calls_.size(); }
  [[nodiscard]] std::size_t timers() const { return timers_.size(); }
  /// Ends one of those under way.
  void answer(std::size_t which, const wasm::CallReply& reply);
  /// What is due within that time, each timer at most once.
  void advance(std::chrono::milliseconds by);
  void run_posted();

 private:
  struct Timer {
    std::chrono::milliseconds due;
    std::function<void()> tick;
  };
  std::deque<Call> calls_;
  std::chrono::milliseconds now_{0};
  std::map<const void*, Timer> timers_;
  std::deque<std::function<void()>> posted_;
};

/// An exchange: the filters' own maps over a request and a response of ours.
class FuzzStream final : public wasm::StreamHost {
 public:
  /// `react`: what comes of what a plugin asks for; it may use and end the context.
  explicit FuzzStream(std::function<void(FuzzStream&)> react);

  // For the target.
  wasm::StreamContext* context = nullptr;  ///< Null: ended.
  bool ending = false;                     ///< Nothing may be asked of it any more.
  void start_response();
  void receive(wasm::BufferType type, std::size_t size);
  [[nodiscard]] base::ByteQueue& queue(wasm::BufferType type) {
    return type == wasm::BufferType::request_body ? request_body_ : response_body_;
  }
  [[nodiscard]] std::uint32_t count(wasm::MapType type);
  /// Both heads are such as may be sent.
  void check() const;

  [[nodiscard]] wasm::HeaderMap* headers(wasm::MapType type) noexcept override;
  void on_headers_modified(wasm::MapType type) noexcept override;
  [[nodiscard]] std::optional<std::string_view> body(wasm::BufferType type) noexcept override;
  wasm::Status edit_body(wasm::BufferType type, std::size_t start, std::size_t length,
                         std::string_view data) noexcept override;
  void resume(wasm::StreamType type) noexcept override;
  void close(wasm::StreamType type) noexcept override;
  void send_local_response(wasm::LocalResponse&& response) noexcept override;
  void clear_route_cache() noexcept override {}
  [[nodiscard]] wasm::Property property(std::string_view path) noexcept override;
  wasm::Status set_property(std::string_view path, std::string_view value,
                            const wasm::PropertyKind& kind) noexcept override;
  wasm::Status set_filter_state(std::string_view name, std::string_view value,
                                wasm::Span span) noexcept override;
  void on_plugin_failed() noexcept override;

 private:
  const std::function<void(FuzzStream&)> react_;
  http::Head request_;
  http::Head response_;
  filters::WasmRequestHeaders request_map_{request_};
  filters::WasmResponseHeaders response_map_{response_};
  http::Trailers trailers_of_request_;
  http::Trailers trailers_of_response_;
  filters::WasmTrailers request_trailers_{trailers_of_request_};
  filters::WasmTrailers response_trailers_{trailers_of_response_};
  base::ByteQueue request_body_;
  base::ByteQueue response_body_;
  std::map<std::string, std::string, std::less<>> properties_;
  bool failed_ = false;
};

}  // namespace holdfast::fuzz
