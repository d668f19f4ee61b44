#include "strict_reader.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace holdfast::fuzz {
namespace {

using Outcome = StrictReader::Outcome;

bool is_name(std::string_view name) {
  constexpr std::string_view kName = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";
  return !name.empty() && name.find_first_not_of(kName) == std::string_view::npos;
}

bool is_value(std::string_view value) {
  if (value.starts_with(' ') || value.starts_with('\t')) return false;
  if (value.ends_with(' ') || value.ends_with('\t')) return false;
  return std::ranges::none_of(value,
                              [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == 0x7f; });
}

/// A line into a field of good form.
bool split(std::string_view text, std::string_view& name, std::string_view& value) {
  const std::size_t colon = text.find(": ");
  if (colon == std::string_view::npos) return false;
  name = text.substr(0, colon);
  value = text.substr(colon + 2);
  return is_name(name) && is_value(value);
}

/// Canonical: no sign, no needless zero, at most 19 (or 15 hexadecimal) digits.
std::optional<std::size_t> number(std::string_view text, std::string_view digits) {
  const std::size_t most = digits.size() == 16 ? 15 : 19;
  if (text.empty() || text.size() > most || (text.size() > 1 && text[0] == '0'))
    return std::nullopt;
  std::size_t value = 0;
  for (const char c : text) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    value = value * digits.size() + digit;
  }
  return value;
}

bool is_target(std::string_view method, std::string_view target) {
  if (target.empty()) return false;
  const auto visible = [](char c) { return c > ' ' && c < 0x7f && c != '#'; };
  if (!std::ranges::all_of(target, visible)) return false;
  if (method == "CONNECT") return target.find_first_of("/?@") == std::string_view::npos;
  return target[0] == '/' || (target == "*" && method == "OPTIONS");
}

/// What belongs to one hop alone, or frames a message in a way that we never do.
bool is_hop_field(std::string_view name, std::string_view value) {
  constexpr std::array<std::string_view, 3> kHop = {"keep-alive", "proxy-connection", "upgrade"};
  if (std::ranges::find(kHop, name) != kHop.end()) return true;
  return name == "transfer-encoding" && value != "chunked";
}

}  // namespace

std::size_t StrictMessage::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(fields, [&](const auto& field) { return field.first == name; }));
}

std::string_view StrictMessage::get(std::string_view name) const {
  const auto found =
      std::ranges::find_if(fields, [&](const auto& field) { return field.first == name; });
  return found == fields.end() ? std::string_view{} : std::string_view(found->second);
}

bool StrictReader::line(std::string_view& text) {
  const std::size_t end = rest_.find("\r\n");
  if (end == std::string_view::npos) return false;
  text = rest_.substr(0, end);
  rest_.remove_prefix(end + 2);
  return true;
}

Outcome StrictReader::head(std::string_view& start_line, StrictMessage& message) {
  if (rest_.empty()) return Outcome::end;
  if (!line(start_line)) return Outcome::broken;  // We write heads in one piece.
  for (std::string_view text; line(text);) {
    if (text.empty()) {
      if (message.count("transfer-encoding") + message.count("content-length") > 1)
        return Outcome::broken;
      return Outcome::message;
    }
    std::string_view name, value;
    if (!split(text, name, value) || is_hop_field(name, value)) return Outcome::broken;
    message.fields.emplace_back(name, value);
  }
  return Outcome::broken;
}

Outcome StrictReader::request(StrictMessage& message) {
  message = {};
  std::string_view start;
  if (const Outcome outcome = head(start, message); outcome != Outcome::message) return outcome;
  const std::size_t first = start.find(' ');
  const std::size_t last = start.rfind(' ');
  if (first == last || start.substr(last) != " HTTP/1.1") return Outcome::broken;
  message.method = start.substr(0, first);
  message.target = start.substr(first + 1, last - first - 1);
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (message.method.empty() || !std::ranges::all_of(message.method, upper)) return Outcome::broken;
  if (!is_target(message.method, message.target)) return Outcome::broken;
  if (message.count("host") != 1 || message.fields[0].first != "host") return Outcome::broken;
  message.host = message.fields[0].second;
  if (message.count("connection") != 0) return Outcome::broken;
  Framing framing = Framing::none;
  if (message.count("transfer-encoding") == 1) framing = Framing::chunked;
  if (message.count("content-length") == 1) framing = Framing::length;
  return body(framing, message);
}

Outcome StrictReader::response(std::string_view request_method, StrictMessage& message) {
  message = {};
  std::string_view start;
  if (const Outcome outcome = head(start, message); outcome != Outcome::message) return outcome;
  const bool old = start.starts_with("HTTP/1.0 ");
  if (!old && !start.starts_with("HTTP/1.1 ")) return Outcome::broken;
  const auto status = number(start.substr(9, 3), "0123456789");
  if (!status || *status < 100 || start.substr(12, 1) != " ") return Outcome::broken;
  message.status = static_cast<int>(*status);
  const std::string_view connection = message.get("connection");
  if (message.count("connection") > 1) return Outcome::broken;
  if (!connection.empty() && connection != "close" && !(old && connection == "keep-alive"))
    return Outcome::broken;

  const bool chunked = message.count("transfer-encoding") == 1;
  const bool length = message.count("content-length") == 1;
  if (old && chunked) return Outcome::broken;
  if ((*status < 200 || *status == 204) && (chunked || length)) return Outcome::broken;
  Framing framing = Framing::until_close;
  if (chunked) framing = Framing::chunked;
  if (length) framing = Framing::length;
  if (*status < 200 || *status == 204 || *status == 304 || request_method == "HEAD")
    framing = Framing::none;
  if (request_method == "CONNECT" && *status < 300) framing = Framing::none;
  if (framing == Framing::until_close && connection != "close") return Outcome::broken;
  return body(framing, message);
}

Outcome StrictReader::body(Framing framing, StrictMessage& message) {
  switch (framing) {
    case Framing::none:
      return Outcome::message;
    case Framing::chunked:
      return chunks(message);
    case Framing::until_close:
      message.until_close = true;
      message.body = std::exchange(rest_, {});
      return Outcome::message;
    case Framing::length:
      break;
  }
  const std::string_view text = message.get("content-length");
  const auto length = number(text, "0123456789");
  // 2^64-1 has 20 digits; a body of that length never ends.
  if (!length && text.size() != 20) return Outcome::broken;
  const bool whole = length && *length <= rest_.size();
  message.body = rest_.substr(0, whole ? *length : rest_.size());
  rest_.remove_prefix(message.body.size());
  return whole ? Outcome::message : Outcome::incomplete;
}

/// Up to the blank line that ends them.
Outcome StrictReader::trailers(StrictMessage& message) {
  for (std::string_view text; line(text);) {
    if (text.empty()) return Outcome::message;
    std::string_view name, value;
    if (!split(text, name, value)) return Outcome::broken;
    const bool framing = name == "content-length" || name == "transfer-encoding" || name == "host";
    if (framing) return Outcome::broken;
    message.trailers.emplace_back(name, value);
  }
  return Outcome::broken;
}

Outcome StrictReader::chunks(StrictMessage& message) {
  for (;;) {
    if (rest_.empty()) return Outcome::incomplete;
    std::string_view text;
    if (!line(text)) return Outcome::broken;
    const auto size = number(text, "0123456789abcdef");
    if (!size) return Outcome::broken;
    if (*size == 0) return trailers(message);
    if (rest_.size() < *size + 2) return Outcome::broken;  // We write chunks in one piece.
    message.body += rest_.substr(0, *size);
    if (rest_.substr(*size, 2) != "\r\n") return Outcome::broken;
    rest_.remove_prefix(*size + 2);
  }
}

}  // namespace holdfast::fuzz
