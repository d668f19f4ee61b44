#include "admin/request.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cctype>

#include "base/text.hpp"

namespace holdfast::admin {

namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const int lower = std::tolower(static_cast<unsigned char>(c));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Escapes that are none stay as they are: a regex in `filter` often holds a bare '%' or '['.
std::string decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

Target Target::parse(std::string_view target) {
  Target result;
  target = target.substr(0, target.find('#'));
  const std::size_t mark = target.find('?');
  for (const char c : target.substr(0, mark)) {
    if (c != '/' || result.path.empty() || result.path.back() != '/') result.path += c;
  }
  if (mark == std::string_view::npos) return result;
  std::string_view query = target.substr(mark + 1);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    result.query.emplace_back(
        decode(pair.substr(0, equals)),
        equals == std::string_view::npos ? std::string() : decode(pair.substr(equals + 1)));
  }
  return result;
}

Sender sender_of(std::string_view origin, std::string_view host) {
  if (origin.empty()) return Sender::program;
  const std::size_t scheme = origin.find("://");
  const bool same = scheme != std::string_view::npos &&
                    base::equals_ignoring_case(origin.substr(scheme + 3), host);
  if (!same) return Sender::foreign_page;
  std::string_view name = host.substr(0, host.find(':'));
  if (!host.empty() && host.front() == '[') name = host.substr(1, host.find(']') - 1);
  boost::system::error_code no_address;
  boost::asio::ip::make_address(name, no_address);
  const bool fixed = !no_address || base::equals_ignoring_case(name, "localhost");
  return fixed ? Sender::own_page : Sender::foreign_page;
}

bool Target::has(std::string_view name) const {
  return get(name).has_value();
}

std::optional<std::string_view> Target::get(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

}  // namespace holdfast::admin
