// What a field's name and value may hold when it comes from elsewhere than a parsed message: a
// plugin, mostly.
//
// Pure functions; any thread.
#pragma once

#include <string_view>

namespace holdfast::http {

/// RFC 9110 5.6.2: one or more token characters.
[[nodiscard]] bool is_token(std::string_view text) noexcept;

/// RFC 9110 5.5: no control characters but tabs. As Envoy, which looks for no more.
[[nodiscard]] bool is_field_value(std::string_view text) noexcept;

}  // namespace holdfast::http
