// The dispatch filter: holds each response until N side requests have ended, well or badly, then
// adds a header.
//
// What the proxy-wasm plugin `multiple_dispatches` does in Envoy, natively, and without its wounds:
// a failed call is counted, never a crash; nothing is held longer than `max_hold`; calls end with
// their client. docs/filters.md tells the whole. Two spellings in the configuration: our own type,
// and Envoy's `envoy.filters.http.wasm` with the null runtime.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/context.hpp"
#include "filters/registry.hpp"

namespace holdfast::filters {

struct HeaderValue {
  std::string key;  ///< Lower case.
  std::string value;
};

struct DispatchConfig : config::FilterConfig {
  enum class OnFailure : std::uint8_t { count, mark, error };

  std::string cluster;
  std::uint32_t count = 0;
  std::string path = "/";
  std::string method = "GET";
  std::string authority;
  std::vector<HeaderValue> headers;
  config::Milliseconds timeout{50'000};
  std::string header_name = "total-dispatched";
  OnFailure on_failure = OnFailure::count;
  std::optional<config::Milliseconds> max_hold;  ///< Unset: the route's timeout.
  std::uint32_t max_in_flight = 0;               ///< Per worker; 0 = only the cluster's limits.
  std::uint32_t max_pipelined = 1;               ///< On one connection at once.
};

/// May be sent again when its connection has ended without an answer (RFC 9110 9.2.2).
[[nodiscard]] bool is_idempotent(std::string_view method) noexcept;

[[nodiscard]] FilterType dispatch_type();  ///< holdfast.filters.http.dispatch.v1.Dispatch
/// Envoy's spelling: what a Wasm message with envoy.wasm.runtime.null says. `where`: the plugin.
[[nodiscard]] config::ParsedHttpFilter dispatch_as_plugin(
    const config::LocatedString& code, const std::optional<config::LocatedString>& configuration,
    config::Location where, std::optional<config::Milliseconds> max_hold, config::Context& context);

}  // namespace holdfast::filters
