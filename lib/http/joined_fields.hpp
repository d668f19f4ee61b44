// Fields of which Envoy keeps one line, and what adding to a head means for them.
//
// Pure. Source: Envoy 1.40, observed (a second value is joined to the first with a comma).
#pragma once

#include <string_view>

#include "http/head.hpp"

namespace holdfast::http {

/// `name` is in lower case.
[[nodiscard]] bool is_joined(std::string_view name) noexcept;

/// Joined to what is there, or a field more. REQUIRES: as Head::add().
void append_field(Head& head, std::string_view name, std::string_view value);

}  // namespace holdfast::http
