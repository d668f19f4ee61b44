// A histogram of durations: log-linear bins of two decimal digits, as Envoy's (libcircllhist).
//
// Owner: a member of the stats structs in scopes.hpp. Single writer (its worker), any reader.
// record() takes microseconds; the bins are allocated by the first record(), after that it never
// allocates (division and two stores). Readers add up the workers' histograms in a
// HistogramSnapshot. Envoy records whole milliseconds: two digits of a microsecond value give the
// same bin from 10 ms up, and below that the snapshot floors to what Envoy would have seen.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "stats/cell.hpp"

namespace holdfast::stats {

namespace bins {

/// 0..99 us one bin each, then 90 bins per decade up to 10^12 us (11.5 days); longer counts in the
/// last bin.
inline constexpr unsigned kDecades = 10;
inline constexpr std::size_t kCount = 100 + 90 * kDecades;

inline constexpr std::array<std::uint64_t, 20> kPowersOfTen = [] {
  std::array<std::uint64_t, 20> powers{};
  std::uint64_t power = 1;
  for (auto& p : powers) {
    p = power;
    power *= 10;
  }
  return powers;
}();

[[nodiscard]] constexpr std::size_t of(std::uint64_t value) noexcept {
  if (value < 100) return static_cast<std::size_t>(value);
  // log10 by bit width: 1233/4096 approximates log10(2) from below, one compare corrects.
  unsigned digits = static_cast<unsigned>(std::bit_width(value)) * 1233U >> 12U;
  digits += value >= kPowersOfTen[digits] ? 1U : 0U;  // digits = number of decimal digits, >= 3
  if (digits > kDecades + 2) return kCount - 1;
  const std::uint64_t scale = kPowersOfTen[digits - 2];
  const std::uint64_t top =  // two leading digits; 32-bit division is several times cheaper
      value <= std::numeric_limits<std::uint32_t>::max()
          ? static_cast<std::uint32_t>(value) / static_cast<std::uint32_t>(scale)
          : value / scale;
  return static_cast<std::size_t>(100 + 90 * (digits - 3) + (top - 10));
}

/// The smallest value of a bin.
[[nodiscard]] constexpr std::uint64_t lower(std::size_t bin) noexcept {
  if (bin < 100) return bin;
  const std::size_t decade = (bin - 100) / 90;
  return ((bin - 100) % 90 + 10) * kPowersOfTen[decade + 1];
}

}  // namespace bins

class Histogram {
 public:
  using Bins = std::array<Cell, bins::kCount>;

  Histogram() = default;
  Histogram(const Histogram&) = delete;
  Histogram& operator=(const Histogram&) = delete;
  ~Histogram() { delete bins_.load(std::memory_order_relaxed); }

  void record(std::uint64_t microseconds) noexcept {
    record_in(bins::of(microseconds), microseconds);
  }
  /// A negative duration (a clock that was set back) counts as 0.
  template <class Rep, class Period>
  void record(std::chrono::duration<Rep, Period> elapsed) noexcept {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count();
    record(us < 0 ? 0 : static_cast<std::uint64_t>(us));
  }

  /// The same into two: one look for the bin.
  template <class Rep, class Period>
  static void record(Histogram& one, Histogram& other,
                     std::chrono::duration<Rep, Period> elapsed) noexcept {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count();
    const std::uint64_t value = us < 0 ? 0 : static_cast<std::uint64_t>(us);
    const std::size_t bin = bins::of(value);
    one.record_in(bin, value);
    other.record_in(bin, value);
  }

  /// Null until the first record().
  [[nodiscard]] const Bins* bins() const noexcept { return bins_.load(std::memory_order_acquire); }
  /// Microseconds.
  [[nodiscard]] std::uint64_t sum() const noexcept { return sum_.get(); }

 private:
  void record_in(std::size_t bin, std::uint64_t microseconds) noexcept {
    Bins* own = bins_.load(std::memory_order_relaxed);
    if (own == nullptr) [[unlikely]] {
      own = new Bins;
      bins_.store(own, std::memory_order_release);
    }
    (*own)[bin].add();
    sum_.add(microseconds);
  }

  std::atomic<Bins*> bins_{nullptr};
  Cell sum_;
};

}  // namespace holdfast::stats
