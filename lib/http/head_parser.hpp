// Bytes -> Head, for requests and responses: the reader checks the syntax and records offsets, a
// guard layer refuses what is ambiguous (RFC 9112 2-7, RFC 9110 5; docs/adr/0005 on what others let
// through, 0011 on the reader).
//
// Pure functions of bytes: no sockets, no state between calls. The caller keeps unfinished bytes
// and calls again with the grown buffer (`searched` avoids a second scan of the old part).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/head.hpp"

namespace holdfast::http {

/// How the body of a message is delimited (RFC 9112 6.3).
enum class Framing : std::uint8_t {
  none,            ///< No body follows.
  content_length,  ///< Exactly `content_length` bytes follow (may be 0).
  chunked,
  until_close,  ///< Responses only.
};

/// What a refused head means to the client (the answers are Envoy's) or, from upstream, a
/// protocol error.
enum class HeadError : std::uint8_t {
  none,
  bad_request,       ///< 400 "Bad Request", close, flag DPE
  missing_host,      ///< 400 empty body, close
  bad_path,          ///< 400 empty body, close ('#' in the target)
  upgrade_required,  ///< 426, close: HTTP/1.0 not accepted, or another version
  not_implemented,   ///< 501: unknown transfer coding
  too_large,         ///< 431: over max bytes
  too_many_fields,   ///< 431
};

struct HeadLimits {
  std::uint32_t max_bytes = 60 * 1024;
  std::uint32_t max_fields = 100;
  bool accept_http_10 = false;  ///< Requests only.
  /// Requests only: a Host may be "localhost:8080-canary" (is_marked_host()).
  bool accept_marked_host = false;
};

struct HeadResult {
  enum class State : std::uint8_t { need_more, complete, error } state = State::need_more;
  HeadError error = HeadError::none;
  std::size_t consumed = 0;  ///< complete: bytes of the head, with the blank line.
  Framing framing = Framing::none;
  std::uint64_t content_length = 0;
  bool keep_alive = true;        ///< What the message itself says: version and Connection options.
  bool expect_continue = false;  ///< Requests: "Expect: 100-continue" on HTTP/1.1.
  bool upgrade = false;          ///< "Connection: upgrade" with an Upgrade field.
  /// The version was readable: error replies for HTTP/1.0 clients are written as HTTP/1.0.
  bool is_http_10 = false;
};

/// Parse a request head at the start of `bytes`. On complete, `head` holds its own copy of the
/// head's bytes (indexed, names lower-cased), still with all fields; hop-by-hop fields are the
/// forwarder's business. Leading empty lines (at most one CRLF) are skipped (RFC 9112 2.2) and
/// counted in `consumed`.
[[nodiscard]] HeadResult parse_request_head(std::string_view bytes, const HeadLimits& limits,
                                            Head& head, std::size_t searched = 0);

/// The same for a response to a request with method `request_method` (HEAD and CONNECT change the
/// framing). 1xx heads come back complete with framing none.
[[nodiscard]] HeadResult parse_response_head(std::string_view bytes, const HeadLimits& limits,
                                             std::string_view request_method, Head& head,
                                             std::size_t searched = 0);

}  // namespace holdfast::http
