// One downstream HTTP/1.1 connection: reads heads and bodies, hands them to its exchange, writes
// what comes back.
//
// Owner: its HttpContext (sessions list while open, free list after). Thread: the worker's. on_io()
// and on_timeout() are the only entries; both run outside any other handler. Requests are served
// strictly one after the other (pipelining, RFC 9112 9.3.2): while an exchange runs, nothing more
// than its body is read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/byte_queue.hpp"
#include "http/body_decoder.hpp"
#include "net/stream.hpp"
#include "server/deadlines.hpp"
#include "server/exchange.hpp"
#include "server/http_context.hpp"
#include "server/local_address.hpp"

namespace holdfast::server {

class Session final : public net::Stream,
                      public net::Disposable,
                      public base::ListNode<SessionTag> {
 public:
  explicit Session(HttpContext& context);
  ~Session() override;

  /// Take an accepted socket. False: it could not be registered; the session is free again.
  [[nodiscard]] bool start(int fd, const sockaddr_storage& peer);
  /// Give back what the last request took, as far as a buffer has more than `keep` bytes.
  /// REQUIRES: no request is under way.
  void release_buffers(std::size_t keep) noexcept;
  /// No more requests after the one under way; at once if there is none.
  void drain() noexcept;

  // For the exchange.
  /// Send response bytes; false when the connection is broken (the session will see to its end).
  void send(std::span<const iovec> pieces) noexcept;
  /// Send bytes of the upstream's socket as they are. REQUIRES: can_splice().
  [[nodiscard]] bool can_splice() noexcept { return !broken_ && Stream::can_splice(); }
  [[nodiscard]] ReadResult splice(Stream& upstream, std::size_t most) noexcept;
  [[nodiscard]] Deadlines& deadlines() noexcept { return deadlines_; }
  void pause_body() noexcept;
  void resume_body() noexcept;
  void wake() noexcept { reactor().schedule(*this); }
  /// The response has gone out whole.
  enum class After : std::uint8_t { keep, close };
  void end_exchange(After after) noexcept;
  /// The response can't be completed: end the connection so that the client notices.
  void abort_response() noexcept;
  /// This answer is the last: the connection (or the process) drains.
  [[nodiscard]] bool drains() const noexcept;
  /// This answer is the last: the connection has served max_requests_per_connection.
  [[nodiscard]] bool worn_out() const noexcept;
  [[nodiscard]] const std::string& peer_ip() const noexcept { return peer_ip_; }
  [[nodiscard]] const std::string& peer() const noexcept { return peer_; }
  [[nodiscard]] std::string_view local_address() const noexcept { return local_.view(); }
  [[nodiscard]] bool peer_is_loopback() const noexcept { return peer_is_loopback_; }
  [[nodiscard]] std::uint64_t connection_id() const noexcept { return connection_id_; }
  [[nodiscard]] std::unique_ptr<filters::ConnectionState>& filters_state() noexcept {
    return filters_state_;
  }
  /// The upstream of this connection's answers may be read: nothing waits for the client.
  [[nodiscard]] bool can_send() const noexcept { return backlog() == 0; }
  [[nodiscard]] net::Reactor& loop() noexcept { return reactor(); }

 private:
  enum class State : std::uint8_t {
    closed,
    head,      ///< Between requests, or in the middle of a head.
    exchange,  ///< A request is being served.
    linger,    ///< Answered, closing: what the client still sends is dropped.
  };

  void on_io(std::uint32_t events) noexcept override;
  void on_dispose() noexcept override;
  void on_timeout() noexcept;
  [[nodiscard]] bool on_deadline(Deadline which) noexcept;
  void on_idle() noexcept;
  void flush_backlog() noexcept;
  void count_sent(std::uint64_t before, bool sent) noexcept;
  void receive() noexcept;
  [[nodiscard]] bool wants_input() const noexcept;
  void consume_pending() noexcept;
  [[nodiscard]] std::size_t consume(std::span<char> bytes) noexcept;
  [[nodiscard]] std::size_t consume_head(std::span<char> bytes) noexcept;
  [[nodiscard]] std::size_t consume_body(std::span<char> bytes) noexcept;
  void begin_head() noexcept;
  void begin_exchange(const http::HeadResult& result) noexcept;
  void count_request() noexcept;
  void refuse_head(const http::HeadResult& result) noexcept;
  /// Has served so many requests in this turn that the other connections come first.
  [[nodiscard]] bool turn_is_over() const noexcept;
  /// Bytes of a request have come that nobody has looked at yet.
  [[nodiscard]] bool request_waits() noexcept;
  void on_client_gone() noexcept;
  void begin_close() noexcept;
  void wait_for_request() noexcept;
  void shut() noexcept;
  [[nodiscard]] bool looks_complete() const noexcept;
  enum class Destroyed : std::uint8_t { by_us, by_client };
  void count_close(Destroyed by) noexcept;

  // Constant after construction.
  HttpContext& context_;
  // Touched only on the worker.
  State state_ = State::closed;
  bool body_paused_ = false;
  bool body_broken_ = false;  ///< The request's framing is.
  bool broken_ = false;       ///< A write has failed.
  bool draining_ = false;
  bool peer_is_loopback_ = false;
  bool write_shut_ = false;
  bool head_begun_ = false;  ///< Part of a head has arrived.
  std::uint32_t requests_ = 0;
  std::uint32_t turn_began_with_ = 0;  ///< Its requests_.
  std::size_t searched_ = 0;           ///< Of a head that is not whole: bytes without its end.
  std::uint64_t connection_id_ = 0;
  std::string peer_ip_;
  std::string peer_;
  LocalAddress local_;
  std::unique_ptr<filters::ConnectionState> filters_state_;
  base::ByteQueue in_;  ///< Part of a head, or requests that wait for the one under way.
  http::BodyDecoder body_;
  net::TimePoint opened_;
  net::MemberTimer<&Session::on_timeout> timer_;
  Deadlines deadlines_;
  Exchange exchange_;
};

}  // namespace holdfast::server
