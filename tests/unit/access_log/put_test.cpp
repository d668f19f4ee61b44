#include "access_log/put.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "catch.hpp"

namespace holdfast::access_log {
namespace {

bool is_special(unsigned byte) {
  return byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\';
}

/// Copies out of and into memory that ends with the text, so that AddressSanitizer sees a byte too
/// much.
struct Copied {
  bool plain;
  std::string text;
};
Copied copy(const std::string& text) {
  const std::vector<char> from(text.begin(), text.end());
  std::vector<char> to(text.size());
  const bool plain = copy_text(to.data(), {from.data(), from.size()});
  return {plain, {to.begin(), to.end()}};
}

TEST_CASE("a text of any length is copied whole", "[access_log]") {
  for (std::size_t size = 0; size < 100; ++size) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += static_cast<char>('a' + i % 26);
    const Copied copied = copy(text);
    INFO(size);
    CHECK(copied.plain);
    CHECK(copied.text == text);
  }
}

TEST_CASE("each byte that JSON escapes is seen, wherever it is, and no other", "[access_log]") {
  std::size_t wrong = 0;
  for (std::size_t size = 1; size < 52; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (unsigned byte = 0; byte < 256; ++byte) {
        std::string text(size, '~');
        text[at] = static_cast<char>(byte);
        const Copied copied = copy(text);
        if (copied.plain == is_special(byte) || (copied.plain && copied.text != text)) ++wrong;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("neighbours do not hide each other", "[access_log]") {
  std::size_t wrong = 0;
  for (unsigned one = 0; one < 256; ++one) {
    for (unsigned two = 0; two < 256; ++two) {
      const std::string pair = {static_cast<char>(one), static_cast<char>(two)};
      for (const std::size_t before : {0, 5, 17}) {
        const std::string text = std::string(before, ' ') + pair + "\x7f";
        if (copy(text).plain == (is_special(one) || is_special(two))) ++wrong;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("numbers are written as the standard library writes them", "[access_log]") {
  const auto text = [](std::uint64_t number) {
    std::array<char, kMaxDigits> digits;
    return std::string(digits.data(), put_number(digits.data(), number));
  };
  std::size_t wrong = 0;
  for (std::uint64_t number = 0; number < 20'000; ++number) {
    if (text(number) != std::to_string(number)) ++wrong;
  }
  for (std::uint64_t power = 1; power <= UINT64_MAX / 10; power *= 10) {
    for (const std::uint64_t number : {power - 1, power, power + 1, 9 * power}) {
      if (text(number) != std::to_string(number)) ++wrong;
    }
  }
  CHECK(wrong == 0);
  CHECK(text(UINT64_MAX) == "18446744073709551615");
}

TEST_CASE("a padded text is written in whole blocks", "[access_log]") {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string from = std::string(size, 'x') + std::string(kPadding, 'p');
    std::string to(size + kPadding, ' ');
    const char* const end = put_padded(to.data(), from.data(), size);
    CHECK(end == to.data() + size);
    CHECK(to.substr(0, size) == from.substr(0, size));
  }
}

}  // namespace
}  // namespace holdfast::access_log
