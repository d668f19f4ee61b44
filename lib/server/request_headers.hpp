// What the connection manager does to a request's header fields before they are routed and
// forwarded.
//
// Pure functions of heads and configuration (RFC 9110 7.6.1, Envoy's
// ConnectionManagerUtility::mutateRequestHeaders). Called once per request, on its worker.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "http/head.hpp"
#include "server/request_id.hpp"

namespace holdfast::server {

enum class HopByHop : std::uint8_t {
  removed,
  upgrade,           ///< The client wants another protocol, which we don't speak: they stay.
  host_nominated,    ///< "Connection: host": 400 without a body.
  proxy_nominated,   ///< Connection names a forwarding field: 400 "Bad Request".
  too_many_options,  ///< Connection has ten options or more: the same.
};

/// Remove the fields that concern this connection alone; `te` keeps "trailers".
[[nodiscard]] HopByHop strip_hop_by_hop(http::Head& request) noexcept;

struct ForwardingContext {
  std::string_view peer;  ///< The client's IP, without port.
  std::string_view
      xff_append;  ///< What to add for it: `peer`, or this machine's address for a loopback client.
};

/// x-forwarded-*, x-envoy-*, via, x-request-id.
void add_forwarding_headers(http::Head& request, const config::HttpConnectionManager& config,
                            const ForwardingContext& context, RequestIds& ids);

/// Before it goes upstream: "content-length: 0" where the method expects a body and none is
/// announced (as Envoy), so that no next hop waits for one.
void frame_request(http::Head& request, bool chunked);

/// The client's address as the access log shows it (%DOWNSTREAM_REMOTE_ADDRESS%): empty = the
/// peer's own.
[[nodiscard]] std::string_view trusted_client_address(const http::Head& request,
                                                      const config::HttpConnectionManager& config);

/// First IPv4 (else IPv6) address of this machine that is not loopback; "127.0.0.1" if there is
/// none.
[[nodiscard]] std::string local_interface_address();

}  // namespace holdfast::server
