// The numbers by which the plugins of a VM know their metrics: type in the two lowest bits, a count
// above them, as in Envoy.
//
// Owner: a Guest. Thread: the worker's. Metrics themselves are the process's
// (stats/custom_stats.hpp); a name that is defined again keeps its number, so that a plugin can't
// grow the process by defining.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "wasm/abi.hpp"

namespace holdfast::stats {
class CustomStats;
}

namespace holdfast::wasm {

class MetricIds {
 public:
  MetricIds(stats::CustomStats& stats, unsigned worker) : stats_(stats), worker_(worker) {}

  [[nodiscard]] Status define(std::uint32_t type, std::string_view name, std::uint32_t& id);
  [[nodiscard]] Status increment(std::uint32_t id, std::int64_t offset) noexcept;
  [[nodiscard]] Status record(std::uint32_t id, std::uint64_t value) noexcept;
  [[nodiscard]] Status get(std::uint32_t id, std::uint64_t& value) const noexcept;

 private:
  /// Its index in CustomStats; null: no such metric.
  [[nodiscard]] const std::uint32_t* find(std::uint32_t id) const noexcept;

  stats::CustomStats& stats_;
  const unsigned worker_;
  std::array<std::vector<std::uint32_t>, 3> by_type_;
  std::unordered_map<std::uint32_t, std::uint32_t> ids_;  ///< By index in CustomStats.
};

}  // namespace holdfast::wasm
