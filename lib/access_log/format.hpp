// A format string or JSON template, compiled once into a flat list of steps that a Renderer
// (renderer.hpp) follows for each request.
//
// Owner: shared by the Logs of all workers, constant after compile(). Thread: any.
// Envoy 1.40's grammar and output (command operators %NAME(arguments):length%, "%%" for a percent
// sign). An operator that we don't have is refused by name: nothing is printed as "-" for want of
// an implementation.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "access_log/operator.hpp"
#include "access_log/record.hpp"
#include "config/config.hpp"

namespace holdfast::access_log {

/// Envoy's line for an access log without a format.
inline constexpr std::string_view kDefaultFormat =
    "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" "
    "%RESPONSE_CODE% "
    "%RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% "
    "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" "
    "\"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n";

/// How an operator's value is written.
enum class Style : std::uint8_t {
  plain,    ///< As it is; absent is "-".
  typed,    ///< All of a JSON value: a number, a string, or null.
  in_text,  ///< Part of a JSON string; absent is "-".
};

/// Text that is always the same, and then a value.
struct Step {
  std::uint32_t literal_size = 0;
  Operator::Kind kind = Operator::Kind::literal;  ///< Of the operator; none here is a literal.
  Style style = Style::plain;
  std::uint16_t time = 0;  ///< start_time: which of the format's.
  const Operator* op = nullptr;
};

class Format {
 public:
  Format(const Format&) = delete;
  Format& operator=(const Format&) = delete;

  [[nodiscard]] const std::vector<Step>& steps() const noexcept { return steps_; }
  /// All steps' literals, one behind the other, then the one behind the last value, and kPadding
  /// bytes.
  [[nodiscard]] const char* literals() const noexcept { return literals_.data(); }
  [[nodiscard]] std::size_t last_literal_size() const noexcept { return last_literal_size_; }
  /// Upper bound for a line without what is text in the record, and without times.
  [[nodiscard]] std::size_t fixed_size() const noexcept { return fixed_size_; }
  [[nodiscard]] std::size_t times() const noexcept { return times_; }
  /// A line shows Record::downstream_remote_address, which takes a look at x-forwarded-for.
  [[nodiscard]] bool shows_client() const noexcept { return shows_client_; }

 private:
  friend class FormatBuilder;
  Format() = default;

  std::vector<std::unique_ptr<const Operator>> operators_;
  std::vector<Step> steps_;
  std::string literals_;
  std::size_t last_literal_size_ = 0;
  std::size_t fixed_size_ = 0;
  std::size_t times_ = 0;
  bool shows_client_ = false;
};

/// Takes a line's pieces in their order.
class FormatBuilder {
 public:
  FormatBuilder() : format_(new Format) {}
  void literal(std::string_view text);
  /// REQUIRES: no literal.
  void value(Style style, Operator op);
  [[nodiscard]] std::shared_ptr<const Format> finish() &&;

 private:
  std::unique_ptr<Format> format_;
};

struct CompileResult {
  std::shared_ptr<const Format> format;  ///< Null exactly when there is an error.
  std::string error;                     ///< E.g. `unknown operator "%FOO%" at position 12`.
};
/// A text format ends as written; a JSON object is followed by a line feed.
[[nodiscard]] CompileResult compile(const config::AccessLog& log);

}  // namespace holdfast::access_log
