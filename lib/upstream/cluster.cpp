#include "upstream/cluster.hpp"

#include <algorithm>
#include <system_error>

#include "base/log.hpp"

namespace holdfast::upstream {

Cluster::Cluster(net::Reactor& reactor, const config::Cluster& config,
                 CircuitBreaker& circuit_breaker, stats::ClusterStats& stats, unsigned worker)
    : reactor_(reactor),
      config_(config),
      circuit_breaker_(circuit_breaker),
      stats_(stats),
      worker_(worker),
      hosts_(std::make_shared<const HostSet>()),
      balancer_(worker),
      sweeper_(*this) {}

Cluster::~Cluster() = default;

Acquired Cluster::acquire(PendingRequest& request, bool fresh) noexcept {
  const std::size_t index = balancer_.pick();
  if (index == RoundRobin::kNone) {
    stats_.upstream_cx_none_healthy.add();
    return {.failure = ResetReason::no_healthy_upstream};
  }
  HostPool& pool = *pools_[index];
  if (request.size() > 1 && !pool.may_pipeline()) request.limit_size(1);
  // Where no new connection may be made, an idle one is better than none.
  const bool only_new = fresh && circuit_breaker_.connections.can_take();
  const std::uint32_t free = circuit_breaker_.requests.remaining();
  if (free == 0 && !only_new && pool.has_idle()) {
    stats_.upstream_rq_pending_overflow.add();
    return {.failure = ResetReason::overflow};
  }
  if (ClientConnection* connection = pool.take_idle(only_new)) {
    if (request.size() > 1) request.limit_size(std::min(free, connection->room()));
    return {.connection = connection};
  }
  const std::uint32_t room = circuit_breaker_.pending.remaining();
  if (room == 0) {
    stats_.upstream_rq_pending_overflow.add();
    return {.failure = ResetReason::overflow};
  }
  const std::uint32_t most = config_.max_requests_per_connection;
  request.limit_size(most == 0 ? room : std::min(room, most));
  pool.enqueue(request);
  return {.waiting_in = &pool};
}

void Cluster::withdraw(PendingRequest& request, HostPool& pool) noexcept {
  pool.withdraw(request);
  stats_.upstream_rq_cancelled.add(request.size());
  if (pool.is_drained()) on_pool_drained();
}

std::shared_ptr<Host> Cluster::pick_host() noexcept {
  const std::size_t index = balancer_.pick();
  return index == RoundRobin::kNone ? nullptr : hosts_->hosts[index];
}

void Cluster::update(std::shared_ptr<const HostSet> hosts) {
  std::vector<std::unique_ptr<HostPool>> next;
  next.reserve(hosts->hosts.size());
  for (const std::shared_ptr<Host>& host : hosts->hosts) {
    const auto same = [&](const std::unique_ptr<HostPool>& pool) {
      return pool != nullptr && pool->host() == host;
    };
    if (auto it = std::ranges::find_if(pools_, same); it != pools_.end()) {
      next.push_back(std::move(*it));
    } else {
      next.push_back(std::make_unique<HostPool>(*this, host));
    }
  }
  pools_.swap(next);
  hosts_ = std::move(hosts);
  balancer_.update(*hosts_);
  for (std::unique_ptr<HostPool>& left : next) {
    if (left == nullptr) continue;
    draining_.push_back(std::move(left));
    draining_.back()->drain();
  }
}

void Cluster::on_pool_drained() noexcept {
  reactor_.schedule(sweeper_);
}

void Cluster::sweep() noexcept {
  std::erase_if(draining_, [](const auto& pool) { return pool->is_drained(); });
}

void Cluster::count_connect_error(int error) noexcept {
  static base::LogGate gate;
  stats_.upstream_cx_connect_fail.add();
  if (!net::is_resource_error(error) || !gate.try_pass()) return;
  base::log(
      base::Component::upstream, base::LogLevel::warning,
      "cluster '" + config_.name + "' can't connect: " + std::generic_category().message(error));
}

void Cluster::count_request_begin(HostPool& pool, std::uint32_t n) noexcept {
  circuit_breaker_.requests.take(n);
  stats_.upstream_rq_total.add(n);
  stats_.upstream_rq_active.add(n);
  pool.host_stats().rq_total.add(n);
  pool.host_stats().rq_active.add(n);
}

void Cluster::count_request_end(HostPool& pool, std::uint32_t n) noexcept {
  circuit_breaker_.requests.give_back(n);
  stats_.upstream_rq_active.sub(n);
  pool.host_stats().rq_active.sub(n);
}

Cluster* ClusterManager::find(std::string_view name) noexcept {
  const auto it = std::ranges::find_if(
      clusters_, [&](const auto& cluster) { return cluster->config().name == name; });
  return it == clusters_.end() ? nullptr : it->get();
}

}  // namespace holdfast::upstream
