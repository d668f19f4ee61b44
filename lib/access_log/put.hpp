// The pieces of a line, each written at a pointer; the result is the pointer behind it.
//
// Pure; the caller has made room. They are inline and know no terminator, no growth and no heap,
// since a line is made of two dozen of them.
#pragma once

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

/// All bits set in each byte that stands for itself in JSON: no control character, '"' nor '\\',
/// and ASCII.
inline Block plain(Block bytes) noexcept {
  return (bytes > 0x1f) & ~((bytes == '"') | (bytes == '\\'));
}

inline bool all(Block mask) noexcept {
  std::uint64_t halves[2];
  std::memcpy(halves, &mask, sizeof halves);
  return (halves[0] & halves[1]) == ~std::uint64_t{0};
}

/// Copy a text of 1 to 15 bytes; returns all of them, some twice.
[[gnu::always_inline]] inline Block copy_short(char* to, const char* from,
                                               std::size_t size) noexcept {
  using Halves = std::uint64_t __attribute__((vector_size(sizeof(Block))));
  if (size >= 8) {
    const auto first = load<std::uint64_t>(from);
    const auto last = load<std::uint64_t>(from + size - 8);
    store(to, first);
    store(to + size - 8, last);
    return reinterpret_cast<Block>(Halves{first, last});
  }
  std::uint64_t whole;
  if (size >= 4) {
    const auto first = load<std::uint32_t>(from);
    const auto last = load<std::uint32_t>(from + size - 4);
    store(to, first);
    store(to + size - 4, last);
    whole = first | std::uint64_t{last} << 32U;
  } else {
    const char first = from[0];
    const char middle = from[size / 2];
    const char last = from[size - 1];
    to[0] = first;
    to[size / 2] = middle;
    to[size - 1] = last;
    const auto byte = [](char c) { return std::uint64_t{static_cast<unsigned char>(c)}; };
    constexpr std::uint64_t kSpaces = 0x2020202020000000;
    whole = kSpaces | byte(last) << 16U | byte(middle) << 8U | byte(first);
  }
  return reinterpret_cast<Block>(Halves{whole, whole});
}

/// Copy a text of 16 bytes or more; returns plain() of all of it.
[[gnu::always_inline]] inline Block copy_long(char* to, const char* from,
                                              std::size_t size) noexcept {
  const std::size_t last = size - sizeof(Block);
  const auto last_block = load<Block>(from + last);
  Block found = plain(last_block);
  for (std::size_t at = 0; at < last; at += sizeof(Block)) {
    const auto block = load<Block>(from + at);
    store(to + at, block);
    found &= plain(block);
  }
  store(to + last, last_block);
  return found;
}

}  // namespace detail

/// Copy `text` to `to`. False: it holds a byte that JSON writes otherwise, and what has been
/// written (of no more than its size) is of no use there.
[[gnu::always_inline]] inline bool copy_text(char* to, std::string_view text) noexcept {
  using namespace detail;
  if (text.size() >= sizeof(Block)) return all(copy_long(to, text.data(), text.size()));
  return text.empty() || all(plain(copy_short(to, text.data(), text.size())));
}

/// How far put_padded() reads and writes beyond its text.
inline constexpr std::size_t kPadding = sizeof(detail::Block);

/// In whole blocks, and at least one: most literals are no longer.
inline char* put_padded(char* to, const char* from, std::size_t size) noexcept {
  using namespace detail;
  std::size_t at = 0;
  do {
    store(to + at, load<Block>(from + at));
    at += sizeof(Block);
  } while (at < size);
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

char* put_long_number(char* to, std::uint64_t number) noexcept;

inline char* put_number(char* to, std::uint64_t number) noexcept {
  if (number >= 10) return put_long_number(to, number);
  *to = static_cast<char>('0' + number);
  return to + 1;
}

}  // namespace holdfast::access_log
