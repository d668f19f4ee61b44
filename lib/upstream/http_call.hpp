// A side request of any method, with any fields and body, whose whole response is kept: what
// plugins ask for with proxy_http_call.
//
// Owner: an HttpCallPool (recycled; a warm one makes calls with small bodies without allocating);
// lent to its HttpCallOwner from start() until on_http_call_done() has returned, or cancel().
// Thread: the worker's. Always holds: on_http_call_done() comes exactly once for each started call
// that was not cancelled, never from inside start(), and at the latest when its timeout has passed.
//
// As Envoy's async client: an upstream that fails before its response's head is replaced by a local
// reply (local_reply.hpp); one that breaks off later, or says more than kMostBody, is a reset
// without any content. Trailers are dropped.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/buffer.hpp"
#include "base/intrusive_list.hpp"
#include "http/head.hpp"
#include "http/trailers.hpp"
#include "upstream/side_request.hpp"

namespace holdfast::upstream {

/// Views; start() makes copies of its own.
struct HttpCallRequest {
  std::string_view head{};  ///< As append_call_head() writes it.
  std::string_view body{};
  std::string_view method{};             ///< Frames the response (HEAD has no body).
  std::chrono::milliseconds timeout{0};  ///< 0 = none.
  bool repeatable = false;  ///< May be sent again when a reused connection turns out stale.
  // For the owner: say whose call this is.
  void* user = nullptr;
  std::uint32_t token = 0;
};

class HttpCall;

class HttpCallOwner {
 public:
  virtual ~HttpCallOwner() = default;
  /// `call` is in no list any more. Its response can be looked at until this returns.
  virtual void on_http_call_done(HttpCall& call, CallOutcome outcome) noexcept = 0;
};

struct HttpCallTag;

class HttpCall final : public SideRequest, public base::ListNode<HttpCallTag> {
 public:
  using Link =
      base::ListNode<HttpCallTag>;  ///< In the owner's list while out, in the pool's when free.

  /// So many body bytes at most (Envoy's http.async_response_buffer_limit).
  static constexpr std::size_t kMostBody = 32UL * 1024 * 1024;

  /// Give up: the connection is closed, on_http_call_done() does not come any more. Gives the call
  /// back to its pool. From inside on_http_call_done() it does nothing.
  void cancel() noexcept;

  // REQUIRES: inside on_http_call_done().
  /// False: the response broke off, was too large, or its time was up in the midst of it; head and
  /// body are empty.
  [[nodiscard]] bool has_response() const noexcept { return has_response_; }
  /// The upstream's, with all its fields, or a local reply's.
  [[nodiscard]] const http::Head& response() const noexcept { return response_; }
  [[nodiscard]] std::string_view body() const noexcept { return body_.view(); }
  [[nodiscard]] const http::Trailers& trailers() const noexcept { return trailers_; }

  [[nodiscard]] void* user() const noexcept { return user_; }
  [[nodiscard]] std::uint32_t token() const noexcept { return token_; }
  [[nodiscard]] Cluster& cluster() const noexcept { return *cluster_; }

 private:
  friend class HttpCallPool;
  explicit HttpCall(class HttpCallPool& pool) : pool_(pool), timer_(*this) {}

  [[nodiscard]] bool start(Cluster& cluster, const HttpCallRequest& request, HttpCallOwner& owner,
                           CallOutcome& failure) noexcept;
  void use(ClientConnection& connection) noexcept override;
  void fail(ResetReason reason) noexcept;
  void reply_locally(std::uint16_t status, std::string_view body, bool overloaded) noexcept;
  void drop_response() noexcept;
  void drop_body() noexcept;
  void finish(CallOutcome outcome, std::uint16_t status) noexcept;
  void release() noexcept;
  void on_timeout() noexcept;

  // PendingRequest
  void on_connection_ready(ClientConnection& connection) noexcept override;
  void on_connection_failed(ResetReason reason, int error) noexcept override;
  // ResponseSink
  http::Head& response_head() noexcept override { return response_; }
  http::Trailers* kept_trailers() noexcept override {
    return cluster_->config().enable_trailers ? &trailers_ : nullptr;
  }
  void on_informational() noexcept override {}
  void on_response_head(const http::HeadResult& result) noexcept override;
  void on_response_body(std::span<char> bytes) noexcept override;
  void on_response_pause() noexcept override {}
  void on_response_end() noexcept override;
  void on_reset(ResetReason reason) noexcept override;
  void on_request_drained() noexcept override {}

  HttpCallPool& pool_;
  HttpCallOwner* owner_ = nullptr;  ///< Null: free, or told already.
  void* user_ = nullptr;
  std::uint32_t token_ = 0;
  bool repeatable_ = false;
  bool head_arrived_ = false;
  bool has_response_ = false;
  std::string method_;
  base::Buffer request_;  ///< Head and body.
  http::Head response_;
  base::Buffer body_;
  std::size_t received_ = 0;  ///< Of the upstream's body.
  http::Trailers trailers_;
  net::MemberTimer<&HttpCall::on_timeout> timer_;
};

/// The calls of one worker. Thread: the worker's. Outlives all that hold calls.
class HttpCallPool {
 public:
  HttpCallPool() = default;
  HttpCallPool(const HttpCallPool&) = delete;
  HttpCallPool& operator=(const HttpCallPool&) = delete;

  /// Null when it failed at once (no endpoint, or a limit), with the reason in `failure`;
  /// on_http_call_done() does not come then.
  [[nodiscard]] HttpCall* start(Cluster& cluster, const HttpCallRequest& request,
                                HttpCallOwner& owner, CallOutcome& failure) noexcept;

  /// Requests and responses of all calls under way: no call begins that exceeds this, and the
  /// response that does is as one that is too large.
  static constexpr std::size_t kMostBytes = 256UL * 1024 * 1024;

 private:
  friend class HttpCall;
  std::size_t bytes_ = 0;
  std::vector<std::unique_ptr<HttpCall>> all_;
  base::List<HttpCall, HttpCallTag> free_;
};

using HeaderPair = std::pair<std::string_view, std::string_view>;

/// Appends the head of a call with these fields, the pseudo headers :method, :path and :authority
/// among them, as Envoy's async client writes it: "host" and ":authority" are one field, other
/// names that begin with ':' are left out, and so are those that tell Envoy's router what to do
/// (x-envoy-upstream-rq-timeout-ms replaces the timeout, others have no effect). Sets head, method,
/// timeout and repeatable of `request`, whose body and timeout must be there. A content-length is
/// made that of the body. False, and nothing appended: a pseudo header is missing, is there twice
/// or can't stand in a start line; a name is no token; a value has control characters; CONNECT; or
/// transfer-encoding.
[[nodiscard]] bool append_call_head(std::string& out, std::span<const HeaderPair> headers,
                                    HttpCallRequest& request);

}  // namespace holdfast::upstream
