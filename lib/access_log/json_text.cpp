#include "access_log/json_text.hpp"

namespace holdfast::access_log {

namespace {

bool is_plain(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u >= 0x20 && u < 0x80 && c != '"' && c != '\\';
}

char* put_hex(char* to, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto u = static_cast<unsigned char>(c);
  to += std::string_view("\\u00").copy(to, 4);
  *to++ = kHex[u >> 4U];
  *to++ = kHex[u & 15U];
  return to;
}

/// Length of the UTF-8 sequence at the front of `s`, or 0 (RFC 3629: no overlong forms, no
/// surrogates).
std::size_t sequence_length(std::string_view s) {
  const auto byte = [s](std::size_t i) -> unsigned {
    return i < s.size() ? static_cast<unsigned char>(s[i]) : 0U;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  std::size_t length = 0;
  unsigned low = 0x80;
  unsigned high = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
  } else {
    return 0;
  }
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  }
  return length;
}

bool is_utf8(std::string_view s) {
  while (!s.empty()) {
    const std::size_t length = sequence_length(s);
    if (length == 0) return false;
    s.remove_prefix(length);
  }
  return true;
}

char* put_escaped(char* to, char c) {
  constexpr std::string_view kSpecial = "\"\\\b\f\n\r\t";
  constexpr std::string_view kLetters = "\"\\bfnrt";
  const std::size_t at = kSpecial.find(c);
  if (at == std::string_view::npos) return put_hex(to, c);
  *to++ = '\\';
  *to++ = kLetters[at];
  return to;
}

}  // namespace

char* put_json_text(char* to, std::string_view text) noexcept {
  const bool utf8 = is_utf8(text);
  for (const char c : text) {
    if (is_plain(c) || (utf8 && static_cast<unsigned char>(c) >= 0x80)) {
      *to++ = c;
    } else {
      to = utf8 ? put_escaped(to, c) : put_hex(to, c);
    }
  }
  return to;
}

void append_json_text(std::string& out, std::string_view text) {
  const std::size_t start = out.size();
  out.resize(start + kMaxEscape * text.size());
  const char* const end = put_json_text(out.data() + start, text);
  out.resize(static_cast<std::size_t>(end - out.data()));
}

}  // namespace holdfast::access_log
