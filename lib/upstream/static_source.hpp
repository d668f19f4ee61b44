// STATIC: the hosts are the configured addresses, published once by start(), at once initialised.
//
// Owner: as for ClusterSource; control thread only. Always: every endpoint whose address is an IP
// literal is a host (config::load() accepts nothing else for STATIC).
#pragma once

#include "upstream/cluster_source.hpp"

namespace holdfast::upstream {

class StaticSource : public ClusterSource {
 public:
  StaticSource(const config::Cluster& cluster, stats::ClusterUpdateStats& stats, Context context);
  void start() override;
};

}  // namespace holdfast::upstream
