#include "http/civil_time.hpp"

namespace holdfast::http {

CivilTime civil_time(std::int64_t unix_seconds) noexcept {
  constexpr std::int64_t kDay = 86'400;
  constexpr std::int64_t kEra = 146'097;  // days in 400 years
  std::int64_t days = unix_seconds / kDay;
  std::int64_t seconds = unix_seconds % kDay;
  if (seconds < 0) {
    seconds += kDay;
    --days;
  }
  // Days since 0000-03-01, in eras of 400 years: leap days fall at the ends of years that start in
  // March.
  const std::int64_t shifted = days + 719'468;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - (kEra - 1)) / kEra;
  const auto day_of_era = static_cast<unsigned>(shifted - era * kEra);
  const unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const unsigned march_day = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned march_month = (5 * march_day + 2) / 153;

  CivilTime t{};
  t.month = march_month < 10 ? march_month + 3 : march_month - 9;
  t.year = static_cast<std::int64_t>(year_of_era) + era * 400 + (t.month <= 2 ? 1 : 0);
  t.day = march_day - (153 * march_month + 2) / 5 + 1;
  const bool leap = t.year % 4 == 0 && (t.year % 100 != 0 || t.year % 400 == 0);
  t.year_day = march_day < 306 ? march_day + 59U + (leap ? 1U : 0U) : march_day - 306;
  t.weekday = static_cast<unsigned>(((days + 4) % 7 + 7) % 7);  // 1970-01-01: Thursday
  const auto second_of_day = static_cast<unsigned>(seconds);
  t.hour = second_of_day / 3600;
  t.minute = second_of_day / 60 % 60;
  t.second = second_of_day % 60;
  return t;
}

}  // namespace holdfast::http
