#include "access_log/time_format.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "access_log/json_text.hpp"
#include "access_log/put.hpp"
#include "http/civil_time.hpp"

namespace holdfast::access_log {

namespace {

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

constexpr int kNanosecondDigits = 9;

/// The first `digits` of nine; all that are needed if negative.
[[gnu::noinline]] char* put_fraction(char* to, unsigned nanoseconds, int digits,
                                     bool point) noexcept {
  std::array<char, kNanosecondDigits> all;
  for (auto digit = all.rbegin(); digit != all.rend(); ++digit) {
    *digit = static_cast<char>('0' + nanoseconds % 10);
    nanoseconds /= 10;
  }
  std::string_view text(all.data(), all.size());
  text = text.substr(0, digits >= 0 ? static_cast<std::size_t>(digits)
                                    : text.find_last_not_of('0') + 1);  // npos + 1 is 0
  if (point && !text.empty()) *to++ = '.';
  return to + text.copy(to, text.size());
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

TimeFormat::TimeFormat(std::string_view pattern, Zone zone) : zone_(zone) {
  if (pattern.empty()) {
    pattern = zone == Zone::utc ? "%Y-%m-%dT%H:%M:%S.%3fZ" : "%Y-%m-%dT%H:%M:%E3S%z";
  }
  while (!pattern.empty()) {
    const std::size_t percent = std::min(pattern.find('%'), pattern.size());
    if (percent > 0) add_literal(pattern.substr(0, percent));
    pattern.remove_prefix(percent);
    if (!pattern.empty()) pattern.remove_prefix(add_conversion(pattern));
  }
}

void TimeFormat::add_literal(std::string_view text) {
  if (!pieces_.empty() && pieces_.back().kind == Piece::Kind::literal) {
    pieces_.back().text += text;
  } else {
    pieces_.push_back({Piece::Kind::literal, std::string(text)});
  }
}

std::size_t TimeFormat::add_conversion(std::string_view rest) {
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
    if (at(3) == 'S') pieces_.push_back({Piece::Kind::calendar, "%S"});
    pieces_.push_back({Piece::Kind::fraction, {}, digits, at(3) == 'S'});
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

void TimeFormat::refresh(Time time, bool json, TimeText& out) const {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const std::int64_t second = whole.time_since_epoch().count();
  const std::tm fields = zone_ == Zone::utc ? utc_fields(second) : local_fields(second);
  out.start_ = nanoseconds(whole);
  out.text_.clear();
  out.parts_.clear();
  std::string& text = out.scratch_;
  text.clear();
  const auto close_part = [&](int digits, bool point) {
    const std::size_t start = out.text_.size();
    json ? append_json_text(out.text_, text) : void(out.text_ += text);
    text.clear();
    out.parts_.push_back({out.text_.size() - start, digits, point});
  };
  for (const Piece& piece : pieces_) {
    std::array<char, 128> buffer;
    switch (piece.kind) {
      case Piece::Kind::literal:
        text += piece.text;
        break;
      case Piece::Kind::calendar:
        text.append(buffer.data(),
                    std::strftime(buffer.data(), buffer.size(), piece.text.c_str(), &fields));
        break;
      case Piece::Kind::epoch:
        text.append(buffer.data(),
                    std::to_chars(buffer.data(), buffer.data() + buffer.size(), second).ptr);
        break;
      case Piece::Kind::fraction:
        close_part(piece.digits, piece.point);
        break;
    }
  }
  close_part(0, false);
  out.room_ = out.text_.size() + out.parts_.size() * (1 + kNanosecondDigits) + kPadding;
  out.text_.append(kPadding, ' ');
}

char* TimeFormat::put(char* to, Time time, const TimeText& text) noexcept {
  const auto rest = static_cast<unsigned>(since(text.start_, time));
  const char* from = text.text_.data();
  for (const TimeText::Part& part : text.parts_) {
    to = put_padded(to, from, part.size);
    from += part.size;
    if (part.digits == 3 && !part.point) {
      to = put_three_digits(to, rest / 1'000'000);
    } else if (part.digits != 0) {
      to = put_fraction(to, rest, part.digits, part.point);
    }
  }
  return to;
}

}  // namespace holdfast::access_log
