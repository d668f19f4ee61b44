// A UNIX time as a calendar date in UTC, without the lock that gmtime_r takes. Pure.
#pragma once

#include <cstdint>

namespace holdfast::http {

struct CivilTime {
  std::int64_t year;
  unsigned month;     ///< 1..12
  unsigned day;       ///< 1..31
  unsigned weekday;   ///< 0 = Sunday
  unsigned year_day;  ///< 0 = 1 January
  unsigned hour;
  unsigned minute;
  unsigned second;
};

[[nodiscard]] CivilTime civil_time(std::int64_t unix_seconds) noexcept;

}  // namespace holdfast::http
