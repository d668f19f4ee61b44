// The guard layer's byte rules: where a head ends, and which targets and hosts we take (RFC 9112
// 2-3, RFC 3986 3.2).
//
// Pure functions, for this room and its tests; nobody else needs them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/head.hpp"

namespace holdfast::http {

/// The end of a head, found by its line feeds alone.
struct HeadScan {
  enum class State : std::uint8_t { incomplete, complete, broken } state = State::incomplete;
  std::size_t end = 0;  ///< complete: one past the blank line.
};

/// `bytes` starts with the start line; the first `searched` bytes were scanned before without a
/// finding. broken: a bare LF, an obs-fold (RFC 9112 5.2), white space or nothing where the start
/// line should be.
[[nodiscard]] HeadScan scan_head(std::string_view bytes, std::size_t searched) noexcept;

/// uri-host [ ":" port ] (RFC 9110 7.2), possibly empty: what a Host field may hold. Ports end at
/// 65535, IP literals are IPv6 addresses.
[[nodiscard]] bool is_valid_host(std::string_view host) noexcept;

/// A host with a port and a mark behind it, "localhost:8080-canary": what the Go SDK's routing
/// example makes of a Host field, and Envoy takes. The mark is letters, digits and '-'.
[[nodiscard]] bool is_marked_host(std::string_view host) noexcept;

/// What a request target says, split.
struct Target {
  enum class Form : std::uint8_t { bad, fragment, origin, absolute, authority, asterisk };
  Form form = Form::bad;
  std::string_view authority;  ///< absolute and authority form
  std::string_view path;       ///< absolute form: path and query; may be empty or start with '?'
};
/// bad: a '%' without two hex digits (RFC 3986 2.1), or a form that is not the method's.
/// REQUIRES: visible ASCII only, and not empty (the reader sees to that: RFC 3986 2 knows nothing
/// else, and what a later hop makes of other bytes is anyone's guess). Wider than its grammar: what
/// clients send unescaped and Envoy passes ('"<>\\^`{|}').
[[nodiscard]] Target split_target(Method method, std::string_view target) noexcept;

/// unknown: not one of those that Envoy 1.40's parser knows; it answers 400 to all others.
[[nodiscard]] Method method_of(std::string_view method) noexcept;

[[nodiscard]] bool is_token_char(char c) noexcept;

/// How far the token (RFC 9110 5.6.2) at the start of [p, end) goes.
struct Token {
  const char* end;
  bool has_capital;
};
[[nodiscard]] Token skip_token(const char* p, const char* end) noexcept;

/// #token, with empty members (RFC 9110 5.6.1.2 and 7.6.1): what a Connection field may hold.
[[nodiscard]] bool is_option_list(std::string_view value) noexcept;

/// 1*DIGIT without overflow, and nothing else (RFC 9112 6.2).
[[nodiscard]] bool parse_length(std::string_view digits, std::uint64_t& length) noexcept;

/// True if the comma-separated list `value` holds `token`, in any case.
[[nodiscard]] bool has_token(std::string_view value, std::string_view token) noexcept;

}  // namespace holdfast::http
