// Stats in Envoy's formats: /stats as text and JSON, /stats/prometheus.
//
// Pure functions of what Registry::collect() gave, perhaps filtered. The formats were taken from
// Envoy 1.40's output.
#pragma once

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
std::string envoy_prometheus(std::span<const Stat> stats, const TagExtractor& tags);

}  // namespace holdfast::stats
