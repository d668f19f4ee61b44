// convert: one scalar of the file to the type its field wants, by protobuf's JSON mapping as
// Envoy 1.40 applies it.
//
// Pure functions, any thread. Strings serve as numbers ("80", "80.0", "0x50", "1e3") and booleans
// ("yes", "1"), a number never as a string. Durations are "0.25s" only. Bytes are base64, standard
// or URL alphabet.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "config/context.hpp"

namespace holdfast::config {

/// Nullopt after an error was reported. `message` is the name of the message that has the field.
[[nodiscard]] std::optional<Scalar> convert_scalar(const Field& field, std::string_view message,
                                                   const Value& value, Context& context);

/// `"0.25s"`; nullopt when malformed or out of protobuf's range.
[[nodiscard]] std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// "an integer from 0 to 65535": what the field wants, for messages and the reference page.
[[nodiscard]] std::string describe(const Field& field);

/// The enumerator that a scalar names, in any case or by number.
[[nodiscard]] const EnumValue* find_enum(const EnumTable& table, const Value& value);

}  // namespace holdfast::config
