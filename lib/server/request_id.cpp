#include "server/request_id.hpp"

#include <bit>
#include <cstring>
#include <random>

namespace holdfast::server {

RequestIds::RequestIds() {
  std::random_device device;
  for (std::uint64_t& word : state_) word = (std::uint64_t{device()} << 32U) | device();
}

/// Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", xoshiro256**.
std::uint64_t RequestIds::random() noexcept {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17U;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

namespace {

/// The 8 hex digits of `word`, first the highest, as they stand in memory: all eight at once.
std::uint64_t hex_digits(std::uint32_t word) noexcept {
  std::uint64_t x = __builtin_bswap32(word);  // Its first byte is the lowest now.
  x = (x | x << 16U) & 0x0000ffff0000ffffU;
  x = (x | x << 8U) & 0x00ff00ff00ff00ffU;
  x = (x >> 4U & 0x000f000f000f000fU) | (x & 0x000f000f000f000fU) << 8U;  // A digit per byte.
  const std::uint64_t letters = (x + 0x0606060606060606U) >> 4U & 0x0101010101010101U;
  return x + 0x3030303030303030U + letters * ('a' - '0' - 10);
}

void put(char* out, std::uint64_t eight) noexcept {
  if constexpr (std::endian::native == std::endian::big) eight = __builtin_bswap64(eight);
  std::memcpy(out, &eight, sizeof eight);
}

}  // namespace

std::string_view RequestIds::next() noexcept {
  std::uint64_t high = random();
  std::uint64_t low = random();
  high = (high & 0xffffffffffff0fffULL) | 0x4000U;            // Version 4.
  low = (low & 0x3fffffffffffffffULL) | 0x8000000000000000U;  // Variant 10.
  char digits[32];
  put(digits, hex_digits(static_cast<std::uint32_t>(high >> 32U)));
  put(digits + 8, hex_digits(static_cast<std::uint32_t>(high)));
  put(digits + 16, hex_digits(static_cast<std::uint32_t>(low >> 32U)));
  put(digits + 24, hex_digits(static_cast<std::uint32_t>(low)));
  char* const out = text_.data();
  std::memcpy(out, digits, 8);
  out[8] = out[13] = out[18] = out[23] = '-';
  std::memcpy(out + 9, digits + 8, 4);
  std::memcpy(out + 14, digits + 12, 4);
  std::memcpy(out + 19, digits + 16, 4);
  std::memcpy(out + 24, digits + 20, 12);
  return {out, text_.size()};
}

}  // namespace holdfast::server
