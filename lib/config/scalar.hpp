// scalar: what a plain YAML scalar is (null, boolean, number or string) - the rules of Envoy's own
// YAML loader.
//
// Pure functions, any thread. Envoy asks yaml-cpp for a boolean, then for an int64, and takes the
// rest as a string; protobuf's JSON mapping then turns strings into numbers where the field wants
// one. So do we, but for `010`, which is 8 to Envoy and 10 to YAML 1.2: it is refused.
#pragma once

#include <string>
#include <string_view>

#include "config/diagnostic.hpp"
#include "config/load.hpp"
#include "config/value.hpp"

namespace holdfast::config {

/// Fills kind and text of `value` from a plain (unquoted) scalar.
void type_plain_scalar(std::string_view text, Value& value, Diagnostics& diagnostics);

/// Replaces `${NAME}` and `${NAME:-default}`; `$${` stands for a literal `${`. The default serves
/// when the variable is undefined or empty, as in a shell. Errors go to `diagnostics` at
/// `location`.
[[nodiscard]] std::string expand_variables(std::string_view text, const Env& env, Location location,
                                           Diagnostics& diagnostics);

}  // namespace holdfast::config
