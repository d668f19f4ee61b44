// What a finished request offers to the access log: views and numbers, no copies.
//
// Owner: made on the stack by the exchange when it ends, and read by Log::write() before that
// returns. Thread: the worker's. A view whose data() is null stands for "absent" and is printed as
// "-"; an empty one as nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/head.hpp"
#include "http/trailers.hpp"

namespace holdfast::access_log {

/// Envoy's response flags, in the order in which it prints them.
enum class Flag : std::uint8_t {
  failed_local_health_check,        ///< LH
  no_healthy_upstream,              ///< UH
  upstream_request_timeout,         ///< UT
  local_reset,                      ///< LR
  upstream_remote_reset,            ///< UR
  upstream_connection_failure,      ///< UF
  upstream_connection_termination,  ///< UC
  upstream_overflow,                ///< UO
  no_route_found,                   ///< NR
  delay_injected,                   ///< DI
  fault_injected,                   ///< FI
  rate_limited,                     ///< RL
  unauthorized_external_service,    ///< UAEX
  rate_limit_service_error,         ///< RLSE
  downstream_termination,           ///< DC
  upstream_retry_limit_exceeded,    ///< URX
  stream_idle_timeout,              ///< SI
  invalid_envoy_request_headers,    ///< IH
  downstream_protocol_error,        ///< DPE
  upstream_max_stream_duration,     ///< UMSDR
  response_from_cache_filter,       ///< RFCF
  no_filter_config_found,           ///< NFCF
  duration_timeout,                 ///< DT
  upstream_protocol_error,          ///< UPE
  no_cluster_found,                 ///< NC
  overload_manager,                 ///< OM
  dns_resolution_failed,            ///< DF
  drop_overload,                    ///< DO
  downstream_remote_reset,          ///< DR
  unconditional_drop_overload,      ///< UDO
  none,                             ///< Not a flag: nothing to say.
};

class Flags {
 public:
  void set(Flag flag) noexcept { bits_ |= bit(flag); }
  [[nodiscard]] bool test(Flag flag) const noexcept { return (bits_ & bit(flag)) != 0; }
  [[nodiscard]] bool empty() const noexcept { return bits_ == 0; }
  /// Bit n is the n-th Flag, which is Envoy's CoreResponseFlag n.
  [[nodiscard]] std::uint32_t bits() const noexcept { return bits_; }

 private:
  static constexpr std::uint32_t bit(Flag flag) noexcept {
    return flag == Flag::none ? 0 : std::uint32_t{1} << static_cast<unsigned>(flag);
  }
  std::uint32_t bits_ = 0;
};

struct Record {
  using Duration = std::chrono::nanoseconds;

  // Not an aggregate: the compiler would clear it all before it sets each member.
  Record() noexcept {}  // NOLINT(modernize-use-equals-default)

  const http::Head* request = nullptr;                ///< Null: no head could be read.
  const http::Head* response = nullptr;               ///< Null: none was sent.
  const http::Trailers* response_trailers = nullptr;  ///< Null: none was sent.
  // :method, :path, :authority and :scheme, as the request stands when it leaves or is answered.
  std::string_view method;
  std::string_view path;
  std::string_view authority;  ///< Also what REQ(HOST) shows.
  std::string_view scheme;
  std::string_view protocol;  ///< "HTTP/1.1" or "HTTP/1.0"

  std::chrono::system_clock::time_point start;  ///< First byte of the request's head.
  Duration duration{0};                         ///< From start to the end of it all.
  std::optional<Duration> request_duration;     ///< From start to the last byte of the request.
  std::optional<Duration> request_tx_duration;  ///< From start to the last byte sent upstream.
  std::optional<Duration> response_duration;  ///< From start to the upstream response's first byte.
  /// From the upstream response's first byte to the last byte sent downstream.
  std::optional<Duration> response_tx_duration;

  std::uint16_t status = 0;  ///< 0: no response was sent.
  Flags flags;
  std::string_view details;          ///< Envoy's response code details, e.g. "via_upstream".
  std::uint64_t bytes_received = 0;  ///< Body.
  std::uint64_t bytes_sent = 0;      ///< Body.
  std::uint64_t connection_id = 0;
  std::uint32_t upstream_attempts = 0;

  // Addresses as "1.2.3.4:80" or "[::1]:80".
  std::string_view
      downstream_remote_address;  ///< Envoy's idea of the client: trusted x-forwarded-for counts.
                                  ///< See Format::shows_client().
  std::string_view downstream_direct_remote_address;  ///< The peer of the socket.
  std::string_view downstream_local_address;
  std::string_view upstream_host;
  std::string_view upstream_local_address;
  std::string_view upstream_cluster;
  std::string_view route_name;
  std::string_view listener_name;
};

/// "UH", or with `long_names` "NoHealthyUpstream"; several joined by commas; "-" for none. The text
/// lies in `scratch`, which holds all names at once.
inline constexpr std::size_t kFlagsText = 1024;
[[nodiscard]] std::string_view flags_text(Flags flags, bool long_names, char* scratch) noexcept;

}  // namespace holdfast::access_log
