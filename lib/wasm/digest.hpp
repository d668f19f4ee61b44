// SHA-256, by OpenSSL. What code is known by.
//
// Values; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace holdfast::wasm {

using Digest = std::array<std::uint8_t, 32>;

/// Of the parts, each preceded by its length, so that no two lists give the same bytes.
[[nodiscard]] Digest digest_parts(std::initializer_list<std::string_view> parts) noexcept;
/// Of the bytes as they are.
[[nodiscard]] Digest digest(std::string_view bytes) noexcept;
/// Lower-case, 64 digits.
[[nodiscard]] std::string to_hex(const Digest& digest);

}  // namespace holdfast::wasm
