// envoy_names: what Envoy 1.40 has, by name: the fields of each message we touch, and the types of
// its extensions.
//
// Constant tables; any thread. They let a diagnostic tell a field that Envoy has and Holdfast does
// not implement from a mistyped one. The names were read from the protobuf descriptors inside
// Envoy 1.40.0.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace holdfast::config {

struct EnvoyField {
  std::string_view name;
  std::string_view oneof;  ///< Empty = none.
};

/// All of Envoy's fields of a message ("envoy.config.cluster.v3.Cluster"); empty for a message that
/// is not Envoy's.
[[nodiscard]] const std::vector<EnvoyField>& envoy_fields(std::string_view message);

/// Whether Envoy has an extension (filter, access logger, ...) with this configuration message.
[[nodiscard]] bool is_envoy_extension(std::string_view message);

}  // namespace holdfast::config
