// What is known of an exchange beside its heads and bodies: numbers and views.
//
// Owner: made on the stack by Exchange::info(); views are valid until the hook that asked returns.
// Thread: the worker's. A text that is not known (yet) is empty, a duration that is not is absent.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::filters {

struct StreamInfo {
  using Duration = std::chrono::nanoseconds;

  std::uint64_t connection_id = 0;
  std::string_view downstream_remote_address;  ///< The peer of the socket, "1.2.3.4:80".
  std::string_view downstream_local_address;   ///< Likewise.
  std::string_view protocol;                   ///< "HTTP/1.1" or "HTTP/1.0"
  std::string_view listener_name;

  std::chrono::system_clock::time_point start;  ///< The request's head was whole.
  Duration duration{0};                         ///< Since then.
  std::optional<Duration> request_duration;     ///< From start to the request's last byte.
  /// From the choice of a host to the connection that the request goes to.
  std::optional<Duration> pool_ready_duration;
  /// From the request's first byte sent upstream to the first, and to the last, of the response.
  std::optional<Duration> upstream_first_byte;
  std::optional<Duration> backend_latency;

  std::uint64_t request_head_bytes = 0;   ///< As received.
  std::uint64_t request_body_bytes = 0;   ///< Received so far.
  std::uint64_t response_body_bytes = 0;  ///< Passed all response filters so far.

  std::string_view upstream_host;  ///< "ip:port"
  std::string_view upstream_local_address;
  std::string_view cluster_name;
  std::string_view cluster_metadata;  ///< JSON
  std::string_view route_name;
  std::string_view route_metadata;  ///< JSON
  std::string_view virtual_host_name;
  std::uint32_t attempts = 0;  ///< Connections that the request was, or is being, sent on.

  std::uint16_t response_code = 0;  ///< 0: there is no response yet.
  std::string_view response_details;
  /// The bit of response_flags that says: the client has left (DC).
  static constexpr std::uint64_t kDownstreamTermination = std::uint64_t{1} << 14U;
  std::uint64_t response_flags = 0;  ///< Envoy's CoreResponseFlag bits.
};

}  // namespace holdfast::filters
