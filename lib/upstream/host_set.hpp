// The hosts of a cluster at one moment, and the table on the control thread that makes one set from
// the next.
//
// HostSet: immutable, shared by the control thread and all workers (hence shared_ptr<const>); a
// worker keeps the newest it was given. HostTable: owned by a ClusterSource, control thread only.
// Always: no address stands twice in a set; a host that stays is the same Host object in the next
// set, so that pools and counters survive; hosts that stay keep their order and new ones come after
// them, so that a rotated DNS answer changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "upstream/host.hpp"

namespace holdfast::upstream {

struct HostSet {
  std::vector<std::shared_ptr<Host>> hosts;
  std::uint64_t version = 0;  ///< 1, 2, ... per cluster; 0 = never published.
};

/// One address that an endpoint of the configuration stands for at present.
struct Member {
  Address address;
  std::string hostname;
  std::uint32_t weight = 1;
};

class HostTable {
 public:
  explicit HostTable(std::size_t workers) : workers_(workers) {}

  /// Makes the set of exactly these members. Members of the same address become one host, named
  /// after the first, with the sum of the weights. (Envoy makes as many hosts as members and so
  /// gives the address the same share of the traffic, in the same order of picks, but counts it
  /// several times in membership_total and /clusters.) ENSURES: null when neither the addresses nor
  /// the weights differ from current(); else the new current().
  std::shared_ptr<const HostSet> update(const std::vector<Member>& members);

  /// Never null; empty with version 0 before the first update.
  [[nodiscard]] const std::shared_ptr<const HostSet>& current() const noexcept { return current_; }

 private:
  const std::shared_ptr<const HostSet>& publish(std::vector<std::shared_ptr<Host>> hosts);

  std::size_t workers_;
  std::shared_ptr<const HostSet> current_ = std::make_shared<const HostSet>();
};

}  // namespace holdfast::upstream
