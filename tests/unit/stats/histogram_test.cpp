#include "stats/histogram.hpp"

#include <cmath>
#include <random>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "stats/snapshot.hpp"

using holdfast::stats::EnvoyHistogram;
using holdfast::stats::Histogram;
using holdfast::stats::HistogramSnapshot;
namespace bins = holdfast::stats::bins;

namespace {

HistogramSnapshot snapshot_of(const std::vector<std::uint64_t>& microseconds) {
  Histogram histogram;
  for (const std::uint64_t value : microseconds) histogram.record(value);
  HistogramSnapshot snapshot;
  snapshot.add(histogram);
  return snapshot;
}

/// What bins::of() says, in the plainest way.
std::size_t bin_by_division(std::uint64_t value) {
  if (value >= 1'000'000'000'000) return bins::kCount - 1;
  std::size_t decade = 0;
  for (; value >= 100; value /= 10) ++decade;
  return decade == 0 ? static_cast<std::size_t>(value) : 100 + 90 * (decade - 1) + (value - 10);
}

}  // namespace

TEST_CASE("the bin without a division is the bin by division", "[stats]") {
  std::size_t wrong = 0;
  const auto check = [&wrong](std::uint64_t value) {
    if (bins::of(value) != bin_by_division(value)) ++wrong;
  };
  const auto check_around = [&check](std::uint64_t value) {
    for (const int step : {-1, 0, 1}) check(value + static_cast<std::uint64_t>(step));
  };
  for (std::size_t bin = 0; bin < bins::kCount; ++bin) check_around(bins::lower(bin));
  for (unsigned bit = 0; bit < 64; ++bit) check_around(std::uint64_t{1} << bit);
  for (const std::uint64_t power : bins::kPowersOfTen) check_around(power);
  for (std::uint64_t value = 0; value < 200'000; ++value) check(value);
  std::mt19937_64 random(1);
  for (int i = 0; i < 1'000'000; ++i) {
    const std::uint64_t value = random();
    check(value >> (value % 64));
  }
  CHECK(wrong == 0);
}

TEST_CASE("a value is recorded in several histograms", "[stats]") {
  Histogram one;
  Histogram two;
  const Histogram::Value value(std::chrono::microseconds(4'567));
  one.record(value);
  two.record(value);
  for (const Histogram* histogram : {&one, &two}) {
    CHECK(histogram->sum() == 4'567);
    CHECK((*histogram->bins())[bins::of(4'567)].get() == 1);
  }
}

TEST_CASE("a bin holds the values that share their two leading digits", "[stats]") {
  for (std::size_t bin = 0; bin < bins::kCount; ++bin) {
    const std::uint64_t lower = bins::lower(bin);
    REQUIRE(bins::of(lower) == bin);
    if (bin > 0) REQUIRE(bins::of(lower - 1) == bin - 1);
  }
  CHECK(bins::lower(bins::of(123'456)) == 120'000);
  CHECK(bins::lower(bins::of(4'294'967'295)) == 4'200'000'000);
  CHECK(bins::lower(bins::of(4'294'967'296)) == 4'200'000'000);
}

TEST_CASE("values beyond the last bin count in it", "[stats]") {
  CHECK(bins::of(999'999'999'999) == bins::kCount - 1);
  CHECK(bins::of(1'000'000'000'000) == bins::kCount - 1);
  CHECK(bins::of(~std::uint64_t{0}) == bins::kCount - 1);
}

TEST_CASE("a histogram without values has no bins, and its quantiles are NaN", "[stats]") {
  const Histogram histogram;
  CHECK(histogram.bins() == nullptr);
  HistogramSnapshot snapshot;
  snapshot.add(histogram);
  CHECK(snapshot.empty());
  CHECK(snapshot.count() == 0);
  for (const double quantile : EnvoyHistogram(snapshot).quantiles()) CHECK(std::isnan(quantile));
}

TEST_CASE("a duration is recorded in microseconds, a negative one as zero", "[stats]") {
  Histogram histogram;
  histogram.record(std::chrono::milliseconds(3));
  histogram.record(std::chrono::nanoseconds(2'999));
  histogram.record(std::chrono::seconds(-1));
  CHECK(histogram.sum() == 3'002);
  CHECK((*histogram.bins())[0].get() == 1);
  CHECK((*histogram.bins())[2].get() == 1);
  CHECK((*histogram.bins())[bins::of(3'000)].get() == 1);
}

TEST_CASE("a snapshot adds up workers and subtracts an earlier one", "[stats]") {
  const HistogramSnapshot before = snapshot_of({5, 70'000});
  HistogramSnapshot now = snapshot_of({5, 5, 70'900});
  now.add(before);
  CHECK(now.count() == 5);
  CHECK(now.sum() == Approx(0.140915));
  const HistogramSnapshot since = now.since(before);
  CHECK(since.count() == 3);
  REQUIRE(since.bins().size() == 2);
  CHECK(since.bins()[0].lower == 5);
  CHECK(since.bins()[0].count == 2);
  CHECK(since.bins()[1].lower == 70'000);
  CHECK(now.since(now).empty());
}

TEST_CASE("values at a bucket's bound count above it", "[stats]") {
  const HistogramSnapshot snapshot = snapshot_of({999, 1'000, 2'499, 2'500});
  CHECK(snapshot.count_below(1'000) == 1);
  CHECK(snapshot.count_below(2'500) == 3);
  CHECK(snapshot.count_below(5'000) == 4);
}

TEST_CASE("Envoy's quantiles are those of libcircllhist", "[stats]") {
  // Computed with libcircllhist's hist_approx_quantile() from the whole milliseconds.
  struct Case {
    std::vector<std::uint64_t> milliseconds;
    std::vector<double> expected;
    double sum;
  };
  const std::vector<Case> cases = {
      {{0}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0},
      {{1}, {1.05, 1.05, 1.05, 1.05, 1.05, 1.05, 1.05, 1.05, 1.05, 1.05}, 1.0476190476190477},
      {{0, 0, 1}, {0, 0, 0, 1.05, 1.05, 1.05, 1.05, 1.05, 1.05, 1.05}, 1.0476190476190477},
      {{2, 2},
       {2.0333333333333332, 2.0333333333333332, 2.0333333333333332, 2.0666666666666669,
        2.0666666666666669, 2.0666666666666669, 2.0666666666666669, 2.0666666666666669,
        2.0666666666666669, 2.0666666666666669},
       4.0975609756097562},
      {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
       {0, 2.0499999999999998, 4.0499999999999998, 7.0499999999999998, 8.0500000000000007,
        9.0500000000000007, 9.0500000000000007, 9.0500000000000007, 9.0500000000000007,
        9.0500000000000007},
       45.4431128946675},
      {{15, 15, 15, 100, 109, 110, 999, 1000, 1049, 1050},
       {15.25, 15.75, 106.66666666666667, 1025, 1050, 1075, 1075, 1075, 1075, 1075},
       4508.5900483516898},
      {{7, 70, 705, 7051, 70519, 705190, 7051901},
       {7.0499999999999998, 70.5, 7050, 705000, 7050000, 7050000, 7050000, 7050000, 7050000,
        7050000},
       7832938.5390070919},
      {{0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 35, 35, 36, 250, 250, 251, 300, 15000},
       {0, 0, 0, 252.5, 305, 15500, 15500, 15500, 15500, 15500},
       16673.453949059651},
  };
  for (const Case& c : cases) {
    std::vector<std::uint64_t> us;
    // What Envoy floors away must not matter.
    for (const std::uint64_t ms : c.milliseconds) us.push_back(ms * 1000 + us.size() * 37 % 1000);
    const EnvoyHistogram histogram(snapshot_of(us));
    const auto quantiles = histogram.quantiles();
    for (std::size_t i = 0; i < quantiles.size(); ++i) {
      CAPTURE(c.milliseconds, i);
      CHECK(quantiles[i] == c.expected[i]);  // To the last bit: it is printed in full.
    }
    CHECK(histogram.sum() == Approx(c.sum).epsilon(1e-14));
    CHECK(histogram.count() == c.milliseconds.size());
  }
}

TEST_CASE("Envoy's buckets take in the bin at their bound", "[stats]") {
  const EnvoyHistogram histogram(snapshot_of({400, 1'000, 1'900, 5'000, 10'400, 25'999}));
  CHECK(histogram.count_below(0.5) == 1);
  CHECK(histogram.count_below(1) == 3);
  CHECK(histogram.count_below(5) == 4);
  CHECK(histogram.count_below(10) == 5);
  CHECK(histogram.count_below(25) == 6);
}

TEST_CASE("a reader sees whole values while the writer writes", "[stats]") {
  Histogram histogram;
  constexpr std::uint64_t kValues = 200'000;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < kValues; ++i) histogram.record(i % 1'000);
  });
  std::uint64_t last = 0;
  while (last < kValues) {
    HistogramSnapshot snapshot;
    snapshot.add(histogram);
    REQUIRE(snapshot.count() >= last);
    REQUIRE(snapshot.count() <= kValues);
    last = snapshot.count();
  }
  writer.join();
}
