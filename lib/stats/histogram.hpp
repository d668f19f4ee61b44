// A histogram of durations: log-linear bins of two decimal digits, as Envoy's (libcircllhist).
//
// Owner: a member of the stats structs in scopes.hpp. Single writer (its worker), any reader.
// record() takes microseconds; the bins are allocated by the first record(), after that it never
// allocates (a multiplication and two stores). Readers add up the workers' histograms in a
// HistogramSnapshot. Envoy records whole milliseconds: two digits of a microsecond value give the
// same bin from 10 ms up, and below that the snapshot floors to what Envoy would have seen.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

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

/// What takes a value of some number of decimal digits to its bin, without a division: the two
/// leading digits are floor(value * factor / 2^(63 + shift)), exactly so for all values up to kMax.
struct Decade {
  std::uint64_t factor;
  unsigned shift;
  unsigned base;  ///< The bin of two leading digits that are 0.
};

inline constexpr std::uint64_t kMax = 999'999'999'999;

/// By the number of digits.
inline constexpr std::array<Decade, kDecades + 3> kByDigits = [] {
  std::array<Decade, kDecades + 3> decades{};
  for (unsigned digits = 0; digits < decades.size(); ++digits) {
    const std::uint64_t scale = digits > 2 ? kPowersOfTen[digits - 2] : 1;
    const auto shift = static_cast<unsigned>(std::bit_width(scale)) - 1;
    // Rounded up by less than 1, which adds less than 200 / 2^63 to the quotient: it would take
    // 1 / scale to reach the next whole number.
    const auto factor = ((static_cast<unsigned __int128>(1) << (63 + shift)) + scale - 1) / scale;
    decades[digits] = {static_cast<std::uint64_t>(factor), shift,
                       digits > 2 ? 90 + 90 * (digits - 3) : 0};
  }
  return decades;
}();

[[nodiscard]] constexpr std::size_t of(std::uint64_t value) noexcept {
  value = value < kMax ? value : kMax;
  // log10 by bit width: 1233/4096 approximates log10(2) from below, one compare corrects.
  unsigned digits = static_cast<unsigned>(std::bit_width(value | 1U)) * 1233U >> 12U;
  digits += value >= kPowersOfTen[digits] ? 1U : 0U;
  const Decade& decade = kByDigits[digits];
  const auto product = static_cast<unsigned __int128>(2 * value) * decade.factor;
  return static_cast<std::size_t>(decade.base +
                                  (static_cast<std::uint64_t>(product >> 64U) >> decade.shift));
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

  /// A value with its bin, to record it in several histograms.
  class Value {
   public:
    explicit Value(std::uint64_t microseconds) noexcept
        : microseconds_(microseconds), bin_(bins::of(microseconds)) {}
    /// A negative duration (a clock that was set back) counts as 0.
    template <class Rep, class Period>
    explicit Value(std::chrono::duration<Rep, Period> elapsed) noexcept
        : Value(whole(std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count())) {}

   private:
    friend class Histogram;
    static std::uint64_t whole(std::int64_t us) noexcept {
      return us < 0 ? 0 : static_cast<std::uint64_t>(us);
    }
    std::uint64_t microseconds_;
    std::size_t bin_;
  };

  void record(Value value) noexcept {
    Bins* own = bins_.load(std::memory_order_relaxed);
    if (own == nullptr) own = make_bins();
    (*own)[value.bin_].add();
    sum_.add(value.microseconds_);
  }
  /// Microseconds, or a duration.
  template <class T>
  void record(T value) noexcept {
    record(Value(value));
  }

  /// Null until the first record().
  [[nodiscard]] const Bins* bins() const noexcept { return bins_.load(std::memory_order_acquire); }
  /// Microseconds.
  [[nodiscard]] std::uint64_t sum() const noexcept { return sum_.get(); }

 private:
  [[gnu::noinline, gnu::cold]] Bins* make_bins() noexcept {
    auto* const made = new Bins;
    bins_.store(made, std::memory_order_release);
    return made;
  }

  std::atomic<Bins*> bins_{nullptr};
  Cell sum_;
};

}  // namespace holdfast::stats
