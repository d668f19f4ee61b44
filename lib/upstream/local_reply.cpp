#include "upstream/local_reply.hpp"

#include "base/text.hpp"

namespace holdfast::upstream {

using http::HeaderId;

FailureReply failure_reply(ResetReason reason) noexcept {
  switch (reason) {
    case ResetReason::no_healthy_upstream:
      return {503, "no healthy upstream", "no_healthy_upstream"};
    case ResetReason::connection_failure:
      return {503,
              "upstream connect error or disconnect/reset before headers. reset reason: remote "
              "connection failure",
              "upstream_reset_before_response_started{remote_connection_failure}"};
    case ResetReason::connection_timeout:
      return {503,
              "upstream connect error or disconnect/reset before headers. reset reason: connection "
              "timeout",
              "upstream_reset_before_response_started{connection_timeout}"};
    case ResetReason::protocol_error:
      return {502,
              "upstream connect error or disconnect/reset before headers. reset reason: protocol "
              "error",
              "upstream_reset_before_response_started{protocol_error}"};
    case ResetReason::overflow:
      return {503,
              "upstream connect error or disconnect/reset before headers. reset reason: overflow",
              "upstream_reset_before_response_started{overflow}"};
    case ResetReason::connection_termination:
      break;
  }
  return {503,
          "upstream connect error or disconnect/reset before headers. reset reason: connection "
          "termination",
          "upstream_reset_before_response_started{connection_termination}"};
}

void add_service_time(http::Head& response, net::Clock::duration elapsed) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count();
  response.set(HeaderId::x_envoy_upstream_service_time, base::Decimal(ms).view());
}

void add_local_body(http::Head& response, std::string_view body) {
  if (body.empty()) return;
  response.add(HeaderId::content_length, base::Decimal(body.size()).view());
  if (response.find(HeaderId::content_type) == nullptr) {
    response.add(HeaderId::content_type, "text/plain");
  }
}

}  // namespace holdfast::upstream
