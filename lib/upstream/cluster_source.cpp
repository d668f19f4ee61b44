#include "upstream/cluster_source.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "upstream/logical_dns.hpp"
#include "upstream/static_source.hpp"
#include "upstream/strict_dns.hpp"

namespace holdfast::upstream {
namespace {

std::function<std::uint64_t()> own_random() {
  return [engine = std::mt19937(std::random_device()())]() mutable -> std::uint64_t {
    return engine();
  };
}

ClusterSource::Context completed(ClusterSource::Context context) {
  if (!context.publish) context.publish = [](const std::shared_ptr<const HostSet>&) {};
  if (!context.initialized) context.initialized = [] {};
  if (!context.warn) context.warn = [](const std::string&) {};
  if (!context.random) context.random = own_random();
  return context;
}

}  // namespace

ClusterSource::ClusterSource(const config::Cluster& cluster, stats::ClusterUpdateStats& stats,
                             Context context)
    : cluster_(cluster),
      stats_(stats),
      context_(completed(std::move(context))),
      table_(context_.workers) {}

void ClusterSource::publish(const std::shared_ptr<const HostSet>& set) {
  if (!set) return;
  std::uint32_t max_weight = 0;
  for (const auto& host : set->hosts) max_weight = std::max(max_weight, host->weight());
  stats_.max_host_weight.set(max_weight);
  stats_.membership_total.set(set->hosts.size());
  stats_.membership_healthy.set(set->hosts.size());
  stats_.membership_change.add();
  context_.publish(set);
}

void ClusterSource::set_initialized() {
  if (!std::exchange(initialized_, true)) context_.initialized();
}

std::unique_ptr<ClusterSource> make_cluster_source(const config::Cluster& cluster,
                                                   stats::ClusterUpdateStats& stats,
                                                   ClusterSource::Context context) {
  switch (cluster.type) {
    case config::DiscoveryType::strict_dns:
      return std::make_unique<StrictDns>(cluster, stats, std::move(context));
    case config::DiscoveryType::logical_dns:
      return std::make_unique<LogicalDns>(cluster, stats, std::move(context));
    case config::DiscoveryType::static_:
      break;
  }
  return std::make_unique<StaticSource>(cluster, stats, std::move(context));
}

}  // namespace holdfast::upstream
