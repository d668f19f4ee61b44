#include "http/referer.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace holdfast::http {
namespace {

constexpr std::uint32_t kHighestPort = 65535;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'z';
}
bool is_visible(char c) {
  return c > ' ' && c < 0x7f;
}

/// RFC 3986 3.1
bool is_scheme(std::string_view text) {
  return !text.empty() && is_letter(text.front()) && std::ranges::all_of(text, [](char c) {
    return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
}

/// Leading zeros don't matter.
bool is_port(std::string_view digits) {
  std::uint32_t port = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return false;
    port = port * 10 + static_cast<std::uint32_t>(c - '0');
    if (port > kHighestPort) return false;
  }
  return !digits.empty();
}

/// What may stand between brackets: an address of either kind, and a zone's number.
bool is_address(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  const std::size_t zone = text.find('%');
  if (zone != std::string_view::npos) {
    const std::string_view number = text.substr(zone + 1);
    if (number.empty() || !std::ranges::all_of(number, is_digit)) return false;
    text = text.substr(0, zone);
  }
  if (text.size() >= buffer.size()) return false;
  std::ranges::copy(text, buffer.begin());
  in6_addr address{};
  return ::inet_pton(AF_INET6, buffer.data(), &address) == 1 ||
         (zone == std::string_view::npos && ::inet_pton(AF_INET, buffer.data(), &address) == 1);
}

/// host [ ":" port ]; user information only if it is empty.
bool is_authority(std::string_view text) {
  if (text.starts_with('@')) text.remove_prefix(1);
  std::size_t end = 0;
  if (text.starts_with('[')) {
    end = text.find(']');
    if (end == std::string_view::npos || !is_address(text.substr(1, end - 1))) return false;
    ++end;
  } else {
    while (end < text.size() &&
           (is_letter(text[end]) || is_digit(text[end]) || text[end] == '.' || text[end] == '-')) {
      ++end;
    }
    if (end == 0) return false;
  }
  return end == text.size() || (text[end] == ':' && is_port(text.substr(end + 1)));
}

/// `rest` stands behind "scheme://". An empty fragment is none.
bool is_absolute(std::string_view rest) {
  const std::size_t path = std::min(rest.find_first_of("/?"), rest.size());
  if (!is_authority(rest.substr(0, path))) return false;
  rest.remove_prefix(path);
  const std::size_t fragment = std::min(rest.find('#'), rest.size());
  return rest.find_first_not_of('#', fragment) == std::string_view::npos &&
         std::ranges::all_of(rest, is_visible);
}

/// The characters of RFC 3986 3.4, and a colon only behind a slash: else it ends a scheme.
bool is_relative(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && colon < text.find('/')) return false;
  return std::ranges::all_of(text, [](char c) {
    return is_letter(c) || is_digit(c) ||
           std::string_view("-._~!$&'()*+,;=:@/?%").find(c) != std::string_view::npos;
  });
}

}  // namespace

bool is_valid_referer(std::string_view value) noexcept {
  const std::size_t mark = value.find("://");
  if (mark != std::string_view::npos && is_scheme(value.substr(0, mark))) {
    return is_absolute(value.substr(mark + 3));
  }
  return is_relative(value);
}

}  // namespace holdfast::http
