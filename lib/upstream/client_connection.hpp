// One upstream HTTP/1.1 connection: sends a request's bytes, parses the response, tells its sink.
//
// Owner: its HostPool (by its lists); destroys itself at the end of the turn in which it closed.
// Thread: the worker's. Always holds: at most one sink at a time, with one request or with a group
// of like ones that were sent back to back (pipelined, RFC 9112 9.3.2); a connection goes back to
// the pool only after the last response, which was framed without doubt, ended exactly where its
// bytes ended, and answered a request that was sent whole.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/byte_queue.hpp"
#include "http/body_decoder.hpp"
#include "net/listener.hpp"
#include "net/stream.hpp"
#include "upstream/host.hpp"
#include "upstream/response_sink.hpp"

namespace holdfast::upstream {

class HostPool;
struct PoolTag;

class ClientConnection final : public net::Stream,
                               public net::Disposable,
                               public base::ListNode<PoolTag> {
 public:
  enum class State : std::uint8_t { connecting, idle, busy, closed };

  ClientConnection(net::Reactor& reactor, HostPool& pool);
  ~ClientConnection() override;

  /// Begin to connect to the pool's host. Not 0: failed at once with that errno; the object may be
  /// deleted.
  [[nodiscard]] int connect() noexcept;

  // For the sink. REQUIRES: it holds this connection (state busy).
  /// The next response is to a request with this method. `method` must outlive the response's head.
  void begin(ResponseSink& sink, std::string_view method) noexcept;
  /// The next `count` responses are to like requests of a sink that reads neither fields nor body:
  /// its response_head() will hold the status only, on_response_body() may not be called. Each
  /// response but the last ends with on_response_end() and the next one begins. When the connection
  /// ends earlier, on_reset() stands for all that are left; `response_begun()` says whether the
  /// first of them had begun.
  void begin_group(ResponseSink& sink, std::string_view method, std::uint32_t count) noexcept;
  /// Send request bytes; what the socket does not take is queued (backlog()). A broken connection
  /// is reported to the sink later, after what the upstream had said before it closed.
  void send(std::span<const iovec> pieces) noexcept;
  /// The request has been handed over whole.
  void finish_request() noexcept { request_whole_ = true; }
  void pause_reading() noexcept;
  void resume_reading() noexcept;
  /// Give the request up: the connection is closed; the sink is not called any more.
  /// `late`: because it has waited too long, which speaks against pipelining there.
  void cancel(bool late = false) noexcept;

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] const Host& host() const noexcept { return *host_; }
  /// Our end, "ip:port".
  [[nodiscard]] const std::string& local_address() {
    if (local_address_.empty()) local_address_ = net::local_address_text(fd());
    return local_address_;
  }
  /// Requests begun on it before the present ones: more than 0 = reused.
  [[nodiscard]] std::uint32_t earlier_requests() const noexcept { return requests_ - group_; }
  /// How many more requests it may take (max_requests_per_connection).
  [[nodiscard]] std::uint32_t room() const noexcept;
  /// A byte of the present response has arrived.
  [[nodiscard]] bool response_begun() const noexcept { return response_begun_; }

  // For the pool.
  void make_idle() noexcept;
  void make_busy() noexcept { state_ = State::busy; }
  [[nodiscard]] bool is_fit() const noexcept {
    return !readable();
  }                               ///< Nothing happened to it while idle.
  void close_unused() noexcept;   ///< REQUIRES: no sink.
  void close_quietly() noexcept;  ///< At the end of the pool: nobody is told.

 private:
  void on_io(std::uint32_t events) noexcept override;
  void on_dispose() noexcept override { delete this; }
  void on_timeout() noexcept;
  void on_connecting() noexcept;
  void on_idle_input() noexcept;
  void on_busy(bool was_backlogged) noexcept;
  void on_write_error() noexcept;
  void receive() noexcept;
  [[nodiscard]] bool can_splice_body() const noexcept;
  [[nodiscard]] bool splice_body(std::size_t most) noexcept;
  [[nodiscard]] std::size_t process(std::span<char> bytes) noexcept;
  void start_response(ResponseSink& sink, std::string_view method, std::uint32_t count) noexcept;
  void end_one(bool next_begun) noexcept;
  void note_unanswered() noexcept;
  [[nodiscard]] std::size_t process_head(std::string_view bytes) noexcept;
  [[nodiscard]] std::size_t take_head(std::string_view bytes,
                                      const http::HeadResult& result) noexcept;
  [[nodiscard]] std::size_t process_body(std::span<char> bytes) noexcept;
  void process_stash(bool last) noexcept;
  [[nodiscard]] bool is_input_over() noexcept;
  void on_input_end(bool clean) noexcept;
  void complete() noexcept;
  void refuse() noexcept;
  void fail(ResetReason reason) noexcept;
  void shut() noexcept;

  // Constant after construction.
  HostPool& pool_;
  const std::shared_ptr<Host> host_;
  // Touched only on the worker.
  State state_ = State::closed;
  bool status_only_ = false;
  bool pipelines_ = false;  ///< Has answered a whole group.
  bool head_done_ = false;
  bool paused_ = false;
  bool request_whole_ = false;
  bool response_begun_ = false;
  bool keep_alive_ = false;
  bool write_broken_ = false;
  bool reset_by_peer_ = false;  ///< Told by another call; a read would then report a mere end.
  bool closed_by_peer_ = false;
  std::uint8_t informational_ = 0;
  std::uint32_t requests_ = 0;
  std::uint32_t group_ = 0;   ///< Requests of the present sink, answered or not.
  std::uint32_t left_ = 0;    ///< Of them, those not answered.
  std::size_t searched_ = 0;  ///< Of a head that is not whole: bytes without its end.
  ResponseSink* sink_ = nullptr;
  std::string_view method_;
  std::string local_address_;  ///< Once somebody has asked.
  base::ByteQueue
      stash_;  ///< Part of a head, or what arrived behind the place where reading was paused.
  http::BodyDecoder body_;
  net::TimePoint opened_;
  net::TimePoint idle_since_;
  net::MemberTimer<&ClientConnection::on_timeout> timer_;
};

}  // namespace holdfast::upstream
