// Envoy's ROUND_ROBIN over the hosts of one set, weights honoured.
//
// Owner: one worker's cluster; that worker's thread only. pick() takes no lock and allocates
// nothing; update() allocates. Equal weights: plain rotation, as Envoy. Unequal weights: earliest
// deadline first, as Envoy, so that picks interleave (weights 3 and 1 give a a b a, never a a a b
// b): host i's k-th pick is due at k / weight(i), ties go to the host that has waited longer.
// Exact: each run of sum(weights) picks takes each host as often as its weight says (weights
// divided by their common divisor). Envoy starts at a random place; we start at the worker's index,
// so that few requests over several workers spread evenly, and runs can be repeated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "upstream/host_set.hpp"

namespace holdfast::upstream {

class RoundRobin {
 public:
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

  explicit RoundRobin(std::size_t worker) : cursor_(worker), worker_(worker) {}

  /// Takes over a new set; the weights are read here once. Plain rotation goes on where it was.
  void update(const HostSet& set);

  /// Index into the hosts of the last set given; kNone when it is empty.
  [[nodiscard]] std::size_t pick() noexcept;

 private:
  struct Entry {
    std::uint64_t weight;
    std::uint64_t
        next;  ///< Number of this host's next pick in the cycle, from 1: due at next / weight.
    std::uint64_t order;  ///< When it was last queued: breaks ties.
    std::size_t index;
  };
  static bool later(const Entry& a, const Entry& b) noexcept;
  void begin_cycle() noexcept;
  std::size_t pick_weighted() noexcept;

  std::size_t size_ = 0;
  std::size_t cursor_;  ///< Plain rotation.
  std::size_t worker_;
  // Unequal weights only; otherwise empty. A heap with the earliest deadline in front.
  std::vector<Entry> heap_;
  std::uint64_t cycle_length_ = 0;
  std::uint64_t picked_ = 0;
  std::uint64_t order_ = 0;
};

}  // namespace holdfast::upstream
