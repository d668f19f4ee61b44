// append_call_head(): from a plugin's pairs to the bytes of a request's head.
#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.hpp"
#include "http/field_syntax.hpp"
#include "upstream/http_call.hpp"

namespace holdfast::upstream {
namespace {

using base::equals_ignoring_case;

/// Fields by which a caller tells Envoy's router what to do: they go no further.
constexpr std::array<std::string_view, 11> kForTheRouter = {
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-stream-duration-ms",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-max-retries",
    "x-envoy-retry-on",
    "x-envoy-retry-grpc-on",
    "x-envoy-retriable-status-codes",
    "x-envoy-retriable-header-names",
    "x-envoy-hedge-on-per-try-timeout"};

bool is_for_the_router(std::string_view name) noexcept {
  return std::ranges::any_of(kForTheRouter,
                             [&](std::string_view own) { return equals_ignoring_case(name, own); });
}

bool is_host(std::string_view name) noexcept {
  return name == ":authority" || equals_ignoring_case(name, "host");
}

/// Stands in a start line without doubt.
bool is_target(std::string_view path) noexcept {
  return !path.empty() &&
         std::ranges::all_of(path, [](unsigned char c) { return c > 0x20 && c != 0x7f; });
}

/// RFC 9110 9.2.2, of the methods that it knows.
bool is_idempotent(std::string_view method) noexcept {
  constexpr std::array<std::string_view, 6> kIdempotent = {"GET",    "HEAD",    "PUT",
                                                           "DELETE", "OPTIONS", "TRACE"};
  return std::ranges::find(kIdempotent, method) != kIdempotent.end();
}

/// One that may have a body and has none says so, as Envoy's codec does.
bool says_empty(std::string_view method) noexcept {
  return method != "GET" && method != "HEAD" && method != "OPTIONS" && method != "TRACE";
}

struct StartLine {
  std::string_view method;
  std::string_view path;
  bool host = false;
};

/// The first pass: is all of it fit to be sent? False: no.
bool look_through(std::span<const HeaderPair> headers, StartLine& line,
                  std::chrono::milliseconds& timeout) noexcept {
  for (const auto& [name, value] : headers) {
    if (!http::is_field_value(value)) return false;
    if (is_host(name)) {
      line.host = true;
    } else if (name == ":method" || name == ":path") {
      std::string_view& slot = name == ":method" ? line.method : line.path;
      if (!slot.empty()) return false;
      slot = value;
    } else if (name.empty() || name[0] == ':') {
      continue;
    } else if (!http::is_token(name) || equals_ignoring_case(name, "transfer-encoding")) {
      return false;
    } else if (equals_ignoring_case(name, kForTheRouter[0])) {
      std::uint32_t ms = 0;
      const char* const end = value.data() + value.size();
      const auto read = std::from_chars(value.data(), end, ms);
      if (read.ec == std::errc{} && read.ptr == end) timeout = std::chrono::milliseconds(ms);
    }
  }
  return http::is_token(line.method) && line.method != "CONNECT" && is_target(line.path) &&
         line.host;
}

/// The second pass.
class Writer {
 public:
  Writer(std::string& out, std::size_t body_size, std::chrono::milliseconds timeout)
      : out_(out), length_(body_size), timeout_(timeout.count()) {}

  void start(const StartLine& line, std::span<const HeaderPair> headers) {
    out_.append(line.method).append(" ").append(line.path).append(" HTTP/1.1\r\nhost: ");
    bool first = true;
    for (const auto& [name, value] : headers) {
      if (!is_host(name)) continue;
      if (!first) out_ += ',';
      out_ += value;
      first = false;
    }
    out_ += "\r\n";
  }
  void field(std::string_view name, std::string_view value) {
    if (name.empty() || name[0] == ':' || is_host(name) || is_for_the_router(name)) return;
    // Those that the host sets keep the place where the plugin put them.
    if (equals_ignoring_case(name, "content-length")) return content_length();
    if (equals_ignoring_case(name, "x-envoy-internal")) return internal();
    if (timeout_ > 0 && equals_ignoring_case(name, "x-envoy-expected-rq-timeout-ms")) {
      return expected_timeout();
    }
    const std::size_t at = out_.size();
    out_ += name;
    base::make_lower(out_.data() + at, name.size());
    out_.append(": ").append(value).append("\r\n");
  }
  void finish(std::string_view method) {
    content_length();
    internal();
    if (timeout_ > 0) expected_timeout();
    if (length_.view() == "0" && says_empty(method)) line("content-length", "0");
    out_ += "\r\n";
  }

 private:
  void line(std::string_view name, std::string_view value) {
    out_.append(name).append(": ").append(value).append("\r\n");
  }
  void once(bool& done, std::string_view name, std::string_view value) {
    if (!done) line(name, value);
    done = true;
  }
  void content_length() {
    if (length_.view() != "0") once(wrote_length_, "content-length", length_.view());
  }
  void internal() { once(wrote_internal_, "x-envoy-internal", "true"); }
  void expected_timeout() {
    once(wrote_timeout_, "x-envoy-expected-rq-timeout-ms", base::Decimal(timeout_).view());
  }

  std::string& out_;
  const base::Decimal length_;
  const std::chrono::milliseconds::rep timeout_;
  bool wrote_length_ = false;
  bool wrote_internal_ = false;
  bool wrote_timeout_ = false;
};

}  // namespace

bool append_call_head(std::string& out, std::span<const HeaderPair> headers,
                      HttpCallRequest& request) {
  StartLine line;
  std::chrono::milliseconds timeout = request.timeout;
  if (!look_through(headers, line, timeout)) return false;
  const std::size_t begin = out.size();
  Writer writer(out, request.body.size(), timeout);
  writer.start(line, headers);
  for (const auto& [name, value] : headers) writer.field(name, value);
  writer.finish(line.method);
  request.head = std::string_view(out).substr(begin);
  request.method = line.method;
  request.timeout = timeout;
  request.repeatable = is_idempotent(line.method);
  return true;
}

}  // namespace holdfast::upstream
