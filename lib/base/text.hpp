// Small helpers for the text of protocols: ASCII only, no locale, no allocation.
//
// Pure functions; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <string_view>

namespace holdfast::base {

[[nodiscard]] constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline void make_lower(char* text, std::size_t size) noexcept {
  for (std::size_t i = 0; i < size; ++i) text[i] = to_lower(text[i]);
}

[[nodiscard]] constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, [](char x, char y) { return to_lower(x) == to_lower(y); });
}

/// Without spaces and tabs at either end (RFC 9110 5.6.3, OWS).
[[nodiscard]] constexpr std::string_view trim(std::string_view s) noexcept {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

/// Calls `visit` with each member of a comma-separated list that is not empty (RFC 9110 5.6.1).
template <class F>
constexpr void for_each_member(std::string_view list, F&& visit) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (const std::string_view member = trim(list.substr(0, comma)); !member.empty()) visit(member);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

/// A number as text, on the stack.
class Decimal {
 public:
  template <class Number>
  explicit Decimal(Number number) noexcept {
    const char* end = std::to_chars(text_.data(), text_.data() + text_.size(), number).ptr;
    size_ = static_cast<std::size_t>(end - text_.data());
  }
  [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size_}; }

 private:
  std::array<char, 24> text_;
  std::size_t size_ = 0;
};

}  // namespace holdfast::base
