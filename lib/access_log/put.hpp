// The pieces of a line, each written at a pointer; the result is the pointer behind it.
//
// Pure; the caller has made room. They are inline and know no terminator, no growth and no heap,
// since a line is made of two dozen of them.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace holdfast::access_log {

namespace detail {

using Block = signed char __attribute__((vector_size(16)));  // any target; SSE2 and NEON have it

template <class T>
T load(const char* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
void store(char* to, T value) noexcept {
  std::memcpy(to, &value, sizeof value);
}

/// Non-zero in each byte that JSON writes otherwise: control characters, '"', '\\', not ASCII.
inline Block special(Block bytes) noexcept {
  return (bytes < 0x20) | (bytes == '"') | (bytes == '\\');
}

inline bool any(Block bytes) noexcept {
  std::uint64_t halves[2];
  std::memcpy(halves, &bytes, sizeof halves);
  return (halves[0] | halves[1]) != 0;
}

/// The same of eight bytes in an integer. A subtraction borrows from the next byte only where a
/// special byte is found already.
inline bool any_special(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t kEach = ~std::uint64_t{0} / 255;
  const std::uint64_t found = (bytes - kEach * 0x20) | ((bytes ^ (kEach * '"')) - kEach) |
                              ((bytes ^ (kEach * '\\')) - kEach) | bytes;
  return (found & (kEach * 0x80)) != 0;
}

inline bool copy_short(char* to, const char* from, std::size_t size) noexcept {
  if (size >= 8) {
    const auto first = load<std::uint64_t>(from);
    const auto last = load<std::uint64_t>(from + size - 8);
    store(to, first);
    store(to + size - 8, last);
    return !any_special(first) && !any_special(last);
  }
  if (size >= 4) {
    const auto first = load<std::uint32_t>(from);
    const auto last = load<std::uint32_t>(from + size - 4);
    store(to, first);
    store(to + size - 4, last);
    return !any_special(first | std::uint64_t{last} << 32U);
  }
  if (size == 0) return true;
  const char first = from[0];
  const char middle = from[size / 2];
  const char last = from[size - 1];
  to[0] = first;
  to[size / 2] = middle;
  to[size - 1] = last;
  const auto byte = [](char c) { return std::uint64_t{static_cast<unsigned char>(c)}; };
  constexpr std::uint64_t kSpaces = 0x2020202020000000;
  return !any_special(kSpaces | byte(last) << 16U | byte(middle) << 8U | byte(first));
}

}  // namespace detail

/// Copy `text` to `to`. False: it holds a byte that JSON writes otherwise, and what has been
/// written (of no more than its size) is of no use there.
inline bool copy_text(char* to, std::string_view text) noexcept {
  using namespace detail;
  const char* const from = text.data();
  const std::size_t size = text.size();
  if (size < sizeof(Block)) return copy_short(to, from, size);
  const std::size_t last = size - sizeof(Block);
  Block found{};
  for (std::size_t at = 0; at < last; at += sizeof(Block)) {
    const auto block = load<Block>(from + at);
    store(to + at, block);
    found |= special(block);
  }
  const auto block = load<Block>(from + last);
  store(to + last, block);
  return !any(found | special(block));
}

/// How far put_padded() reads and writes beyond its text.
inline constexpr std::size_t kPadding = sizeof(detail::Block) - 1;

/// In whole blocks.
inline char* put_padded(char* to, const char* from, std::size_t size) noexcept {
  for (std::size_t at = 0; at < size; at += sizeof(detail::Block)) {
    detail::store(to + at, detail::load<detail::Block>(from + at));
  }
  return to + size;
}

/// REQUIRES: value < 100.
inline char* put_two_digits(char* to, unsigned value) noexcept {
  to[0] = static_cast<char>('0' + value / 10);
  to[1] = static_cast<char>('0' + value % 10);
  return to + 2;
}

/// REQUIRES: value < 1000.
inline char* put_three_digits(char* to, unsigned value) noexcept {
  *to = static_cast<char>('0' + value / 100);
  return put_two_digits(to + 1, value % 100);
}

inline constexpr std::size_t kMaxDigits = 20;

inline char* put_number(char* to, std::uint64_t number) noexcept {
  if (number < 10) {
    *to = static_cast<char>('0' + number);
    return to + 1;
  }
  if (number >= 100 && number < 1000) return put_three_digits(to, static_cast<unsigned>(number));
  return std::to_chars(to, to + kMaxDigits, number).ptr;
}

}  // namespace holdfast::access_log
