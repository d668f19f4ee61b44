// Head -> bytes for the next hop: lower-case names, original order, removed fields left out; byte
// for byte as Envoy.
//
// Pure: appends to a caller's buffer (the worker's recycled output buffer), never sends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/buffer.hpp"
#include "http/head.hpp"
#include "http/trailers.hpp"

namespace holdfast::http {

/// Append "METHOD target HTTP/1.1\r\n", then "host: ..." (Envoy writes it first, wherever it
/// stood), then each live field in order, "transfer-encoding: chunked" last if `chunked`, and the
/// blank line. A transfer-encoding field in the head is never written, and with `chunked` no
/// content-length either: `chunked` alone decides.
void append_request_head(base::Buffer& out, const Head& head, bool chunked);

/// Append "HTTP/1.x STATUS Reason\r\n" and then the same, without a place of honour for `host`;
/// `says_empty`: "content-length: 0" last, which is then not in the head.
void append_response_head(base::Buffer& out, const Head& head, Version version, bool chunked,
                          bool says_empty = false);

/// Ends a chunked message that has no trailers.
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

/// The last chunk, with the trailers if they are `enabled` and there; those are written to `room`.
[[nodiscard]] inline std::string_view end_of_chunks(const Trailers& trailers, bool enabled,
                                                    std::string& room) {
  if (!enabled || !trailers.present()) return kLastChunk;
  room = trailers.last_chunk();
  return room;
}

/// Hex chunk header "1f4\r\n" into `out`; returns its length (at most 18).
std::size_t chunk_header(std::uint64_t size, char* out) noexcept;

/// RFC 9110 5.6.7 IMF-fixdate of a UNIX time: 29 bytes into `out`.
void format_date(std::int64_t unix_seconds, char* out) noexcept;

}  // namespace holdfast::http
