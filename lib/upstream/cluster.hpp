// One cluster as one worker sees it: its hosts, balancer, pools, limits and counters.
//
// Owner: the worker's ClusterManager. Thread: the worker's. The set of hosts comes from the control
// thread by update(); all else happens here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "net/reactor.hpp"
#include "stats/scopes.hpp"
#include "upstream/circuit_breaker.hpp"
#include "upstream/host_pool.hpp"
#include "upstream/host_set.hpp"
#include "upstream/round_robin.hpp"

namespace holdfast::upstream {

/// What acquire() did with a request.
struct Acquired {
  ClientConnection* connection = nullptr;                  ///< Yours now; begin() is next.
  HostPool* waiting_in = nullptr;                          ///< Or: in that pool's line.
  ResetReason failure = ResetReason::no_healthy_upstream;  ///< Or neither, and this is why.
};

class Cluster {
 public:
  Cluster(net::Reactor& reactor, const config::Cluster& config, CircuitBreaker& circuit_breaker,
          stats::ClusterStats& stats, unsigned worker);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  /// A connection to the next host, now or later; never calls `request` back before it returns. Of
  /// several requests in one (PendingRequest::size()) it takes as many as may go out together, at
  /// least one.
  /// `fresh`: a new connection, because a reused one has just turned out stale.
  [[nodiscard]] Acquired acquire(PendingRequest& request, bool fresh) noexcept;
  /// `request` no longer wants what acquire() queued it for.
  void withdraw(PendingRequest& request, HostPool& pool) noexcept;

  /// The next host for a connection that the pools do not keep (TCP proxy); null if there is none.
  [[nodiscard]] std::shared_ptr<Host> pick_host() noexcept;

  void update(std::shared_ptr<const HostSet> hosts);

  [[nodiscard]] net::Reactor& reactor() noexcept { return reactor_; }
  [[nodiscard]] const config::Cluster& config() const noexcept { return config_; }
  [[nodiscard]] CircuitBreaker& circuit_breaker() noexcept { return circuit_breaker_; }
  [[nodiscard]] stats::ClusterStats& stats() noexcept { return stats_; }
  [[nodiscard]] unsigned worker() const noexcept { return worker_; }

  /// A drained pool may go. Called at the end of its last connection.
  void on_pool_drained() noexcept;

  /// A connection could not even be begun.
  void count_connect_error(int error) noexcept;
  // Accounting of `n` requests on one connection; begin and end are a pair.
  void count_request_begin(HostPool& pool, std::uint32_t n) noexcept;
  void count_request_end(HostPool& pool, std::uint32_t n) noexcept;

 private:
  class Sweeper final : public net::IoHandler {
   public:
    explicit Sweeper(Cluster& cluster) : cluster_(cluster) {}
    void on_io(std::uint32_t) noexcept override { cluster_.sweep(); }

   private:
    Cluster& cluster_;
  };
  void sweep() noexcept;

  // Constant after construction.
  net::Reactor& reactor_;
  const config::Cluster& config_;
  CircuitBreaker& circuit_breaker_;
  stats::ClusterStats& stats_;
  const unsigned worker_;
  // Touched only on the worker.
  std::shared_ptr<const HostSet> hosts_;
  std::vector<std::unique_ptr<HostPool>> pools_;     ///< Parallel to hosts_->hosts.
  std::vector<std::unique_ptr<HostPool>> draining_;  ///< Of hosts that left.
  RoundRobin balancer_;
  Sweeper sweeper_;
};

/// All clusters of one worker, by their index in the configuration.
class ClusterManager {
 public:
  explicit ClusterManager(std::vector<std::unique_ptr<Cluster>> clusters)
      : clusters_(std::move(clusters)) {}
  [[nodiscard]] Cluster& at(std::size_t index) noexcept { return *clusters_[index]; }
  [[nodiscard]] Cluster* find(std::string_view name) noexcept;

 private:
  std::vector<std::unique_ptr<Cluster>> clusters_;
};

}  // namespace holdfast::upstream
