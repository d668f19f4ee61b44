// What stands in for a response that an upstream did not give: status, text and details, as Envoy's
// router makes them for clients and for its own side requests.
//
// Pure functions of heads; any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/head.hpp"
#include "net/timer_wheel.hpp"
#include "upstream/response_sink.hpp"

namespace holdfast::upstream {

struct FailureReply {
  std::uint16_t status;
  std::string_view body;
  std::string_view details;  ///< %RESPONSE_CODE_DETAILS%
};
[[nodiscard]] FailureReply failure_reply(ResetReason reason) noexcept;
/// Its time was up before the response began.
inline constexpr FailureReply kTimeoutReply{504, "upstream request timeout", "response_timeout"};

/// Content-Length and Content-Type of a local reply's body; nothing for an empty one.
void add_local_body(http::Head& response, std::string_view body);

/// `x-envoy-upstream-service-time`, in milliseconds.
void add_service_time(http::Head& response, net::Clock::duration elapsed);

}  // namespace holdfast::upstream
