// Stats in Envoy's formats: /stats as text and JSON, /stats/prometheus.
//
// Pure functions of what Registry::collect() gave, perhaps filtered. The formats were taken from
// Envoy 1.40's output.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "stats/registry.hpp"
#include "stats/tag_extractor.hpp"

namespace holdfast::stats {

/// Envoy's order of names: by the words between the dots.
bool name_less(std::string_view a, std::string_view b) noexcept;

/// `name: value` lines. Histograms: `P0(interval,cumulative) P25(...) ...`, or `No recorded
/// values`.
std::string stats_text(std::span<const Stat> stats);
std::string stats_json(std::span<const Stat> stats);
/// How /stats/prometheus calls a stat.
struct PrometheusSeries {
  std::string name;    ///< Dotted, without the tags: what Envoy sorts and groups by.
  std::string family;  ///< "envoy_...", or a plugin's own name.
  Labels labels;
};
/// Nullopt: a plugin's name that no family may have (it begins with a digit, or is empty): Envoy
/// leaves it out.
std::optional<PrometheusSeries> prometheus_series(const TagExtractor& tags, std::string_view stat);
std::string envoy_prometheus(std::span<const Stat> stats, const TagExtractor& tags);

}  // namespace holdfast::stats
