// A histogram as read: the workers' bins added up, with what /stats and /metrics print from it.
//
// Values owned by whoever reads (the control thread). Bins are sparse and sorted, so that a
// snapshot of a quiet histogram is small. "Envoy's view" is whole milliseconds (or plain numbers,
// as they are) in libcircllhist's bins; its formulas are followed exactly.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "stats/histogram.hpp"

namespace holdfast::stats {

class HistogramSnapshot {
 public:
  /// What was recorded. All functions that say "microseconds" mean this.
  enum class Unit : std::uint8_t { microseconds, plain };

  HistogramSnapshot() = default;
  explicit HistogramSnapshot(Unit unit) noexcept : unit_(unit) {}

  struct Bin {
    std::uint64_t lower = 0;  ///< Microseconds; the smallest value of the bin.
    std::uint64_t count = 0;
  };

  void add(const Histogram& histogram);
  /// An empty one takes over the other's unit.
  void add(const HistogramSnapshot& other);
  /// What came since `before`, an earlier snapshot of the same histogram.
  [[nodiscard]] HistogramSnapshot since(const HistogramSnapshot& before) const;

  [[nodiscard]] Unit unit() const noexcept { return unit_; }
  [[nodiscard]] bool empty() const noexcept { return bins_.empty(); }
  [[nodiscard]] std::uint64_t count() const noexcept;
  /// Seconds, or plain.
  [[nodiscard]] double sum() const noexcept;
  /// How many values were at most `microseconds`, a bin boundary; the bin that starts there is not
  /// counted.
  [[nodiscard]] std::uint64_t count_below(std::uint64_t microseconds) const noexcept;
  [[nodiscard]] std::span<const Bin> bins() const noexcept { return bins_; }

 private:
  void merge(std::uint64_t lower, std::uint64_t count);

  std::vector<Bin> bins_;
  std::uint64_t sum_us_ = 0;
  Unit unit_ = Unit::microseconds;
};

/// Envoy's view: milliseconds, floored, or plain numbers, in bins of two decimal digits.
class EnvoyHistogram {
 public:
  static constexpr std::array<double, 10> kQuantiles{0,    0.25, 0.5,   0.75,  0.9,
                                                     0.95, 0.99, 0.995, 0.999, 1};
  /// Upper bounds ("le") of Envoy's default Prometheus buckets, in milliseconds or
  /// plain.
  static constexpr std::array<double, 19> kBounds{
      0.5,  1,    5,     10,    25,    50,     100,    250,     500,    1000,
      2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000};

  explicit EnvoyHistogram(const HistogramSnapshot& snapshot);

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] double sum() const noexcept;
  /// As hist_approx_quantile(); NaN when empty.
  [[nodiscard]] std::array<double, kQuantiles.size()> quantiles() const;
  /// As hist_approx_count_below(): the bin that holds the bound counts too.
  [[nodiscard]] std::uint64_t count_below(double bound) const noexcept;

 private:
  struct Bin {
    double left = 0;
    double width = 0;
    std::uint64_t count = 0;
  };
  std::vector<Bin> bins_;
  std::uint64_t count_ = 0;
};

}  // namespace holdfast::stats
