// START_TIME's format: strftime's conversions and Envoy's for fractions of a second, compiled once.
//
// Owner: the operator it belongs to; constant after construction. Thread: any.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::access_log {

class TimeFormat {
 public:
  enum class Zone : std::uint8_t { utc, local };

  /// An empty pattern is Envoy's default: 2026-11-23T21:11:07.497Z, or with the offset (+0000) for
  /// local time.
  TimeFormat(std::string_view pattern, Zone zone);

  void append(std::chrono::system_clock::time_point time, std::string& out) const;

 private:
  struct Piece {
    enum class Kind : std::uint8_t { literal, calendar, epoch, fraction, second };
    Kind kind;
    std::string text;  ///< literal: itself; calendar: one conversion for strftime
    int digits =
        0;  ///< fraction, second: how many behind the point; kAllDigits = as many as it takes
  };
  static constexpr int kAllDigits = -1;

  void add_literal(std::string_view text);
  /// The conversion behind a '%' at the front of `rest`; returns its length.
  std::size_t add_conversion(std::string_view rest);
  void append_iso(std::chrono::system_clock::time_point time, std::string& out) const;

  // Constant after construction.
  Zone zone_;
  std::vector<Piece> pieces_;  ///< None: the default in UTC.
};

}  // namespace holdfast::access_log
