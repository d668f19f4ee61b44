// START_TIME's format: strftime's conversions and Envoy's for fractions of a second, compiled once;
// and the text that it gave last.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::access_log {

/// The text of one second, with gaps for the fraction, which is all that changes within it.
///
/// Owner: a Renderer, one for each time of its format. Thread: the owner's.
class TimeText {
 public:
  /// What TimeFormat::put() needs.
  [[nodiscard]] std::size_t room() const noexcept { return room_; }

 private:
  friend class TimeFormat;

  struct Part {
    std::size_t size = 0;  ///< Of text_.
    int digits = 0;        ///< Of the fraction behind it; kAllDigits = as many as it takes.
    bool point = false;    ///< Before the fraction, if it has a digit.
  };
  std::int64_t start_ = std::numeric_limits<std::int64_t>::min();  ///< Nanoseconds. Min: never.
  std::string text_;  ///< And some more, see put_padded().
  std::vector<Part> parts_;
  std::size_t room_ = 0;
  std::string scratch_;
};

/// Owner: the operator it belongs to; constant after construction. Thread: any.
class TimeFormat {
 public:
  using Time = std::chrono::system_clock::time_point;
  enum class Zone : std::uint8_t { utc, local };

  /// An empty pattern is Envoy's default: 2026-11-23T21:11:07.497Z, or with the offset (+0000) for
  /// local time.
  TimeFormat(std::string_view pattern, Zone zone);

  /// Make `text` that of this time's second, if it isn't. With `json` it is escaped.
  void prepare(Time time, bool json, TimeText& text) const {
    if (since(text.start_, time) >= kSecond) refresh(time, json, text);
  }
  /// Write the time at `to`, which has room() bytes; returns the end. REQUIRES: `text` is prepared
  /// for it.
  [[nodiscard]] static char* put(char* to, Time time, const TimeText& text) noexcept;

 private:
  struct Piece {
    enum class Kind : std::uint8_t { literal, calendar, epoch, fraction };
    Kind kind;
    std::string text;    ///< literal: itself; calendar: one conversion for strftime
    int digits = 0;      ///< fraction: how many; kAllDigits = as many as it takes
    bool point = false;  ///< fraction: with a '.' before it if it has any digit
  };
  static constexpr int kAllDigits = -1;
  static constexpr std::uint64_t kSecond = 1'000'000'000;

  [[nodiscard]] static std::int64_t nanoseconds(Time time) noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  }
  /// Very large if it is before.
  [[nodiscard]] static std::uint64_t since(std::int64_t start, Time time) noexcept {
    return static_cast<std::uint64_t>(nanoseconds(time)) - static_cast<std::uint64_t>(start);
  }
  void add_literal(std::string_view text);
  /// The conversion behind a '%' at the front of `rest`; returns its length.
  std::size_t add_conversion(std::string_view rest);
  [[gnu::cold]] void refresh(Time time, bool json, TimeText& text) const;

  // Constant after construction.
  Zone zone_;
  std::vector<Piece> pieces_;
};

}  // namespace holdfast::access_log
