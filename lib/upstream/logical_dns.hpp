// LOGICAL_DNS: one logical host, whose address is the first of the last good answer.
//
// Owner: as for ClusterSource; control thread only. Always: one host once it has resolved. When the
// first address changes, the host is replaced: its connections drain (as seen in Envoy 1.40; its
// documentation says that they live on). As in Envoy 1.40: NXDOMAIN or an answer without addresses
// is a failure and leaves the host; the TTL is the first address's.
#pragma once

#include <memory>
#include <vector>

#include "upstream/cluster_source.hpp"
#include "upstream/cluster_source_target.hpp"

namespace holdfast::upstream {

class LogicalDns : public ClusterSource {
 public:
  /// REQUIRES: one endpoint; load() guarantees it.
  LogicalDns(const config::Cluster& cluster, stats::ClusterUpdateStats& stats, Context context);
  void start() override;

 private:
  std::chrono::seconds on_answer(const std::vector<ResolvedAddress>& addresses);

  std::unique_ptr<ResolveTarget> target_;
};

}  // namespace holdfast::upstream
