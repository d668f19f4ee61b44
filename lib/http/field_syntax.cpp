#include "http/field_syntax.hpp"

#include <algorithm>

#include "http/head_scan.hpp"

namespace holdfast::http {

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, is_token_char);
}

bool is_field_value(std::string_view text) noexcept {
  return std::ranges::all_of(text,
                             [](unsigned char c) { return (c >= 0x20 && c != 0x7f) || c == '\t'; });
}

}  // namespace holdfast::http
