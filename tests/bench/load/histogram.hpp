// Latencies, counted in buckets that are 1/128 of their value wide: percentiles within 0.8 %, in
// constant memory.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace bench {

class Histogram {
 public:
  void add(std::int64_t nanoseconds) {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(nanoseconds, 0));
    ++buckets_[index(value)];
    ++count_;
    largest_ = std::max(largest_, value);
  }

  /// The value that `share` (0 to 1) of all do not exceed, in microseconds.
  [[nodiscard]] double percentile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > wanted || (seen == count_ && count_ > 0)) {
        return static_cast<double>(std::min(upper(i), largest_)) / 1000.0;
      }
    }
    return 0;
  }

  [[nodiscard]] double largest() const { return static_cast<double>(largest_) / 1000.0; }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  void clear() { *this = Histogram(); }

 private:
  static constexpr int kBits = 7;
  static constexpr std::size_t kSub = std::size_t{1} << kBits;

  static std::size_t index(std::uint64_t value) {
    const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - kBits - 1);
    const std::size_t at = static_cast<std::size_t>(shift) * kSub + (value >> shift);
    return std::min(at, kBuckets - 1);
  }
  static std::uint64_t upper(std::size_t at) {
    if (at < 2 * kSub) {
      return at;
    }
    const std::size_t shift = at / kSub - 1;
    return ((at - shift * kSub + 1) << shift) - 1;
  }

  static constexpr std::size_t kBuckets = 40 * kSub;  // Up to 2^46 ns, about 19 hours.
  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t largest_ = 0;
};

}  // namespace bench
