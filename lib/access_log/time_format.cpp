#include "access_log/time_format.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "http/civil_time.hpp"

namespace holdfast::access_log {

namespace {

using Clock = std::chrono::system_clock;

struct Split {
  std::int64_t seconds;
  unsigned nanoseconds;
};

Split split(Clock::time_point time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(time - whole);
  return {whole.time_since_epoch().count(), static_cast<unsigned>(rest.count())};
}

std::tm utc_fields(std::int64_t seconds) {
  const http::CivilTime t = http::civil_time(seconds);
  std::tm fields{};
  fields.tm_year = static_cast<int>(t.year - 1900);
  fields.tm_mon = static_cast<int>(t.month) - 1;
  fields.tm_mday = static_cast<int>(t.day);
  fields.tm_wday = static_cast<int>(t.weekday);
  fields.tm_yday = static_cast<int>(t.year_day);
  fields.tm_hour = static_cast<int>(t.hour);
  fields.tm_min = static_cast<int>(t.minute);
  fields.tm_sec = static_cast<int>(t.second);
  fields.tm_zone = "UTC";
  return fields;
}

std::tm local_fields(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm fields{};
  localtime_r(&time, &fields);
  return fields;
}

void append_padded(std::string& out, unsigned value, int width) {
  std::array<char, 10> digits;
  for (int i = width - 1; i >= 0; --i) {
    digits[static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  out.append(digits.data(), static_cast<std::size_t>(width));
}

/// The first `digits` of nine; all that are needed if negative.
void append_fraction(std::string& out, unsigned nanoseconds, int digits) {
  const std::size_t start = out.size();
  append_padded(out, nanoseconds, 9);
  if (digits >= 0) {
    out.resize(start + static_cast<std::size_t>(digits));
    return;
  }
  while (out.size() > start && out.back() == '0') out.pop_back();
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

TimeFormat::TimeFormat(std::string_view pattern, Zone zone) : zone_(zone) {
  if (pattern.empty() && zone == Zone::utc) return;
  if (pattern.empty()) pattern = "%Y-%m-%dT%H:%M:%E3S%z";
  while (!pattern.empty()) {
    const std::size_t percent = std::min(pattern.find('%'), pattern.size());
    if (percent > 0) add_literal(pattern.substr(0, percent));
    pattern.remove_prefix(percent);
    if (!pattern.empty()) pattern.remove_prefix(add_conversion(pattern));
  }
  if (pieces_.empty()) add_literal("");
}

void TimeFormat::add_literal(std::string_view text) {
  if (!pieces_.empty() && pieces_.back().kind == Piece::Kind::literal) {
    pieces_.back().text += text;
  } else {
    pieces_.push_back({Piece::Kind::literal, std::string(text)});
  }
}

std::size_t TimeFormat::add_conversion(std::string_view rest) {
  constexpr int kNanosecondDigits = 9;
  const auto at = [rest](std::size_t i) { return i < rest.size() ? rest[i] : '\0'; };
  if (at(1) == '%') {
    add_literal("%");
    return 2;
  }
  if (at(1) == 's') {
    pieces_.push_back({Piece::Kind::epoch, {}});
    return 2;
  }
  if (at(1) == 'f') {
    pieces_.push_back({Piece::Kind::fraction, {}, kNanosecondDigits});
    return 2;
  }
  if (at(1) >= '1' && at(1) <= '9' && at(2) == 'f') {
    pieces_.push_back({Piece::Kind::fraction, {}, at(1) - '0'});
    return 3;
  }
  if (at(1) == 'E' && (at(2) == '*' || is_digit(at(2))) && (at(3) == 'S' || at(3) == 'f')) {
    const int digits = at(2) == '*' ? kAllDigits : at(2) - '0';
    pieces_.push_back({at(3) == 'S' ? Piece::Kind::second : Piece::Kind::fraction, {}, digits});
    return 4;
  }
  std::size_t length = 2;  // with glibc's flags, width and modifier
  while (length < rest.size() &&
         std::string_view("_-0^#EO").find(rest[length - 1]) != std::string_view::npos) {
    ++length;
  }
  length = std::min(length, rest.size());
  if (length == 1) {  // a '%' at the very end stands for itself
    add_literal("%");
  } else {
    pieces_.push_back({Piece::Kind::calendar, std::string(rest.substr(0, length))});
  }
  return length;
}

void TimeFormat::append_iso(Clock::time_point time, std::string& out) const {
  const Split now = split(time);
  const http::CivilTime t = http::civil_time(now.seconds);
  append_padded(out, static_cast<unsigned>(t.year), 4);
  out += '-';
  append_padded(out, t.month, 2);
  out += '-';
  append_padded(out, t.day, 2);
  out += 'T';
  append_padded(out, t.hour, 2);
  out += ':';
  append_padded(out, t.minute, 2);
  out += ':';
  append_padded(out, t.second, 2);
  out += '.';
  append_padded(out, now.nanoseconds / 1'000'000, 3);
  out += 'Z';
}

void TimeFormat::append(Clock::time_point time, std::string& out) const {
  if (pieces_.empty()) return append_iso(time, out);
  const Split now = split(time);
  const std::tm fields = zone_ == Zone::utc ? utc_fields(now.seconds) : local_fields(now.seconds);
  for (const Piece& piece : pieces_) {
    switch (piece.kind) {
      case Piece::Kind::literal:
        out += piece.text;
        break;
      case Piece::Kind::calendar: {
        std::array<char, 128> text;
        out.append(text.data(),
                   std::strftime(text.data(), text.size(), piece.text.c_str(), &fields));
        break;
      }
      case Piece::Kind::epoch: {
        std::array<char, 24> digits;
        const auto end =
            std::to_chars(digits.data(), digits.data() + digits.size(), now.seconds).ptr;
        out.append(digits.data(), end);
        break;
      }
      case Piece::Kind::fraction:
        append_fraction(out, now.nanoseconds, piece.digits);
        break;
      case Piece::Kind::second: {
        append_padded(out, static_cast<unsigned>(fields.tm_sec), 2);
        const std::size_t point = out.size();
        out += '.';
        append_fraction(out, now.nanoseconds, piece.digits);
        if (out.size() == point + 1) out.pop_back();  // no digits: no point
        break;
      }
    }
  }
}

}  // namespace holdfast::access_log
