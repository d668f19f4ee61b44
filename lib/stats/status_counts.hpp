// Responses counted by exact status code, of which the classes (2xx) and the total (completed) are
// sums.
//
// Owner: a member of the stats structs in scopes.hpp. Single writer (its worker), any reader. The
// slots are allocated by the first add(), so that scopes which never see a response cost one
// pointer; after that add() is one increment.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "stats/cell.hpp"

namespace holdfast::stats {

class StatusCounts {
 public:
  static constexpr unsigned kFirstCode = 100;
  static constexpr unsigned kLastCode = 599;
  static constexpr std::size_t kSlots = kLastCode - kFirstCode + 1;
  static constexpr unsigned kClasses = 5;

  StatusCounts() = default;
  StatusCounts(const StatusCounts&) = delete;
  StatusCounts& operator=(const StatusCounts&) = delete;
  ~StatusCounts() { delete slots_.load(std::memory_order_relaxed); }

  /// Codes outside 100..599 count in completed() alone, as in Envoy.
  void add(unsigned code) noexcept {
    Slots* slots = slots_.load(std::memory_order_relaxed);
    if (slots == nullptr) slots = make_slots();
    // A code below the first wraps to a large number.
    (*slots)[std::min<std::size_t>(code - kFirstCode, kSlots)].add();
  }

  [[nodiscard]] std::uint64_t code(unsigned code) const noexcept {
    const Slots* slots = slots_.load(std::memory_order_acquire);
    if (slots == nullptr || code < kFirstCode || code > kLastCode) return 0;
    return (*slots)[code - kFirstCode].get();
  }
  /// `hundreds` 1..5.
  [[nodiscard]] std::uint64_t of_class(unsigned hundreds) const noexcept {
    if (hundreds < 1 || hundreds > kClasses) return 0;
    return sum((hundreds - 1) * 100U, hundreds * 100U);
  }
  [[nodiscard]] std::uint64_t completed() const noexcept { return sum(0, kSlots + 1); }

 private:
  using Slots = std::array<Cell, kSlots + 1>;  ///< The last slot: codes out of range.

  [[gnu::noinline, gnu::cold]] Slots* make_slots() noexcept {
    auto* const made = new Slots;
    slots_.store(made, std::memory_order_release);
    return made;
  }

  [[nodiscard]] std::uint64_t sum(std::size_t from, std::size_t to) const noexcept {
    const Slots* slots = slots_.load(std::memory_order_acquire);
    if (slots == nullptr) return 0;
    std::uint64_t total = 0;
    for (std::size_t i = from; i < to; ++i) total += (*slots)[i].get();
    return total;
  }

  std::atomic<Slots*> slots_{nullptr};
};

}  // namespace holdfast::stats
