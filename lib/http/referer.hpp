// Which Referer fields are passed on.
//
// Pure; any thread. Source: Envoy 1.40, observed (Http::Utility::isValidRefererValue).
#pragma once

#include <string_view>

namespace holdfast::http {

/// An absolute URL with a host, without user information and fragment, or a relative reference, or
/// nothing. REQUIRES: no control characters but tabs.
[[nodiscard]] bool is_valid_referer(std::string_view value) noexcept;

}  // namespace holdfast::http
