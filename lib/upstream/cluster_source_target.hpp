// One name of a DNS cluster, looked up for ever: the query, the timer to the next one, the
// back-off, the counters.
//
// Owner: StrictDns or LogicalDns; control thread only. Always: either a query is under way or the
// timer runs, from start() until destruction. Tells its owner about good answers only; after bad
// ones the owner's hosts stay.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "config/config.hpp"
#include "stats/scopes.hpp"
#include "upstream/cluster_source.hpp"
#include "upstream/dns_resolver.hpp"

namespace holdfast::upstream {

/// Envoy's JitteredExponentialBackOffStrategy, or a fixed interval where dns_failure_refresh_rate
/// is unset.
class DnsBackOff {
 public:
  explicit DnsBackOff(const config::Dns& dns);
  /// A random part of an interval that starts at base and doubles up to max; at least 1 ms.
  [[nodiscard]] std::chrono::milliseconds next(const std::function<std::uint64_t()>& random);
  void reset() noexcept { interval_ = base_; }

 private:
  bool jittered_;
  std::chrono::milliseconds base_;
  std::chrono::milliseconds max_;
  std::chrono::milliseconds interval_;
};

class ResolveTarget {
 public:
  /// What an answer without an address means. Envoy: for STRICT_DNS the truth (no hosts), for
  /// LOGICAL_DNS a failure.
  enum class EmptyAnswer : std::uint8_t { good, bad };

  struct Owner {
    /// A good answer. Returns the TTL that counts for it; 0 = none.
    std::function<std::chrono::seconds(const std::vector<ResolvedAddress>&)> on_answer;
    /// A resolution has ended, well or badly.
    std::function<void()> on_end;
  };

  ResolveTarget(const config::Cluster& cluster, const config::Endpoint& endpoint,
                EmptyAnswer empty_answer, const ClusterSource::Context& context,
                stats::ClusterUpdateStats& stats, Owner owner);

  void start() { resolve(); }
  [[nodiscard]] const config::Endpoint& endpoint() const noexcept { return endpoint_; }

 private:
  void resolve();
  void on_result(const DnsResult& result);
  void count(const DnsResult& result);
  void log(const DnsResult& result);
  void warn_of_both_families(const Address& chosen);

  // Constant after construction.
  const config::Cluster& cluster_;
  const config::Endpoint& endpoint_;
  const EmptyAnswer empty_answer_;
  const ClusterSource::Context& context_;
  stats::ClusterUpdateStats& stats_;
  const Owner owner_;
  // Changing.
  DnsBackOff back_off_;
  bool families_checked_ = false;
  bool cut_warned_ = false;
  bool failing_ = false;
  std::unique_ptr<Timer> timer_;
  std::unique_ptr<DnsResolver::Query> query_;
  std::unique_ptr<DnsResolver::Query> family_check_;
};

}  // namespace holdfast::upstream
