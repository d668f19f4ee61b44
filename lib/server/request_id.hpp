// Random version 4 UUIDs (RFC 9562 5.4) for x-request-id.
//
// Owner: a worker; its thread only. xoshiro256** seeded by the kernel: unique, not secret, 10 ns
// each.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace holdfast::server {

class RequestIds {
 public:
  RequestIds();
  /// 36 characters, lower case; valid until the next call.
  [[nodiscard]] std::string_view next() noexcept;

 private:
  [[nodiscard]] std::uint64_t random() noexcept;
  std::array<std::uint64_t, 4> state_;
  std::array<char, 36> text_;
};

}  // namespace holdfast::server
