#include "upstream/host_pool.hpp"

#include <cassert>

#include "upstream/cluster.hpp"

namespace holdfast::upstream {

HostPool::HostPool(Cluster& cluster, std::shared_ptr<Host> host)
    : cluster_(cluster),
      host_(std::move(host)),
      host_stats_(host_->stats(cluster.worker())),
      failure_report_(*this) {}

HostPool::~HostPool() {
  const auto destroy = [this](ClientConnection& connection) {
    connection.close_quietly();
    cluster_.circuit_breaker().connections.give_back();
    delete &connection;
  };
  idle_.for_each(destroy);
  active_.for_each(destroy);
}

ClientConnection* HostPool::take_idle(bool fresh) noexcept {
  if (fresh) return nullptr;
  while (ClientConnection* unfit = idle_.front()) {
    if (unfit->is_fit()) break;
    unfit->close_unused();
  }
  ClientConnection* connection = idle_.front();
  if (connection == nullptr) return nullptr;
  connection->base::ListNode<PoolTag>::unlink();
  active_.push_back(*connection);
  connection->make_busy();
  return connection;
}

void HostPool::enqueue(PendingRequest& request) noexcept {
  pending_.push_back(request);
  ++waiting_;
  const std::uint32_t n = request.size();
  cluster_.circuit_breaker().pending.take(n);
  cluster_.stats().upstream_rq_pending_total.add(n);
  cluster_.stats().upstream_rq_pending_active.add(n);
  host_stats().rq_pending_active.add(n);
  if (connecting_ < waiting_) begin_connection();
}

void HostPool::withdraw(PendingRequest& request) noexcept {
  assert(request.linked());
  request.unlink();
  --waiting_;
  const std::uint32_t n = request.size();
  cluster_.circuit_breaker().pending.give_back(n);
  cluster_.stats().upstream_rq_pending_active.sub(n);
  host_stats().rq_pending_active.sub(n);
}

/// One more connection if the cluster's limit allows. A pool without any gets one all the same: its
/// requests could otherwise wait for ever on connections that other hosts hold (as Envoy).
void HostPool::begin_connection() noexcept {
  auto& limit = cluster_.circuit_breaker().connections;
  if (!limit.can_take()) {
    cluster_.stats().upstream_cx_overflow.add();
    if (connections_ != 0) return;
  }
  auto& stats = cluster_.stats();
  auto connection = std::make_unique<ClientConnection>(cluster_.reactor(), *this);
  stats.upstream_cx_total.add();
  stats.upstream_cx_http1_total.add();
  host_stats().cx_total.add();
  if (const int error = connection->connect(); error != 0) {
    cluster_.count_connect_error(error);
    host_stats().cx_connect_fail.add();
    failure_report_.error = error;
    // The caller must not be called back from inside enqueue().
    failure_report_.reason = ResetReason::connection_failure;
    cluster_.reactor().schedule(failure_report_);
    return;
  }
  limit.take();
  stats.upstream_cx_active.add();
  host_stats().cx_active.add();
  ++connections_;
  ++connecting_;
  active_.push_back(*connection.release());
}

void HostPool::on_connected(ClientConnection& connection) noexcept {
  --connecting_;
  if (!on_free(connection)) connection.close_unused();
}

bool HostPool::on_free(ClientConnection& connection) noexcept {
  if (PendingRequest* next = pending_.front(); next != nullptr) {
    if (next->size() > connection.room()) return false;  // Nearly worn out: another takes them.
    withdraw(*next);
    connection.base::ListNode<PoolTag>::unlink();
    active_.push_back(connection);
    connection.make_busy();
    if (!cluster_.circuit_breaker().requests.can_take()) {
      // As Envoy: the limit on requests is looked at when a connection is there.
      cluster_.stats().upstream_rq_pending_overflow.add(next->size());
      next->on_connection_failed(ResetReason::overflow, 0);
      return on_free(connection);
    }
    next->on_connection_ready(connection);
    return true;
  }
  if (draining_) return false;
  connection.base::ListNode<PoolTag>::unlink();
  idle_.push_front(connection);
  connection.make_idle();
  return true;
}

void HostPool::on_connect_failed(ResetReason reason, int error) noexcept {
  cluster_.stats().upstream_cx_connect_fail.add();
  host_stats().cx_connect_fail.add();
  report_failures(reason, error);
}

void HostPool::report_failures(ResetReason reason, int error) noexcept {
  // Those who come while we tell the others wait for a connection of their own.
  base::List<PendingRequest, PendingTag> told;
  told.splice(pending_);
  while (PendingRequest* request = told.front()) {
    withdraw(*request);
    cluster_.stats().upstream_rq_pending_failure_eject.add(request->size());
    host_stats().rq_error.add(request->size());
    request->on_connection_failed(reason, error);
  }
  if (is_drained()) cluster_.on_pool_drained();
}

void HostPool::on_closed(ClientConnection& connection, bool was_connecting) noexcept {
  connection.base::ListNode<PoolTag>::unlink();
  if (was_connecting) --connecting_;
  --connections_;
  cluster_.circuit_breaker().connections.give_back();
  cluster_.stats().upstream_cx_active.sub();
  host_stats().cx_active.sub();
  // Room for those whom the connection limit kept waiting (and only them: after a failed connect
  // they are told).
  if (!was_connecting && connecting_ < waiting_) begin_connection();
  if (is_drained()) cluster_.on_pool_drained();
}

void HostPool::close_idle() noexcept {
  idle_.for_each([](ClientConnection& connection) { connection.close_unused(); });
}

bool HostPool::may_pipeline() const noexcept {
  return cluster_.reactor().now() >= pipelining_from_;
}

void HostPool::on_pipelining_failed() noexcept {
  if (!may_pipeline()) return;  // Of those that went out before the first failure.
  pipelining_from_ = cluster_.reactor().now() + next_pause_;
  next_pause_ = std::min(2 * next_pause_, kLongestPause);
}

void HostPool::drain() noexcept {
  draining_ = true;
  close_idle();
  if (is_drained()) cluster_.on_pool_drained();
}

}  // namespace holdfast::upstream
