// Header fields of responses: what comes off an upstream's, what goes onto every one, and what
// local replies say.
//
// Pure functions of heads and configuration; texts and order are Envoy's (docs/differences.md lists
// where not).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "access_log/record.hpp"
#include "config/config.hpp"
#include "http/head.hpp"
#include "http/head_parser.hpp"
#include "upstream/local_reply.hpp"
#include "upstream/response_sink.hpp"

namespace holdfast::server {

/// Remove the hop-by-hop fields of an upstream's response, and those that its Connection fields
/// name.
void strip_response(http::Head& response) noexcept;

using upstream::add_local_body;
using upstream::add_service_time;

/// Location of a direct response with a redirection status: the request's own URL, as Envoy.
void add_location(http::Head& response, const http::Head& request);

/// date, server, via and x-request-id, after the filters had their turn.
void finish_response_headers(http::Head& response, const http::Head& request,
                             const config::HttpConnectionManager& config, std::string_view date);

enum class Origin : std::uint8_t { upstream, local };

/// How a response's body is delimited on the client's side.
struct ClientFraming {
  bool chunked = false;
  bool until_close = false;
  bool close = false;       ///< The connection ends behind this response.
  bool says_empty = false;  ///< Nothing follows: "content-length: 0" on the wire only. As Envoy.
};
/// Of the client's request, what says how an answer is delimited.
struct ClientRequest {
  bool is_head = false;
  bool http_10 = false;
};
/// RFC 9112 6.3; order and cases as Envoy's codec. `framing` is the upstream's; a local reply has a
/// content-length if it has a body.
[[nodiscard]] ClientFraming frame_response(const http::Head& response, ClientRequest request,
                                           Origin origin, http::Framing framing) noexcept;
[[nodiscard]] inline ClientFraming frame_response(const http::Head& response,
                                                  const http::Head& request, Origin origin,
                                                  http::Framing framing) noexcept {
  const ClientRequest client{.is_head = request.method_id() == http::Method::head,
                             .http_10 = request.version == http::Version::http_1_0};
  return frame_response(response, client, origin, framing);
}

/// The last field of a response's head: connection.
void end_response_head(http::Head& response, const http::Head& request,
                       const ClientFraming& framing);

/// What a client is told instead of an upstream's response, and what the log says.
struct LocalReply {
  std::uint16_t status;
  std::string_view body;
  access_log::Flag flag;
  std::string_view details;
};
[[nodiscard]] LocalReply describe(upstream::ResetReason reason) noexcept;
/// The answer to a head that the parser refuses. REQUIRES: not HeadError::none.
[[nodiscard]] LocalReply describe(http::HeadError error) noexcept;

/// %RESPONSE_CODE_DETAILS% of a refused connection, with the system's reason as Envoy spells it.
[[nodiscard]] std::string connect_failure_details(int error);

}  // namespace holdfast::server
