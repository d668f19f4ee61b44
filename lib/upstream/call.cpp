#include "upstream/call.hpp"

#include <algorithm>
#include <array>

#include "upstream/local_reply.hpp"

namespace holdfast::upstream {
namespace {

/// What the original's plugin would see for a call without a response, and Envoy counts.
constexpr std::uint16_t kNoResponse = 503;
constexpr std::uint16_t kTimedOut = kTimeoutReply.status;

}  // namespace

Call* CallPool::start(Cluster& cluster, const CallRequest& request, CallOwner& owner,
                      CallResult& failure, std::uint32_t requests) noexcept {
  return start({.cluster = cluster,
                .request = request,
                .owner = owner,
                .requests = std::min(requests, request.max_pipelined),
                .begun = cluster.reactor().now(),
                .fresh = false},
               failure);
}

Call* CallPool::start(const Call::Start& start, CallResult& failure) noexcept {
  if (free_.empty()) {
    all_.push_back(std::unique_ptr<Call>(new Call(*this)));
    free_.push_back(*all_.back());
  }
  Call* call = free_.pop_front();
  return call->start(start, failure) ? call : nullptr;
}

bool Call::start(const Start& start, CallResult& failure) noexcept {
  prepare(start.cluster, start.requests, start.begun);
  request_ = &start.request;
  owner_ = &start.owner;
  status_ = 0;
  pipelined_ = false;
  const Acquired acquired = acquire(start.fresh);
  if (acquired.connection == nullptr && acquired.waiting_in == nullptr) {
    failure = {outcome_of(acquired.failure), 0};
    count_result(failure);
    release();
    return false;
  }
  if (request_->timeout.count() > 0) {
    cluster_->reactor().timers().set(timer_, begun_ + request_->timeout);
  } else {
    net::TimerWheel::cancel(timer_);
  }
  if (acquired.connection != nullptr) use(*acquired.connection);
  return true;
}

void Call::use(ClientConnection& connection) noexcept {
  connection_ = &connection;
  waiting_in_ = nullptr;
  pipelined_ = size_ > 1;
  connection.begin_group(*this, request_->method, size_);
  std::string_view bytes = request_->bytes;
  if (const std::uint32_t most = request_->max_pipelined; size_ != most) {
    bytes = bytes.substr(0, bytes.size() / most * size_);
  }
  const std::array<iovec, 1> pieces{net::piece(bytes)};
  connection.send(pieces);
  connection.finish_request();
}

void Call::on_connection_ready(ClientConnection& connection) noexcept {
  // The pool has seen to it that one more request is allowed. As Envoy: those for which there is no
  // room once the connection is there have failed.
  const std::uint32_t asked = size_;
  limit_size(std::max(cluster_->circuit_breaker().requests.remaining(), 1U));
  const std::uint32_t refused = asked - size_;
  use(connection);
  if (refused == 0) return;
  cluster_->stats().upstream_rq_pending_overflow.add(refused);
  for (std::uint32_t i = 0; i < refused; ++i) finish_one({CallOutcome::overflow, 0});
}

void Call::on_connection_failed(ResetReason reason, int /*error*/) noexcept {
  waiting_in_ = nullptr;
  finish_all({outcome_of(reason), 0});
}

http::Head& Call::response_head() noexcept {
  return pool_.head_;
}

void Call::on_response_head(const http::HeadResult&) noexcept {
  status_ = pool_.head_.status;
}

void Call::on_response_end() noexcept {
  if (size_ > 1) {
    --size_;
    return finish_one({CallOutcome::response, status_});
  }
  connection_ = nullptr;
  finish({CallOutcome::response, status_});
}

void Call::on_reset(ResetReason reason) noexcept {
  if (pipelined_) {
    const bool begun = connection_->response_begun();
    connection_ = nullptr;
    split(size_ - (begun ? 1 : 0));
    return begun ? finish({outcome_of(reason), 0}) : release();
  }
  const bool stale = is_stale(reason);
  connection_ = nullptr;
  if (stale && request_->repeatable && retry()) return;
  finish({outcome_of(reason), 0});
}

/// So many of the requests go on as calls of their own.
void Call::split(std::uint32_t requests) noexcept {
  const Start one{.cluster = *cluster_,
                  .request = *request_,
                  .owner = *owner_,
                  .requests = 1,
                  .begun = begun_,
                  .fresh = true};
  for (; requests != 0; --requests) {
    CallResult failure;
    if (Call* call = pool_.start(one, failure)) {
      owner_->on_call_split(*call);
    } else {
      owner_->on_call_done(*this, failure);
    }
  }
}

void Call::on_timeout() noexcept {
  if (owner_ == nullptr) return;  // Of an earlier use: release() lets it run on.
  expire();
  finish_all({CallOutcome::timeout, 0});
}

std::uint32_t Call::cancel(bool late) noexcept {
  give_up(late);
  release();
  return size_;
}

void Call::count_result(const CallResult& result) noexcept {
  std::uint16_t seen = result.status;
  if (result.outcome == CallOutcome::timeout) seen = kTimedOut;
  if (seen == 0) seen = kNoResponse;
  count(result.outcome, seen);
}

/// One of several; the call goes on.
void Call::finish_one(CallResult result) noexcept {
  count_result(result);
  owner_->on_call_done(*this, result);
}

/// The only one, or the last.
void Call::finish(CallResult result) noexcept {
  count_result(result);
  CallOwner& owner = *owner_;
  release();
  owner.on_call_done(*this, result);
}

void Call::finish_all(CallResult result) noexcept {
  while (size_ > 1) {
    --size_;
    finish_one(result);
  }
  finish(result);
}

void Call::release() noexcept {
  // The timer stays where it is: the next use moves its deadline, which costs less than to take it
  // out and to put it in again.
  owner_ = nullptr;
  let_go();
  Link::unlink();
  pool_.free_.push_back(*this);
}

std::string side_request_head(std::string_view method, std::string_view path,
                              std::string_view authority,
                              const std::vector<std::pair<std::string, std::string>>& headers,
                              std::chrono::milliseconds timeout) {
  std::string head;
  const auto line = [&head](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
  };
  head.append(method).append(" ").append(path).append(" HTTP/1.1\r\n");
  line("host", authority);
  for (const auto& [name, value] : headers) line(name, value);
  line("x-envoy-internal", "true");
  // A request that may have a body and has none says so, as Envoy's codec does.
  if (method != "GET" && method != "HEAD" && method != "OPTIONS" && method != "TRACE") {
    line("content-length", "0");
  }
  if (timeout.count() > 0) line("x-envoy-expected-rq-timeout-ms", std::to_string(timeout.count()));
  return head.append("\r\n");
}

}  // namespace holdfast::upstream
