// One number of a worker: written by its worker alone, read by any thread.
//
// Owner: the stats structs (stats/scopes.hpp), one set per worker, so that no two threads write one
// Cell. Thus an increment is a plain load and store (relaxed atomics, no read-modify-write), and a
// reader never sees a torn value.
#pragma once

#include <atomic>
#include <cstdint>

namespace holdfast::stats {

class Cell {
 public:
  Cell() = default;
  Cell(const Cell&) = delete;
  Cell& operator=(const Cell&) = delete;

  // Always inline: a call takes more than the three instructions that it would save.
  [[gnu::always_inline]] void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  /// For gauges. Wraps in one worker's cell where another worker's rose; the sum over workers is
  /// right.
  [[gnu::always_inline]] void sub(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed);
  }
  void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t get() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace holdfast::stats
