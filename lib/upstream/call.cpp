#include "upstream/call.hpp"

#include <array>

namespace holdfast::upstream {
namespace {

CallOutcome outcome_of(ResetReason reason) noexcept {
  switch (reason) {
    case ResetReason::overflow:
      return CallOutcome::overflow;
    case ResetReason::connection_failure:
    case ResetReason::connection_timeout:
    case ResetReason::connection_termination:
    case ResetReason::protocol_error:
    case ResetReason::no_healthy_upstream:
      break;
  }
  return CallOutcome::failed;
}

/// What the original's plugin would see for a call without a response, and Envoy counts.
constexpr std::uint16_t kNoResponse = 503;
constexpr std::uint16_t kTimedOut = 504;

}  // namespace

Call* CallPool::start(Cluster& cluster, const CallRequest& request, CallOwner& owner,
                      CallResult& failure) noexcept {
  if (free_.empty()) {
    all_.push_back(std::unique_ptr<Call>(new Call(*this)));
    free_.push_back(*all_.back());
  }
  Call* call = free_.pop_front();
  bool started = false;
  failure = call->start(cluster, request, owner, started);
  return started ? call : nullptr;
}

CallResult Call::start(Cluster& cluster, const CallRequest& request, CallOwner& owner,
                       bool& started) noexcept {
  cluster_ = &cluster;
  request_ = &request;
  owner_ = &owner;
  status_ = 0;
  retried_ = false;
  begun_ = cluster.reactor().now();
  const Acquired acquired = cluster.acquire(*this, /*fresh=*/false);
  started = acquired.connection != nullptr || acquired.waiting_in != nullptr;
  if (!started) {
    cluster.stats().upstream_rq.add(kNoResponse);
    cluster.stats().internal_upstream_rq.add(kNoResponse);
    release();
    return {outcome_of(acquired.failure), 0};
  }
  if (request.timeout.count() > 0) {
    cluster.reactor().timers().set(timer_, cluster.reactor().after(request.timeout));
  }
  waiting_in_ = acquired.waiting_in;
  if (acquired.connection != nullptr) use(*acquired.connection);
  return {};
}

void Call::use(ClientConnection& connection) noexcept {
  connection_ = &connection;
  waiting_in_ = nullptr;
  connection.begin(*this, request_->method);
  const std::array<iovec, 1> bytes{net::piece(request_->bytes)};
  connection.send(bytes);
  connection.finish_request();
}

void Call::on_connection_ready(ClientConnection& connection) noexcept {
  use(connection);
}

void Call::on_connection_failed(ResetReason reason, int /*error*/) noexcept {
  waiting_in_ = nullptr;
  finish({outcome_of(reason), 0});
}

http::Head& Call::response_head() noexcept {
  return pool_.head_;
}

void Call::on_response_head(const http::HeadResult&) noexcept {
  status_ = pool_.head_.status;
}

void Call::on_response_end() noexcept {
  connection_ = nullptr;
  finish({CallOutcome::response, status_});
}

void Call::on_reset(ResetReason reason) noexcept {
  const bool stale = connection_->earlier_requests() > 0 && !connection_->response_begun() &&
                     reason == ResetReason::connection_termination;
  connection_ = nullptr;
  if (stale && request_->repeatable && !retried_ && retry()) return;
  finish({outcome_of(reason), 0});
}

bool Call::retry() noexcept {
  Limit& retries = cluster_->circuit_breaker().retries;
  if (!retries.can_take()) {
    cluster_->stats().upstream_rq_retry_overflow.add();
    return false;
  }
  const Acquired again = cluster_->acquire(*this, /*fresh=*/true);
  if (again.connection == nullptr && again.waiting_in == nullptr) return false;
  retried_ = true;
  retries.take();
  cluster_->stats().upstream_rq_retry.add();
  waiting_in_ = again.waiting_in;
  if (again.connection != nullptr) use(*again.connection);
  return true;
}

void Call::on_timeout() noexcept {
  cluster_->stats().upstream_rq_timeout.add();
  if (connection_ != nullptr) {
    connection_->host().stats(cluster_->worker()).rq_timeout.add();
    connection_->cancel();
    connection_ = nullptr;
  } else {
    cluster_->withdraw(*this, *waiting_in_);
    waiting_in_ = nullptr;
  }
  finish({CallOutcome::timeout, 0});
}

void Call::cancel() noexcept {
  if (connection_ != nullptr) {
    connection_->cancel();
  } else if (waiting_in_ != nullptr) {
    cluster_->withdraw(*this, *waiting_in_);
  }
  release();
}

void Call::finish(CallResult result) noexcept {
  std::uint16_t seen = result.status;
  if (result.outcome == CallOutcome::timeout) seen = kTimedOut;
  if (seen == 0) seen = kNoResponse;
  auto& stats = cluster_->stats();
  stats.upstream_rq.add(seen);
  stats.internal_upstream_rq.add(seen);
  if (result.outcome == CallOutcome::response) {
    const stats::Histogram::Value elapsed(cluster_->reactor().now() - begun_);
    stats.upstream_rq_time.record(elapsed);
    stats.internal_upstream_rq_time.record(elapsed);
    if (retried_) stats.upstream_rq_retry_success.add();
  }
  CallOwner& owner = *owner_;
  release();
  owner.on_call_done(*this, result);
}

void Call::release() noexcept {
  net::TimerWheel::cancel(timer_);
  if (retried_) cluster_->circuit_breaker().retries.give_back();
  retried_ = false;
  connection_ = nullptr;
  waiting_in_ = nullptr;
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
