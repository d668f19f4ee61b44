// Where the hosts of one cluster come from: configured addresses (STATIC) or DNS (STRICT_DNS,
// LOGICAL_DNS).
//
// Owner: the server, one per cluster, on the control thread; to be destroyed before the
// DnsResolvers and the io_context. Always: publish() is called with sets of rising version, only
// when something changed; initialized() is called exactly once, from within start() or later, when
// the first resolution has ended, well or badly. As in Envoy a cluster with several names is
// initialised by the first of them. A cluster that never resolved has published nothing: workers
// treat that as the empty set.
//
// As Envoy: after a good answer the next lookup comes after dns_refresh_rate, or after the least
// TTL when respect_dns_ttl is set and that TTL isn't 0; after a bad one (timeout, SERVFAIL,
// REFUSED, garbage) the last good hosts stay, and the next lookup comes after
// dns_failure_refresh_rate (a random part of an interval that doubles from base to max), or
// dns_refresh_rate if that is unset.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "config/config.hpp"
#include "stats/scopes.hpp"
#include "upstream/cluster_source_timer.hpp"
#include "upstream/host_set.hpp"

namespace holdfast::upstream {

class DnsResolver;

class ClusterSource {
 public:
  using Publish = std::function<void(std::shared_ptr<const HostSet>)>;

  /// What a source needs from its surroundings. All references outlive the source; all calls are on
  /// the control thread.
  struct Context {
    std::size_t workers = 1;
    DnsResolver* resolver = nullptr;  ///< Required but for STATIC: DnsResolvers::get(cluster.dns).
    TimerFactory make_timer;          ///< Required but for STATIC: asio_timers(io).
    Publish publish;
    std::function<void()> initialized;
    std::function<void(const std::string&)>
        warn;  ///< One line for the operator, at most a few per cluster.
    std::function<std::uint64_t()> random;  ///< Jitter; unset = a generator of its own.
  };

  virtual ~ClusterSource() = default;
  ClusterSource(const ClusterSource&) = delete;
  ClusterSource& operator=(const ClusterSource&) = delete;

  /// Once. May publish and call initialized() before it returns (STATIC, and a DNS cluster without
  /// endpoints).
  virtual void start() = 0;

  [[nodiscard]] bool is_initialized() const noexcept { return initialized_; }
  /// What was published last; never null.
  [[nodiscard]] const std::shared_ptr<const HostSet>& hosts() const noexcept {
    return table_.current();
  }
  [[nodiscard]] const config::Cluster& cluster() const noexcept { return cluster_; }

 protected:
  ClusterSource(const config::Cluster& cluster, stats::ClusterUpdateStats& stats, Context context);

  /// Publishes `set` and counts the change; null = nothing changed.
  void publish(const std::shared_ptr<const HostSet>& set);
  void set_initialized();

  const config::Cluster& cluster_;
  stats::ClusterUpdateStats& stats_;
  const Context context_;
  HostTable table_;

 private:
  bool initialized_ = false;
};

/// The source that cluster.type asks for. REQUIRES: `cluster` and `stats` (the control thread's
/// instance) outlive it.
[[nodiscard]] std::unique_ptr<ClusterSource> make_cluster_source(const config::Cluster& cluster,
                                                                 stats::ClusterUpdateStats& stats,
                                                                 ClusterSource::Context context);

}  // namespace holdfast::upstream
