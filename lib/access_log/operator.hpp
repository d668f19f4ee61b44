// The command operators, parsed from "%NAME(argument):length%".
//
// Owner: the compiled format; constant after parsing. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access_log/record.hpp"
#include "access_log/time_format.hpp"
#include "http/header_id.hpp"

namespace holdfast::access_log {

/// REQ, RESP or TRAILER: a field, or what HTTP/2 writes as a pseudo-header.
struct HeaderSource {
  enum class Kind : std::uint8_t { none, field, view, status };
  Kind kind = Kind::none;
  http::HeaderId id = http::HeaderId::other;  ///< field
  std::string_view Record::*view = nullptr;   ///< view: a request's pseudo-header
  std::string name;                           ///< field: lower case
};

struct Operator {
  enum class Kind : std::uint8_t {
    literal,  ///< `text` as it stands
    absent,   ///< What can't exist here: a TLS server name, virtual clusters.
    start_time,
    request_header,
    response_header,
    response_trailer,
    pseudo_header,         ///< The text of `view`, which may be empty.
    view,                  ///< Any text of the record; an empty one is absent.
    address_without_port,  ///< Of `view`, as `port`.
    port,
    counter,
    elapsed,
    duration,
    response_code,
    upstream_attempts,
    upstream_protocol,
    response_flags,
    response_flags_long,
  };
  Kind kind = Kind::literal;
  std::string text;                                 ///< literal
  HeaderSource header;                              ///< *_header
  HeaderSource alternative;                         ///< *_header: if that is absent
  std::size_t max_length = std::string_view::npos;  ///< *_header
  std::string_view Record::*view = nullptr;         ///< pseudo_header, view, address_*, port
  std::uint64_t Record::*counter = nullptr;         ///< counter
  std::optional<Record::Duration> Record::*elapsed = nullptr;  ///< elapsed
  std::optional<TimeFormat> time;                              ///< start_time
};

struct ParseResult {
  std::vector<Operator> operators;
  std::string error;  ///< Empty if all is well.
};
/// Literals between operators, "%%" resolved; neighbouring literals are one.
[[nodiscard]] ParseResult parse_operators(std::string_view format);

}  // namespace holdfast::access_log
