// The guard layer's byte rules: where a head ends, and which targets and hosts we take (RFC 9112
// 2-3, RFC 3986 3.2).
//
// Pure functions, used by head_parser.cpp and by its tests; nobody else needs them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

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

/// What a request target says, split.
struct Target {
  enum class Form : std::uint8_t { bad, fragment, origin, absolute, authority, asterisk };
  Form form = Form::bad;
  std::string_view authority;  ///< absolute and authority form
  std::string_view path;       ///< absolute form: path and query; may be empty or start with '?'
};
/// bad: not ASCII, a '%' without two hex digits (RFC 3986 2.1), or a form that is not the method's.
/// REQUIRES: no white space or control character in `target`, which is not empty (Beast's parser
/// sees to that).
[[nodiscard]] Target split_target(std::string_view method, std::string_view target) noexcept;

/// The methods that Envoy 1.40's parser knows; it answers 400 to all others.
[[nodiscard]] bool is_known_method(std::string_view method) noexcept;

[[nodiscard]] bool is_token_char(char c) noexcept;

/// 1*DIGIT without overflow, and nothing else (RFC 9112 6.2).
[[nodiscard]] bool parse_length(std::string_view digits, std::uint64_t& length) noexcept;

/// True if the comma-separated list `value` holds `token`, in any case.
[[nodiscard]] bool has_token(std::string_view value, std::string_view token) noexcept;

}  // namespace holdfast::http
