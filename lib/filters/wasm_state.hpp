// What plugins have set on an exchange or on a connection: properties (proxy_set_property) and the
// filter state that steers others (the foreign function set_envoy_filter_state).
//
// Owner: the WasmWorker while the exchange or the TCP connection lives; of an HTTP connection its
// session. Thread: the worker's.
#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "filters/exchange.hpp"
#include "wasm/host.hpp"

namespace holdfast::filters {

class WasmState final : public ConnectionState {
 public:
  /// bad_argument: is read-only. internal_failure: too much.
  [[nodiscard]] wasm::Status set_property(std::string_view name, std::string_view value,
                                          bool read_only);
  /// Null: nothing of that name.
  [[nodiscard]] const std::string* property(std::string_view name) const noexcept;
  void set_steering(std::string_view name, std::string value);
  [[nodiscard]] const std::string* steering(std::string_view name) const noexcept;

 private:
  struct Entry {
    std::string value;
    bool read_only = false;
  };
  std::map<std::string, Entry, std::less<>> properties_;
  std::size_t bytes_ = 0;  ///< Names and values of the properties together.
  std::map<std::string, std::string, std::less<>> steering_;
};

/// The names that set_envoy_filter_state takes; the value as it can be read again. not_found: no
/// such name. bad_argument: no such value. internal_failure: too long.
[[nodiscard]] wasm::Status steering_value(std::string_view name, std::string_view value,
                                          std::string& kept);

inline constexpr std::string_view kClusterSteering = "envoy.tcp_proxy.cluster";
/// Milliseconds, as a decimal number.
inline constexpr std::string_view kIdleTimeoutSteering =
    "envoy.tcp_proxy.per_connection_idle_timeout_ms";

/// What can be read of what plugins have set: a property by its name, or below "filter_state".
/// `states`: the first that has it; null ones are passed over.
[[nodiscard]] wasm::Property own_property(std::string_view path,
                                          std::initializer_list<const WasmState*> states);

}  // namespace holdfast::filters
