#include "upstream/logical_dns.hpp"

#include <utility>

namespace holdfast::upstream {

LogicalDns::LogicalDns(const config::Cluster& cluster, stats::ClusterUpdateStats& stats,
                       Context context)
    : ClusterSource(cluster, stats, std::move(context)) {
  ResolveTarget::Owner owner{
      .on_answer = [this](const auto& addresses) { return on_answer(addresses); },
      .on_end = [this] { set_initialized(); }};
  target_ = std::make_unique<ResolveTarget>(cluster, cluster.endpoints.at(0),
                                            ResolveTarget::EmptyAnswer::bad, context_, stats,
                                            std::move(owner));
}

void LogicalDns::start() {
  target_->start();
}

std::chrono::seconds LogicalDns::on_answer(const std::vector<ResolvedAddress>& addresses) {
  const config::Endpoint& endpoint = target_->endpoint();
  const ResolvedAddress& first = addresses.front();
  const auto set = table_.update({{first.address.with_port(endpoint.address.port),
                                   endpoint.address.address, endpoint.weight}});
  if (set) {
    publish(set);
  } else {
    stats_.update_no_rebuild.add();
  }
  return first.ttl;
}

}  // namespace holdfast::upstream
