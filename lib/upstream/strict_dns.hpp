// STRICT_DNS: every address of every name is a host; the cluster is exactly what DNS says.
//
// Owner: as for ClusterSource; control thread only. Each endpoint is looked up on its own, and its
// addresses inherit its weight. Always, per name: a good answer replaces its addresses; a bad one
// leaves them. As seen in Envoy 1.40: NXDOMAIN and an answer without addresses are good answers,
// after which the name has no hosts (503); SERVFAIL, REFUSED and silence are bad ones.
#pragma once

#include <memory>
#include <vector>

#include "upstream/cluster_source.hpp"
#include "upstream/cluster_source_target.hpp"

namespace holdfast::upstream {

class StrictDns : public ClusterSource {
 public:
  StrictDns(const config::Cluster& cluster, stats::ClusterUpdateStats& stats, Context context);
  void start() override;

 private:
  struct Name {
    std::vector<Member> members;
    std::unique_ptr<ResolveTarget> target;
  };
  std::chrono::seconds on_answer(Name& name, const std::vector<ResolvedAddress>& addresses);

  // Constant in size and place after construction.
  std::vector<Name> names_;
};

}  // namespace holdfast::upstream
