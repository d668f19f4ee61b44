// The header names that Holdfast itself looks at, so that a lookup in a Head is an array access.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdfast::http {

enum class HeaderId : std::uint8_t {
  other = 0,
  connection,
  content_length,
  content_type,
  date,
  expect,
  host,
  keep_alive,
  proxy_connection,
  server,
  te,
  trailer,
  transfer_encoding,
  upgrade,
  user_agent,
  via,
  x_envoy_expected_rq_timeout_ms,
  x_envoy_external_address,
  x_envoy_internal,
  x_envoy_original_path,
  x_envoy_upstream_service_time,
  x_forwarded_for,
  x_forwarded_host,
  x_forwarded_proto,
  x_request_id,
  count_,
};

inline constexpr std::size_t kHeaderIds = static_cast<std::size_t>(HeaderId::count_);

/// The id of a name in any case; HeaderId::other when it is none of the above.
/// REQUIRES: `name` is a token (RFC 9110 5.6.2).
[[nodiscard]] HeaderId header_id(std::string_view name) noexcept;
[[nodiscard]] std::string_view header_name(HeaderId id) noexcept;

/// "name: ", as a line begins; room for 32 bytes may be copied from its start.
inline constexpr std::size_t kLineStart = 32;
[[nodiscard]] std::string_view header_line_start(HeaderId id) noexcept;

}  // namespace holdfast::http
