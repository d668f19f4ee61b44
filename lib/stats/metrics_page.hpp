// A page in Prometheus' text format, built family by family: what /metrics answers.
//
// A value of whoever builds the page. Samples of one family with the same labels add up; families
// come out sorted by name, each with HELP and TYPE once, whatever the order in which samples came.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stats/snapshot.hpp"
#include "stats/stat_type.hpp"

namespace holdfast::stats {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// A double as Prometheus and Envoy print it: shortest, without exponent.
std::string format_double(double value);
/// `a="1",b="2"` with values escaped; empty for no labels.
std::string format_labels(const Labels& labels);

class MetricsPage {
 public:
  /// `help` and `type` of a family's first sample count.
  void add(std::string_view name, StatType type, std::string_view help, const Labels& labels,
           std::uint64_t value);
  void add(std::string_view name, StatType type, std::string_view help, const Labels& labels,
           double value);
  void add(std::string_view name, std::string_view help, const Labels& labels,
           const HistogramSnapshot& histogram);

  [[nodiscard]] std::string text() const;

 private:
  struct Sample {
    std::uint64_t whole = 0;  ///< Counters stay exact beyond 2^53.
    double fraction = 0;
    HistogramSnapshot histogram;
  };
  struct Family {
    StatType type = StatType::counter;
    std::string help;
    std::map<std::string, Sample> samples;  ///< By formatted labels.
  };
  Family& family(std::string_view name, StatType type, std::string_view help);

  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace holdfast::stats
