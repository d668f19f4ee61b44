#include "upstream/static_source.hpp"

#include <utility>
#include <vector>

namespace holdfast::upstream {

StaticSource::StaticSource(const config::Cluster& cluster, stats::ClusterUpdateStats& stats,
                           Context context)
    : ClusterSource(cluster, stats, std::move(context)) {}

void StaticSource::start() {
  std::vector<Member> members;
  for (const config::Endpoint& endpoint : cluster_.endpoints) {
    const auto address = parse_ip(endpoint.address.address, endpoint.address.port);
    if (!address) {
      context_.warn("cluster '" + cluster_.name + "': '" + endpoint.address.address +
                    "' is not an IP address; a STATIC cluster does not resolve names");
      continue;
    }
    members.push_back({*address, "", endpoint.weight});  // Envoy: no hostname without a name.
  }
  publish(table_.update(members));
  set_initialized();
}

}  // namespace holdfast::upstream
