// Who uses an upstream connection: told of the response as it arrives, or of its failure.
//
// Implemented by the server's exchange (the client's own request) and by Call (a side request).
// Thread: the worker's. Order of calls: informational*, then head, body*, end; or reset at any
// point. After end and reset the connection is not the sink's any more, unless it is a group's
// (ClientConnection::begin_group), where that order repeats for each response. None of these is
// called from inside a function that the sink itself called.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "http/head_parser.hpp"
#include "http/trailers.hpp"
#include "net/stream.hpp"

namespace holdfast::upstream {

/// Why there is no (whole) response. The names are Envoy's (`reset reason: ...`).
enum class ResetReason : std::uint8_t {
  connection_failure,      ///< "remote connection failure": refused, unreachable
  connection_timeout,      ///< "connection timeout": connect_timeout passed
  connection_termination,  ///< closed or reset after the request was sent
  protocol_error,          ///< the response is malformed
  overflow,                ///< a circuit breaker is open
  no_healthy_upstream,     ///< the cluster has no endpoint
};

class ResponseSink {
 public:
  virtual ~ResponseSink() = default;

  /// Where the head is parsed to; asked anew for each head, also for 1xx.
  virtual http::Head& response_head() noexcept = 0;
  /// Where the response's trailers go, cleared; it outlives the response. Null: nobody wants them.
  virtual http::Trailers* kept_trailers() noexcept { return nullptr; }
  /// A 1xx head (never 101) has arrived in response_head().
  virtual void on_informational() noexcept = 0;
  virtual void on_response_head(const http::HeadResult& result) noexcept = 0;
  /// `bytes` may be overwritten; they are gone with the next call of on_response_body, _pause, _end
  /// or on_reset.
  virtual void on_response_body(std::span<char> bytes) noexcept = 0;
  /// What had arrived has been delivered and the response goes on: time to send what was put
  /// together from it.
  virtual void on_response_pause() noexcept = 0;
  /// Large bodies: the sink would send the next bytes on as they are, and look at none of them.
  [[nodiscard]] virtual bool can_splice() noexcept { return false; }
  /// Send up to `most` body bytes of the response on, from `upstream`. Says what that one had.
  /// REQUIRES: can_splice() has just said so.
  [[nodiscard]] virtual net::Stream::ReadResult splice_body(net::Stream& /*upstream*/,
                                                            std::size_t /*most*/) noexcept {
    return {net::Stream::ReadState::would_block};
  }
  virtual void on_response_end() noexcept = 0;
  virtual void on_reset(ResetReason reason) noexcept = 0;
  /// All request bytes that had been queued are with the kernel now.
  virtual void on_request_drained() noexcept = 0;
};

}  // namespace holdfast::upstream
