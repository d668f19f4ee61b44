#include "upstream/side_request.hpp"

namespace holdfast::upstream {

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

void SideRequest::prepare(Cluster& cluster, std::uint32_t size, net::TimePoint begun) noexcept {
  cluster_ = &cluster;
  size_ = size;
  begun_ = begun;
  retried_ = false;
}

Acquired SideRequest::acquire(bool fresh) noexcept {
  const Acquired acquired = cluster_->acquire(*this, fresh);
  waiting_in_ = acquired.waiting_in;
  return acquired;
}

bool SideRequest::is_stale(ResetReason reason) const noexcept {
  return connection_->earlier_requests() > 0 && !connection_->response_begun() &&
         reason == ResetReason::connection_termination;
}

bool SideRequest::retry() noexcept {
  if (retried_) return false;
  Limit& retries = cluster_->circuit_breaker().retries;
  if (!retries.can_take()) {
    cluster_->stats().upstream_rq_retry_overflow.add();
    return false;
  }
  const Acquired again = acquire(/*fresh=*/true);
  if (again.connection == nullptr && again.waiting_in == nullptr) return false;
  retried_ = true;
  retries.take();
  cluster_->stats().upstream_rq_retry.add();
  if (again.connection != nullptr) use(*again.connection);
  return true;
}

void SideRequest::give_up(bool late) noexcept {
  if (connection_ != nullptr) {
    connection_->cancel(late);
  } else if (waiting_in_ != nullptr) {
    cluster_->withdraw(*this, *waiting_in_);
  }
  connection_ = nullptr;
  waiting_in_ = nullptr;
}

void SideRequest::expire() noexcept {
  cluster_->stats().upstream_rq_timeout.add(size_);
  if (connection_ != nullptr) {
    connection_->host().stats(cluster_->worker()).rq_timeout.add(size_);
  }
  give_up(/*late=*/true);
}

void SideRequest::count(CallOutcome outcome, std::uint16_t status) noexcept {
  auto& stats = cluster_->stats();
  stats.upstream_rq.add(status);
  stats.internal_upstream_rq.add(status);
  if (outcome != CallOutcome::response) return;
  const stats::Histogram::Value elapsed(cluster_->reactor().now() - begun_);
  stats.upstream_rq_time.record(elapsed);
  stats.internal_upstream_rq_time.record(elapsed);
  if (retried_) stats.upstream_rq_retry_success.add();
}

void SideRequest::let_go() noexcept {
  if (retried_) cluster_->circuit_breaker().retries.give_back();
  retried_ = false;
  connection_ = nullptr;
  waiting_in_ = nullptr;
}

}  // namespace holdfast::upstream
