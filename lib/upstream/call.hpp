// A side request: one prebuilt request to a cluster, whose response is read and dropped; only its
// outcome counts. Or several like ones, sent back to back on one connection (pipelined).
//
// Owner: a CallPool (recycled, so that a warm worker makes calls without allocating); lent to its
// CallOwner from start() until the last on_call_done() or cancel(). Thread: the worker's. Always
// holds: on_call_done() comes exactly once for each request of a started call that was not
// cancelled, never from inside start(), and at the latest when its timeout has passed.
//
// When a connection ends before all pipelined requests are answered, those that have no answer are
// sent again, each alone and not on an idle connection of the pool, in the time that is left of
// their timeout (RFC 9112 9.3.2); on_call_split() hands these calls over. A response that had begun
// and broke off is a failure, as without pipelining.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/intrusive_list.hpp"
#include "http/head.hpp"
#include "upstream/side_request.hpp"

namespace holdfast::upstream {

/// What to send, made once at start; constant and shared by all calls of a filter.
struct CallRequest {
  std::string bytes;  ///< The whole request: head and blank line. As often as it is sent at once.
  std::uint32_t max_pipelined = 1;  ///< So often. More than 1 REQUIRES: repeatable.
  std::string method;               ///< Frames the response (HEAD has no body).
  bool repeatable =
      false;  ///< May be sent again when a reused connection turns out stale (RFC 9110 9.2.2).
  std::chrono::milliseconds timeout{50'000};  ///< 0 = none.
};

struct CallResult {
  CallOutcome outcome = CallOutcome::failed;
  std::uint16_t status = 0;
};

class Call;

class CallOwner {
 public:
  virtual ~CallOwner() = default;
  /// One request of `call` has ended. With its last one it has been given back to its pool already.
  virtual void on_call_done(Call& call, const CallResult& result) noexcept = 0;
  /// `call` is new and carries one request of a pipelined call on, as if start() had returned it.
  virtual void on_call_split(Call& call) noexcept = 0;
};

struct CallTag;

class Call final : public SideRequest, public base::ListNode<CallTag> {
 public:
  using Link =
      base::ListNode<CallTag>;  ///< In the owner's list while out, in the pool's when free.

  /// Give up: the connection is closed, on_call_done() does not come any more. Gives the call back
  /// to its pool. Returns how many requests of it were still out.
  /// `late`: they have taken too long.
  std::uint32_t cancel(bool late) noexcept;

 private:
  struct Start {
    Cluster& cluster;
    const CallRequest& request;
    CallOwner& owner;
    std::uint32_t requests;
    net::TimePoint begun;
    bool fresh;  ///< On a new connection.
  };
  friend class CallPool;
  explicit Call(class CallPool& pool) : pool_(pool), timer_(*this) {}

  [[nodiscard]] bool start(const Start& start, CallResult& failure) noexcept;
  void use(ClientConnection& connection) noexcept override;
  void split(std::uint32_t requests) noexcept;
  void count_result(const CallResult& result) noexcept;
  void finish_one(CallResult result) noexcept;
  void finish(CallResult result) noexcept;
  void finish_all(CallResult result) noexcept;
  void release() noexcept;
  void on_timeout() noexcept;

  // PendingRequest
  void on_connection_ready(ClientConnection& connection) noexcept override;
  void on_connection_failed(ResetReason reason, int error) noexcept override;
  // ResponseSink
  http::Head& response_head() noexcept override;
  void on_informational() noexcept override {}
  void on_response_head(const http::HeadResult& result) noexcept override;
  void on_response_body(std::span<char>) noexcept override {}
  void on_response_pause() noexcept override {}
  void on_response_end() noexcept override;
  void on_reset(ResetReason reason) noexcept override;
  void on_request_drained() noexcept override {}

  CallPool& pool_;
  const CallRequest* request_ = nullptr;
  CallOwner* owner_ = nullptr;
  std::uint16_t status_ = 0;
  bool pipelined_ = false;
  net::MemberTimer<&Call::on_timeout> timer_;
};

/// The calls of one worker. Thread: the worker's. Outlives all that hold calls.
class CallPool {
 public:
  CallPool() = default;
  CallPool(const CallPool&) = delete;
  CallPool& operator=(const CallPool&) = delete;

  /// Start a call of `requests` requests or fewer (size() says how many it has taken on; the
  /// limits, the connection and request.max_pipelined decide); null when it failed at once, with
  /// the reason in `failure` (on_call_done() does not come then).
  [[nodiscard]] Call* start(Cluster& cluster, const CallRequest& request, CallOwner& owner,
                            CallResult& failure, std::uint32_t requests = 1) noexcept;

 private:
  friend class Call;
  [[nodiscard]] Call* start(const Call::Start& start, CallResult& failure) noexcept;
  std::vector<std::unique_ptr<Call>> all_;
  base::List<Call, CallTag> free_;
  http::Head head_;  ///< Response heads of calls: looked at once, then overwritten by the next.
};

/// The request head of a side call as Envoy's async client writes it (docs/differences.md).
[[nodiscard]] std::string side_request_head(
    std::string_view method, std::string_view path, std::string_view authority,
    const std::vector<std::pair<std::string, std::string>>& headers,
    std::chrono::milliseconds timeout);

}  // namespace holdfast::upstream
