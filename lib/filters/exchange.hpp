// One request and its response as a filter sees it.
//
// Owner: the server's session, which recycles exchanges and never frees them while its worker
// lives; that is why a Hold may safely point to one that has ended (generation check). Thread: the
// worker's.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/stream_info.hpp"
#include "http/head.hpp"
#include "http/trailers.hpp"

namespace holdfast::filters {

class Exchange;

/// What filters keep for an HTTP connection.
class ConnectionState {
 public:
  virtual ~ConnectionState() = default;
};

/// The right to let a held message go. Move-free value: copyable, but resumes at most once; inert
/// once the exchange has ended or has been resumed.
class Hold {
 public:
  Hold() = default;
  Hold(Exchange& exchange, std::uint32_t generation)
      : exchange_(&exchange), generation_(generation) {}

  /// The exchange, if it is still held by this; else null.
  [[nodiscard]] Exchange* exchange() const noexcept;
  /// Go on with the next filter. REQUIRES: exchange() != null.
  void resume() const noexcept;

 private:
  Exchange* exchange_ = nullptr;
  std::uint32_t generation_ = 0;
};

/// An answer that a filter gives instead of the upstream.
struct LocalReplyRequest {
  std::uint16_t status = 0;
  std::string body;
  /// REQUIRES: as Head::add(). They come before content-length and content-type, which are ours
  /// when there is a body (content-type only if it is not among these), and absent when there is
  /// none. As Envoy.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string details;  ///< For %RESPONSE_CODE_DETAILS%.
};

class Exchange {
 public:
  static constexpr std::size_t kMaxFilters = 16;  ///< Filters with hooks in one chain.

  Exchange() = default;
  virtual ~Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  [[nodiscard]] http::Head& request() noexcept { return request_; }
  /// REQUIRES: in or after the response stage.
  [[nodiscard]] http::Head& response() noexcept { return response_; }
  /// What ends a message that has trailers, where the configuration lets them pass.
  [[nodiscard]] http::Trailers& request_trailers() noexcept { return request_trailers_; }
  [[nodiscard]] http::Trailers& response_trailers() noexcept { return response_trailers_; }
  /// The timeout of the route that was taken; 0 = off, or no route.
  [[nodiscard]] std::chrono::milliseconds route_timeout() const noexcept { return route_timeout_; }

  /// A token for resuming; call from the hook that returns Verdict::hold.
  [[nodiscard]] Hold hold() noexcept { return {*this, generation_}; }
  /// Have Filter::on_hold_expired() called when the hold has lasted that long. 0 = the server's own
  /// limit.
  void set_hold_limit(std::chrono::milliseconds limit) noexcept { hold_limit_ = limit; }
  [[nodiscard]] std::chrono::milliseconds hold_limit() const noexcept { return hold_limit_; }

  // The following may be called inside a hook of that filter (they take effect after it has
  // returned) or at any time while the exchange lives (in a turn of its own).
  /// Whatever the filter with that index keeps waiting of the request (hold, hold_head, buffer)
  /// goes on. Ignored when nothing waits there.
  virtual void continue_request(std::size_t filter) noexcept = 0;
  virtual void continue_response(std::size_t filter) noexcept = 0;
  /// Answer with this. Before there is a response the response hooks run over it, this filter's
  /// own, too; later it replaces the response, whose head has not gone down, without them; once the
  /// head has gone down the response is cut. As Envoy. The first one counts.
  virtual void send_local_reply(LocalReplyRequest reply) noexcept = 0;
  /// No answer, or no more of it: the connection ends.
  virtual void reset_stream() noexcept = 0;
  /// Choose the route anew when it is next needed. No effect once the request has been routed.
  virtual void clear_route_cache() noexcept = 0;

  /// The head is all there is: no body hook will be called (content-length 0, no body, HEAD).
  [[nodiscard]] virtual bool request_ends_with_head() const noexcept = 0;
  /// REQUIRES: in or after the response stage.
  [[nodiscard]] virtual bool response_ends_with_head() const noexcept = 0;
  [[nodiscard]] virtual StreamInfo info() noexcept = 0;
  /// Null until a filter puts something there; gone with the connection.
  [[nodiscard]] virtual std::unique_ptr<ConnectionState>& connection_state() noexcept = 0;

  /// Make the response a local reply instead of what the upstream sends. Response stage only.
  virtual void replace_response(std::uint16_t status, std::string_view body) noexcept = 0;
  /// Note for the access log: %RESPONSE_CODE_DETAILS%. REQUIRES: a string literal.
  virtual void set_details(std::string_view details) noexcept = 0;

  /// A word of memory for each filter of the chain; null when the exchange begins.
  [[nodiscard]] void*& slot(std::size_t filter_index) noexcept { return slots_[filter_index]; }

 protected:
  friend class Hold;
  [[nodiscard]] virtual bool is_held() const noexcept = 0;
  virtual void resume() noexcept = 0;

  http::Head request_;
  http::Head response_;
  http::Trailers request_trailers_;
  http::Trailers response_trailers_;
  std::chrono::milliseconds route_timeout_{0};
  std::chrono::milliseconds hold_limit_{0};
  std::array<void*, kMaxFilters> slots_{};
  std::uint32_t generation_ =
      0;  ///< Changes with each resume and at the end: old Holds become inert.
};

inline Exchange* Hold::exchange() const noexcept {
  const bool live =
      exchange_ != nullptr && exchange_->generation_ == generation_ && exchange_->is_held();
  return live ? exchange_ : nullptr;
}

inline void Hold::resume() const noexcept {
  exchange_->resume();
}

}  // namespace holdfast::filters
