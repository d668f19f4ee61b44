#include "http/head_scan.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "base/text.hpp"
#include "http/byte_scan.hpp"

namespace holdfast::http {

namespace {

constexpr std::uint8_t kToken = 1;
constexpr std::uint8_t kHost = 2;
constexpr std::uint8_t kHex = 4;
constexpr std::uint8_t kCapital = 8;
constexpr std::uint64_t kMaxPort = 65535;

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> table{};
  const auto mark = [&table](std::string_view chars, std::uint8_t bits) {
    for (const char c : chars) table[static_cast<unsigned char>(c)] |= bits;
  };
  for (int c = 0; c < 128; ++c) {
    const bool digit = c >= '0' && c <= '9';
    const bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool hex = digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (digit || alpha) table[static_cast<std::size_t>(c)] |= kToken | kHost;
    if (c >= 'A' && c <= 'Z') table[static_cast<std::size_t>(c)] |= kCapital;
    if (hex) table[static_cast<std::size_t>(c)] |= kHex;
  }
  mark("!#$%&'*+-.^_`|~", kToken);  // RFC 9110 5.6.2
  mark("-._~!$&'()*+,;=", kHost);   // RFC 3986 3.2.2: unreserved and sub-delims
  return table;
}
constexpr std::array<std::uint8_t, 256> kClasses = make_classes();

bool has_class(char c, std::uint8_t bits) {
  return (kClasses[static_cast<unsigned char>(c)] & bits) != 0;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/// RFC 3986 2.1: "%" HEXDIG HEXDIG.
bool is_escape(std::string_view s, std::size_t at) {
  return s[at] == '%' && at + 2 < s.size() && has_class(s[at + 1], kHex) &&
         has_class(s[at + 2], kHex);
}

/// Where the reg-name (RFC 3986 3.2.2) at the start of `s` ends.
std::size_t reg_name_end(std::string_view s) {
  std::size_t i = 0;
  while (i < s.size()) {
    if (has_class(s[i], kHost)) {
      ++i;
    } else if (is_escape(s, i)) {
      i += 3;
    } else {
      break;
    }
  }
  return i;
}

/// A '%' that begins no escape is decoded differently by every reader.
bool has_bad_escape(std::string_view s) {
  for (std::size_t at = s.find('%'); at != std::string_view::npos; at = s.find('%', at + 3)) {
    if (!is_escape(s, at)) return true;
  }
  return false;
}

/// RFC 3986 3.2.2 IPv6address; zones (RFC 6874) and IPvFuture mean nothing to a peer.
bool is_ipv6(std::string_view s) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (s.size() >= text.size()) return false;
  std::copy(s.begin(), s.end(), text.begin());
  in6_addr address{};
  return ::inet_pton(AF_INET6, text.data(), &address) == 1;
}

/// RFC 3986 3.2.3: *DIGIT. Beyond 65535 it is no port (RFC 9293 3.1), and who keeps 16 bits of it
/// sees another one.
bool is_port(std::string_view s) {
  std::uint64_t port = 0;
  return s.empty() || (parse_length(s, port) && port <= kMaxPort);
}

Target split_absolute(std::string_view target) {
  std::string_view rest;
  if (target.size() > 7 && base::equals_ignoring_case(target.substr(0, 7), "http://")) {
    rest = target.substr(7);
  } else if (target.size() > 8 && base::equals_ignoring_case(target.substr(0, 8), "https://")) {
    rest = target.substr(8);
  } else {
    return {};
  }
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  Target split{Target::Form::absolute, rest.substr(0, end), rest.substr(end)};
  // User information fails here, too: its '@' is no host character (RFC 9110 4.2.4: treat as an
  // error).
  if (split.authority.empty() || !is_valid_host(split.authority) ||
      split.path.substr(0, 1) == "#") {
    return {};
  }
  if (split.path.find('#') != std::string_view::npos) split.form = Target::Form::fragment;
  return split;
}

}  // namespace

HeadScan scan_head(std::string_view bytes, std::size_t searched) noexcept {
  // One byte back: a line feed that was the last byte then has its follower now.
  std::size_t at = searched == 0 ? 0 : std::min(searched, bytes.size()) - 1;
  const char* const data = bytes.data();
  while (at < bytes.size()) {
    const void* found = std::memchr(data + at, '\n', bytes.size() - at);
    if (found == nullptr) return {};
    const auto lf = static_cast<std::size_t>(static_cast<const char*>(found) - data);
    if (lf < 2 || data[lf - 1] != '\r') return {HeadScan::State::broken, 0};
    if (data[lf - 2] == '\n') return {HeadScan::State::complete, lf + 1};
    at = lf + 1;
    if (at < bytes.size() && is_blank(data[at])) return {HeadScan::State::broken, 0};
  }
  return {};
}

bool is_valid_host(std::string_view host) noexcept {
  std::size_t end;
  if (!host.empty() && host.front() == '[') {
    end = host.find(']');
    if (end == std::string_view::npos || !is_ipv6(host.substr(1, end - 1))) return false;
    ++end;
  } else {
    end = reg_name_end(host);
    // RFC 9110 4.2.1: no host but a port is to be rejected; nothing at all says "no authority".
    if (end == 0) return host.empty();
  }
  if (end == host.size()) return true;
  return host[end] == ':' && is_port(host.substr(end + 1));
}

bool is_marked_host(std::string_view host) noexcept {
  const std::size_t colon = host.rfind(':');
  const std::size_t dash = colon == std::string_view::npos ? colon : host.find('-', colon);
  if (dash == std::string_view::npos || dash == colon + 1 || dash + 1 == host.size()) return false;
  const std::string_view mark = host.substr(dash + 1);
  return is_valid_host(host.substr(0, dash)) && is_port(host.substr(colon + 1, dash - colon - 1)) &&
         std::all_of(mark.begin(), mark.end(), [](char c) {
           return c == '-' || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
         });
}

Target split_target(Method method, std::string_view target) noexcept {
  if (has_bad_escape(target)) return {};
  if (method == Method::connect) {  // RFC 9112 3.2.3: host and port, always
    const std::size_t colon = target.rfind(':');
    const bool ok = colon != std::string_view::npos && colon + 1 < target.size() &&
                    is_valid_host(target) && target.back() != ']';
    if (!ok) return {};
    return {Target::Form::authority, target, {}};
  }
  if (target == "*") {
    return {method == Method::options ? Target::Form::asterisk : Target::Form::bad, {}, {}};
  }
  if (target.front() == '/') {
    const bool fragment = target.find('#') != std::string_view::npos;
    return {fragment ? Target::Form::fragment : Target::Form::origin, {}, target};
  }
  return split_absolute(target);
}

Method method_of(std::string_view method) noexcept {
  if (method == "GET") return Method::get;
  static constexpr std::array<std::pair<std::string_view, Method>, 8> kNamed = {{
      {"POST", Method::post},
      {"HEAD", Method::head},
      {"PUT", Method::put},
      {"DELETE", Method::delete_},
      {"OPTIONS", Method::options},
      {"CONNECT", Method::connect},
      {"TRACE", Method::trace},
      {"PATCH", Method::other},
  }};
  static constexpr std::array<std::string_view, 24> kOthers = {
      "ACL",      "BIND",       "CHECKOUT",   "COPY",   "LINK",   "LOCK",
      "MERGE",    "MKACTIVITY", "MKCALENDAR", "MKCOL",  "MOVE",   "NOTIFY",
      "PROPFIND", "PROPPATCH",  "PURGE",      "REBIND", "REPORT", "SEARCH",
      "SOURCE",   "SUBSCRIBE",  "UNBIND",     "UNLINK", "UNLOCK", "UNSUBSCRIBE"};
  for (const auto& [name, id] : kNamed) {
    if (name == method) return id;
  }
  return std::ranges::find(kOthers, method) != kOthers.end() ? Method::other : Method::unknown;
}

bool is_token_char(char c) noexcept {
  return has_class(c, kToken);
}

Token skip_token(const char* p, const char* end) noexcept {
  Token token{p, false};
  token.end = skip_name(p, end, token.has_capital);
  for (; token.end != end; ++token.end) {
    const std::uint8_t bits = kClasses[static_cast<unsigned char>(*token.end)];
    if ((bits & kToken) == 0) break;
    token.has_capital = token.has_capital || (bits & kCapital) != 0;
  }
  return token;
}

bool is_option_list(std::string_view value) noexcept {
  bool after_token = false;
  while (!value.empty()) {
    const char c = value.front();
    std::size_t used = 1;
    if (c == ',') {
      after_token = false;
    } else if (!is_blank(c)) {
      const char* const begin = value.data();
      used = static_cast<std::size_t>(skip_token(begin, begin + value.size()).end - begin);
      if (used == 0 || after_token) return false;
      after_token = true;
    }
    value.remove_prefix(used);
  }
  return true;
}

bool parse_length(std::string_view digits, std::uint64_t& length) noexcept {
  if (digits.empty()) return false;
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return false;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return false;
    value = value * 10 + digit;
  }
  length = value;
  return true;
}

bool has_token(std::string_view value, std::string_view token) noexcept {
  bool found = false;
  base::for_each_member(value, [&](std::string_view member) {
    found = found || base::equals_ignoring_case(member, token);
  });
  return found;
}

}  // namespace holdfast::http
