// Fields of which Envoy keeps one line: their values are joined with a comma (RFC 9110 5.3).
//
// Pure. Source: Envoy 1.40, observed: its inline headers, which differ for requests and responses.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/head.hpp"

namespace holdfast::http {

/// `name` is in lower case, `head` one that it stands in or is to stand in.
[[nodiscard]] bool is_joined(const Head& head, std::string_view name) noexcept;

/// Of a name without an id, in any case: a bit of its own for each that is joined, and 0, or one of
/// these, for all others.
[[nodiscard]] std::uint64_t name_hint(std::string_view name) noexcept;

/// One value more. Envoy has no comma for what is empty.
void append_value(std::string& joined, std::string_view value);

/// Joined to what is there, or a field more. REQUIRES: as Head::add().
void append_field(Head& head, std::string_view name, std::string_view value);

/// Of a head that has been read: each such field becomes one, in the place of its first.
void join_fields(Head& head);

}  // namespace holdfast::http
