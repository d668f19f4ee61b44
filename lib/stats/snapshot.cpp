#include "stats/snapshot.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace holdfast::stats {

void HistogramSnapshot::merge(std::uint64_t lower, std::uint64_t count) {
  const auto at =
      std::lower_bound(bins_.begin(), bins_.end(), lower,
                       [](const Bin& bin, std::uint64_t value) { return bin.lower < value; });
  if (at != bins_.end() && at->lower == lower) {
    at->count += count;
  } else {
    bins_.insert(at, Bin{lower, count});
  }
}

void HistogramSnapshot::add(const Histogram& histogram) {
  const Histogram::Bins* bins = histogram.bins();
  if (bins == nullptr) return;
  for (std::size_t i = 0; i < bins->size(); ++i) {
    if (const std::uint64_t count = (*bins)[i].get(); count != 0) merge(bins::lower(i), count);
  }
  sum_us_ += histogram.sum();
}

void HistogramSnapshot::add(const HistogramSnapshot& other) {
  if (bins_.empty()) unit_ = other.unit_;
  for (const Bin& bin : other.bins_) merge(bin.lower, bin.count);
  sum_us_ += other.sum_us_;
}

HistogramSnapshot HistogramSnapshot::since(const HistogramSnapshot& before) const {
  HistogramSnapshot result(unit_);
  auto old = before.bins_.begin();
  for (const Bin& bin : bins_) {
    while (old != before.bins_.end() && old->lower < bin.lower) ++old;
    const bool known = old != before.bins_.end() && old->lower == bin.lower;
    const std::uint64_t count = bin.count - (known ? old->count : 0);
    if (count != 0) result.bins_.push_back({bin.lower, count});
  }
  result.sum_us_ = sum_us_ - before.sum_us_;
  return result;
}

std::uint64_t HistogramSnapshot::count() const noexcept {
  std::uint64_t total = 0;
  for (const Bin& bin : bins_) total += bin.count;
  return total;
}

double HistogramSnapshot::sum() const noexcept {
  const auto sum = static_cast<double>(sum_us_);
  return unit_ == Unit::plain ? sum : sum / 1e6;
}

std::uint64_t HistogramSnapshot::count_below(std::uint64_t microseconds) const noexcept {
  std::uint64_t total = 0;
  for (const Bin& bin : bins_) {
    if (bin.lower >= microseconds) break;
    total += bin.count;
  }
  return total;
}

EnvoyHistogram::EnvoyHistogram(const HistogramSnapshot& snapshot) {
  // Of microseconds, two digits are exact from 10 ms up.
  const std::uint64_t divisor = snapshot.unit() == HistogramSnapshot::Unit::plain ? 1 : 1000;
  for (const auto& [lower, count] : snapshot.bins()) {
    const std::uint64_t whole = lower / divisor;
    const auto left = static_cast<double>(whole);
    count_ += count;
    if (!bins_.empty() && bins_.back().left == left) {
      bins_.back().count += count;
      continue;
    }
    double decade = 1;
    while (decade * 10 <= left) decade *= 10;
    bins_.push_back({left, left == 0 ? 0 : decade / 10, count});
  }
}

double EnvoyHistogram::sum() const noexcept {
  // hist_approx_sum(): each bin counts with a point between its ends that leans to the left.
  double total = 0;
  for (const Bin& bin : bins_) {
    if (bin.left == 0) continue;
    const double top = bin.left + bin.width;
    const double ratio = bin.left / (bin.left + top);
    total += (bin.left + bin.width * ratio) * static_cast<double>(bin.count);
  }
  return total;
}

std::array<double, EnvoyHistogram::kQuantiles.size()> EnvoyHistogram::quantiles() const {
  std::array<double, kQuantiles.size()> result{};
  if (bins_.empty()) {
    result.fill(std::numeric_limits<double>::quiet_NaN());
    return result;
  }
  std::size_t at = 0;
  double below = 0;
  auto upto = static_cast<double>(bins_[0].count);
  for (std::size_t q = 0; q < kQuantiles.size(); ++q) {
    const double rank = static_cast<double>(count_) * kQuantiles[q];
    while (at + 1 < bins_.size() && upto < rank) {
      ++at;
      below = upto;
      upto += static_cast<double>(bins_[at].count);
    }
    const Bin& bin = bins_[at];
    // The k-th of n values in a bin is expected at k/(n+1) of its width.
    const double k = std::max(1.0, std::ceil(rank - below));
    result[q] =
        bin.width == 0 ? bin.left : bin.left + k / (static_cast<double>(bin.count) + 1) * bin.width;
  }
  return result;
}

std::uint64_t EnvoyHistogram::count_below(double bound) const noexcept {
  std::uint64_t total = 0;
  for (const Bin& bin : bins_) {
    if (bin.left > bound) break;
    total += bin.count;
  }
  return total;
}

}  // namespace holdfast::stats
