#include <string>

#include "config/text_tree.hpp"

namespace holdfast::config {
namespace {

/// Length of the UTF-8 sequence at `text` (RFC 3629: no overlong forms, no surrogates), 0 = none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto tail = [&](std::size_t i) { return byte(i) >= 0x80 && byte(i) <= 0xBF; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = first == 0xED ? 0x9F : 0xBF;
    return byte(1) >= low && byte(1) <= high && tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
    return byte(1) >= low && byte(1) <= high && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool check_text(std::string_view text, std::uint32_t input, Diagnostics& diagnostics) {
  if (text.size() > kMaxTextBytes) {
    diagnostics.error({0, 0, input}, "larger than " + std::to_string(kMaxTextBytes >> 20) + " MiB");
    return false;
  }
  Location here{1, 1, input};
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      diagnostics.error(here, "not UTF-8");
      return false;
    }
    const auto c = static_cast<unsigned char>(text[0]);
    // yaml-cpp takes 0x04 for the end of the file and would drop the rest without a word.
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F) {
      diagnostics.error(here, "control character " + std::to_string(c));
      return false;
    }
    if (c == '\n') {
      here = {here.line + 1, 1, input};
    } else {
      ++here.column;
    }
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace holdfast::config
