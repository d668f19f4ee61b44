// How far the bytes of a head go on being of one kind: 16 at a time where the machine has SSE2, one
// at a time elsewhere and at the end.
//
// Pure functions, used by the head parser.
#pragma once

#include <bit>
#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace holdfast::http {

/// Neither a control character (RFC 5234 CTL) nor, with `kVisible`, white space or beyond ASCII.
enum class Text : std::uint8_t {
  value,    ///< field-vchar, obs-text, space and tab (RFC 9110 5.5)
  visible,  ///< VCHAR (RFC 5234)
};

template <Text kind>
[[nodiscard]] constexpr bool is_text(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  if constexpr (kind == Text::visible) return byte > 0x20 && byte < 0x7f;
  return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

/// The first byte of [p, end) that is not of that kind, or `end`.
template <Text kind>
[[nodiscard]] inline const char* skip_text(const char* p, const char* end) noexcept {
#ifdef __SSE2__
  const __m128i del = _mm_set1_epi8(0x7f);
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i low = _mm_set1_epi8(kind == Text::visible ? 0x21 : 0x20);
  for (; end - p >= 16; p += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    __m128i bad;
    if constexpr (kind == Text::visible) {
      // As signed numbers: what is beyond ASCII is below `low`, too.
      bad = _mm_or_si128(_mm_cmplt_epi8(bytes, low), _mm_cmpeq_epi8(bytes, del));
    } else {
      const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, low), bytes);  // <= 0x20
      const __m128i space = _mm_or_si128(_mm_cmpeq_epi8(bytes, low), _mm_cmpeq_epi8(bytes, tab));
      bad = _mm_or_si128(_mm_andnot_si128(space, control), _mm_cmpeq_epi8(bytes, del));
    }
    const auto mask = static_cast<std::uint32_t>(_mm_movemask_epi8(bad));
    if (mask != 0) return p + std::countr_zero(mask);
  }
#endif
  while (p != end && is_text<kind>(*p)) ++p;
  return p;
}

/// The letters, digits and dashes at the start of [p, end), of which nearly all names consist: up
/// to 16 of them, and perhaps none where there is no SSE2. `capital` is set if one is a capital.
[[nodiscard]] inline const char* skip_name(const char* p, const char* end, bool& capital) noexcept {
#ifdef __SSE2__
  if (end - p < 16) return p;
  const auto within = [](__m128i bytes, char first, char count) {  // As unsigned numbers.
    const __m128i distance = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
    const __m128i last = _mm_set1_epi8(static_cast<char>(count - 1));
    return _mm_cmpeq_epi8(_mm_min_epu8(distance, last), distance);
  };
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const __m128i capitals = within(bytes, 'A', 26);
  const __m128i letters = _mm_or_si128(within(bytes, 'a', 26), capitals);
  const __m128i others =
      _mm_or_si128(within(bytes, '0', 10), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-')));
  const auto good = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_or_si128(letters, others)));
  const int size = std::countr_one(good);
  const auto found = static_cast<std::uint32_t>(_mm_movemask_epi8(capitals));
  capital = (found & ((std::uint32_t{1} << size) - 1)) != 0;
  return p + size;
#else
  static_cast<void>(end);
  static_cast<void>(capital);
  return p;
#endif
}

}  // namespace holdfast::http
