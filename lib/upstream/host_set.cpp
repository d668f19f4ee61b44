#include "upstream/host_set.hpp"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>

namespace holdfast::upstream {
namespace {

struct Merged {
  const Member* member;
  std::uint32_t weight;
  bool known = false;  ///< Already a host of the current set.
};

std::uint32_t saturated_sum(std::uint32_t a, std::uint32_t b) noexcept {
  constexpr auto kMax = std::numeric_limits<std::uint32_t>::max();
  return a > kMax - b ? kMax : a + b;
}

}  // namespace

std::shared_ptr<const HostSet> HostTable::update(const std::vector<Member>& members) {
  std::vector<Merged> merged;
  std::unordered_map<std::string, std::size_t> by_text;
  for (const Member& member : members) {
    const auto [it, added] = by_text.try_emplace(member.address.text(), merged.size());
    if (added) {
      merged.push_back({&member, member.weight});
    } else {
      Merged& first = merged[it->second];
      first.weight = saturated_sum(first.weight, member.weight);
    }
  }

  bool changed = false;
  std::vector<std::shared_ptr<Host>> hosts;
  hosts.reserve(merged.size());
  for (const std::shared_ptr<Host>& host : current_->hosts) {
    const auto it = by_text.find(host->text());
    if (it == by_text.end()) {
      changed = true;
      continue;
    }
    Merged& entry = merged[it->second];
    entry.known = true;
    if (host->weight() != entry.weight) {
      host->set_weight(entry.weight);
      changed = true;
    }
    hosts.push_back(host);
  }
  for (const Merged& entry : merged) {
    if (entry.known) continue;
    hosts.push_back(std::make_shared<Host>(entry.member->address, entry.member->hostname,
                                           entry.weight, workers_));
    changed = true;
  }
  return changed ? publish(std::move(hosts)) : nullptr;
}

const std::shared_ptr<const HostSet>& HostTable::publish(std::vector<std::shared_ptr<Host>> hosts) {
  auto next = std::make_shared<HostSet>();
  next->hosts = std::move(hosts);
  next->version = current_->version + 1;
  current_ = std::move(next);
  return current_;
}

}  // namespace holdfast::upstream
