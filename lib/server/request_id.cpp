#include "server/request_id.hpp"

#include <bit>
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

std::string_view RequestIds::next() noexcept {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::uint64_t high = random();
  std::uint64_t low = random();
  high = (high & 0xffffffffffff0fffULL) | 0x4000U;            // Version 4.
  low = (low & 0x3fffffffffffffffULL) | 0x8000000000000000U;  // Variant 10.
  char* out = text_.data();
  for (unsigned i = 0; i < 32; ++i) {
    const std::uint64_t word = i < 16 ? high : low;
    if (i == 8 || i == 12 || i == 16 || i == 20) *out++ = '-';
    *out++ = kHex[(word >> (60U - 4U * (i % 16U))) & 0xfU];
  }
  return {text_.data(), text_.size()};
}

}  // namespace holdfast::server
