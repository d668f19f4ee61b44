#include "access_log/time_format.hpp"

#include <cstdlib>
#include <ctime>
#include <string>

#include "catch.hpp"
#include "http/civil_time.hpp"

namespace holdfast::access_log {
namespace {

using std::chrono::microseconds;
using Time = std::chrono::system_clock::time_point;

std::string put(const TimeFormat& format, Time time, TimeText& text, bool json = false) {
  format.prepare(time, json, text);
  std::string out(text.room(), '\0');
  out.resize(static_cast<std::size_t>(TimeFormat::put(out.data(), time, text) - out.data()));
  return out;
}

std::string format(const char* pattern, Time time, TimeFormat::Zone zone = TimeFormat::Zone::utc) {
  TimeText text;
  return put(TimeFormat(pattern, zone), time, text);
}

TEST_CASE("time patterns print what Envoy prints", "[access_log]") {
  const Time time{microseconds(1'795'468'267'497'857)};
  CHECK(format("", time) == "2026-11-23T21:11:07.497Z");
  CHECK(format("%s", time) == "1795468267");
  CHECK(format("%Y/%m/%d %H:%M:%S.%3f", time) == "2026/11/23 21:11:07.497");
  CHECK(format("%6f %9f %f", time) == "497857 497857000 497857000");
  CHECK(format("%1f|%2f|%4f|%5f", time) == "4|49|4978|49785");
  CHECK(format("%E3S %E*S %E0S", time) == "07.497 07.497857 07");
  CHECK(format("%E*f", time) == "497857");
  CHECK(format("%FT%T%z %Z %a %b %e %j", time) == "2026-11-23T21:11:07+0000 UTC Mon Nov 23 327");
  CHECK(format("%k|%-d|%q", time) == "21|23|%q");
  CHECK(format("%3f %%", time) == "497 %");
  CHECK(format("%", time) == "%");
  CHECK(format("a%", time) == "a%");
  CHECK(format("x", time) == "x");
}

TEST_CASE("whole seconds and times before 1970", "[access_log]") {
  CHECK(format("", Time{}) == "1970-01-01T00:00:00.000Z");
  CHECK(format("%E*S|%3f", Time{}) == "00|000");
  CHECK(format("", Time{microseconds(-1)}) == "1969-12-31T23:59:59.999Z");
  CHECK(format("%s.%6f", Time{microseconds(-1)}) == "-1.999999");
}

TEST_CASE("local time has the offset of its zone", "[access_log]") {
  const char* old = std::getenv("TZ");
  const std::string saved = old == nullptr ? "" : old;
  REQUIRE(::setenv("TZ", "XYZ-5:30", 1) == 0);
  ::tzset();
  const std::string out =
      format("", Time{microseconds(1'795'468'267'497'857)}, TimeFormat::Zone::local);
  if (old == nullptr) {
    ::unsetenv("TZ");
  } else {
    ::setenv("TZ", saved.c_str(), 1);
  }
  ::tzset();
  CHECK(out == "2026-11-24T02:41:07.497+0530");
}

TEST_CASE("a kept text follows the time", "[access_log]") {
  // Forth and back, over the ends of seconds: the text that was kept must never be seen.
  for (const char* pattern : {"", "%s.%9f", "%E*S|%T|%E3f", "x", "%3f%3f", "%Y\"%f"}) {
    const TimeFormat kept(pattern, TimeFormat::Zone::utc);
    TimeText text;
    std::int64_t us = 1'795'468'267'999'998;
    for (const std::int64_t step : std::initializer_list<std::int64_t>{
             0, 1, 1, -1, -1, 1'000'000, 999'999, 3, -2'000'001, 86'400'000'000}) {
      us += step;
      CHECK(put(kept, Time{microseconds(us)}, text) == format(pattern, Time{microseconds(us)}));
    }
  }
  TimeText text;
  const TimeFormat quoting("\"%S\n%f\\", TimeFormat::Zone::utc);
  CHECK(put(quoting, Time{microseconds(5)}, text, true) == "\\\"00\\n000005000\\\\");
}

TEST_CASE("the calendar agrees with the C library's", "[access_log]") {
  // Each day of a leap cycle and the days around the era's ends, at odd times of day.
  const auto check = [](std::int64_t seconds) {
    const auto time = static_cast<std::time_t>(seconds);
    std::tm expected{};
    gmtime_r(&time, &expected);
    const http::CivilTime t = http::civil_time(seconds);
    return t.year == expected.tm_year + 1900 && static_cast<int>(t.month) == expected.tm_mon + 1 &&
           static_cast<int>(t.day) == expected.tm_mday &&
           static_cast<int>(t.weekday) == expected.tm_wday &&
           static_cast<int>(t.year_day) == expected.tm_yday &&
           static_cast<int>(t.hour) == expected.tm_hour &&
           static_cast<int>(t.minute) == expected.tm_min &&
           static_cast<int>(t.second) == expected.tm_sec;
  };
  std::size_t wrong = 0;
  for (std::int64_t day = -200'000; day < 200'000; ++day) {
    if (!check(day * 86'400 + (day * 7'919 % 86'400 + 86'400) % 86'400)) ++wrong;
  }
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace holdfast::access_log
