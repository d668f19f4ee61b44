// What kind of number a stat is: said once in its table row, asked by each exposition.
#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast::stats {

enum class StatType : std::uint8_t { counter, gauge, histogram };

/// The word of Prometheus' TYPE line.
constexpr std::string_view to_string(StatType type) noexcept {
  switch (type) {
    case StatType::counter:
      return "counter";
    case StatType::gauge:
      return "gauge";
    case StatType::histogram:
      break;
  }
  return "histogram";
}

}  // namespace holdfast::stats
