// What the fuzz targets share: a check that says where it failed, and inputs that choose how their
// bytes are cut.
//
// An input is two bytes of choices, one byte that nobody reads (a line feed in the files that we
// write by hand), and then the bytes themselves as they would come from the wire.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <source_location>
#include <string_view>

namespace holdfast::fuzz {

inline void require(bool holds, const std::source_location& at = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "%s:%u: does not hold\n", at.file_name(), static_cast<unsigned>(at.line()));
  std::abort();
}

struct Input {
  std::uint8_t options = 0;  ///< Each target's own bits; '0' = 0x30 sets none of the lower four.
  std::uint8_t cut = 0;      ///< See Cutter.
  std::string_view bytes;

  Input(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t kHeader = 3;
    if (size > 0) options = data[0];
    if (size > 1) cut = data[1];
    if (size > kHeader) bytes = {reinterpret_cast<const char*>(data) + kHeader, size - kHeader};
  }
  [[nodiscard]] bool has(std::uint8_t bit) const { return (options & bit) != 0; }
};

/// Lengths of the pieces in which bytes arrive.
class Cutter {
 public:
  static Cutter whole() { return Cutter(0, std::numeric_limits<std::size_t>::max()); }
  static Cutter bytes() { return Cutter(0, 1); }
  /// Pieces of one to 64 bytes; long and short ones are mixed by the seed.
  explicit Cutter(std::uint8_t seed) : Cutter(seed + 1U, 0) {}

  [[nodiscard]] std::size_t next() {
    if (fixed_ != 0) return fixed_;
    state_ = state_ * 1'664'525U + 1'013'904'223U;
    return 1 + (state_ >> 16U) % ((state_ >> 30U) == 0 ? 64U : 8U);
  }

 private:
  Cutter(std::uint32_t state, std::size_t fixed) : state_(state), fixed_(fixed) {}
  std::uint32_t state_;
  std::size_t fixed_;
};

}  // namespace holdfast::fuzz
