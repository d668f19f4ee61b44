// A format string or JSON template, compiled once into a list of steps, rendered for each request
// without allocation.
//
// Owner: shared by the Logs of all workers, constant after compile(). Thread: any.
// Envoy 1.40's grammar and output (command operators %NAME(arguments):length%, "%%" for a percent
// sign). An operator that we don't have is refused by name: nothing is printed as "-" for want of
// an implementation.
#pragma once

#include <memory>
#include <string>
#include <string_view>

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

class Format {
 public:
  virtual ~Format() = default;
  /// Append one line. A text format ends as written; a JSON object is followed by a line feed.
  virtual void append(const Record& record, std::string& out) const = 0;
};

struct CompileResult {
  std::shared_ptr<const Format> format;  ///< Null exactly when there is an error.
  std::string error;                     ///< E.g. `unknown operator "%FOO%" at position 12`.
};
[[nodiscard]] CompileResult compile(const config::AccessLog& log);

}  // namespace holdfast::access_log
