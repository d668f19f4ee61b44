// A request's scheme.
//
// Pure; any thread. Source: Envoy 1.40, observed.
#pragma once

#include <string_view>

#include "base/text.hpp"
#include "http/head.hpp"

namespace holdfast::http {

/// What X-Forwarded-Proto says if that is http or https, else http. Empty: the request has no such
/// field (yet).
[[nodiscard]] inline std::string_view scheme_of(const Head& request) noexcept {
  const Field* field = request.find(HeaderId::x_forwarded_proto);
  if (field == nullptr) return {};
  const std::string_view said = request.value(*field);
  const bool known =
      base::equals_ignoring_case(said, "http") || base::equals_ignoring_case(said, "https");
  return known ? said : "http";
}

}  // namespace holdfast::http
