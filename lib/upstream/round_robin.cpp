#include "upstream/round_robin.hpp"

#include <algorithm>
#include <numeric>

namespace holdfast::upstream {

void RoundRobin::update(const HostSet& set) {
  size_ = set.hosts.size();
  heap_.clear();
  // Read once: the control thread may change a weight meanwhile, ahead of the next set.
  std::uint64_t divisor = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    const std::uint64_t weight = set.hosts[i]->weight();
    divisor = std::gcd(divisor, weight);
    heap_.push_back({weight, 0, 0, i});
  }
  const bool equal = divisor == 0 ||
                     std::all_of(heap_.begin(), heap_.end(),
                                 [divisor](const Entry& entry) { return entry.weight == divisor; });
  if (equal) {
    heap_.clear();
    return;
  }
  cycle_length_ = 0;
  for (Entry& entry : heap_) {
    entry.weight /= divisor;
    cycle_length_ += entry.weight;
  }
  begin_cycle();
  // Envoy's scheduler starts after a random number of picks; see the header for why ours doesn't.
  for (std::uint64_t i = 0; i < worker_ % cycle_length_; ++i) (void)pick_weighted();
}

std::size_t RoundRobin::pick() noexcept {
  if (!heap_.empty()) return pick_weighted();
  if (size_ == 0) return kNone;
  return cursor_++ % size_;
}

bool RoundRobin::later(const Entry& a, const Entry& b) noexcept {
  // a.next / a.weight against b.next / b.weight without rounding: next <= weight + 1 <= 2^32 and
  // weight < 2^32.
  const std::uint64_t due_a = a.next * b.weight;
  const std::uint64_t due_b = b.next * a.weight;
  return due_a != due_b ? due_a > due_b : a.order > b.order;
}

void RoundRobin::begin_cycle() noexcept {
  picked_ = 0;
  for (Entry& entry : heap_) {
    entry.next = 1;
    entry.order = entry.index;
  }
  order_ = heap_.size();
  std::make_heap(heap_.begin(), heap_.end(), later);
}

std::size_t RoundRobin::pick_weighted() noexcept {
  std::pop_heap(heap_.begin(), heap_.end(), later);
  Entry& entry = heap_.back();
  const std::size_t index = entry.index;
  ++entry.next;
  entry.order = order_++;
  // After a whole cycle each host has had exactly its weight in picks: start over, and no number
  // ever grows large.
  if (++picked_ == cycle_length_) {
    begin_cycle();
  } else {
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  return index;
}

}  // namespace holdfast::upstream
