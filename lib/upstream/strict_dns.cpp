#include "upstream/strict_dns.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::upstream {

StrictDns::StrictDns(const config::Cluster& cluster, stats::ClusterUpdateStats& stats,
                     Context context)
    : ClusterSource(cluster, stats, std::move(context)), names_(cluster.endpoints.size()) {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    ResolveTarget::Owner owner{
        .on_answer = [this, i](const auto& addresses) { return on_answer(names_[i], addresses); },
        .on_end = [this] { set_initialized(); }};
    names_[i].target = std::make_unique<ResolveTarget>(cluster, cluster.endpoints[i],
                                                       ResolveTarget::EmptyAnswer::good, context_,
                                                       stats, std::move(owner));
  }
}

void StrictDns::start() {
  for (const Name& name : names_) name.target->start();
  if (names_.empty()) set_initialized();
}

std::chrono::seconds StrictDns::on_answer(Name& name,
                                          const std::vector<ResolvedAddress>& addresses) {
  const config::Endpoint& endpoint = name.target->endpoint();
  name.members.clear();
  auto least_ttl = std::chrono::seconds::max();
  for (const ResolvedAddress& resolved : addresses) {
    least_ttl = std::min(least_ttl, resolved.ttl);
    const Address address = resolved.address.with_port(endpoint.address.port);
    // The same record twice in one answer is one host of single weight, as in Envoy.
    const bool twice =
        std::any_of(name.members.begin(), name.members.end(),
                    [&address](const Member& member) { return member.address == address; });
    if (!twice) name.members.push_back({address, endpoint.address.address, endpoint.weight});
  }

  std::vector<Member> all;
  for (const Name& each : names_) all.insert(all.end(), each.members.begin(), each.members.end());
  const auto set = table_.update(all);
  if (set) {
    publish(set);
  } else {
    stats_.update_no_rebuild.add();
  }
  return addresses.empty() ? std::chrono::seconds(0) : least_ttl;
}

}  // namespace holdfast::upstream
