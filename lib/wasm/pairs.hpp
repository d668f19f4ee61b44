// Header maps as the ABI lays them out in memory, and back. Pure functions; any thread.
//
// Little-endian: u32 count, then count x (u32 name length, u32 value length), then count x (name,
// 0, value, 0). No pairs at all are no bytes at all; four zero bytes are taken for that, too (Go's
// SDK sends them).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "wasm/abi.hpp"

namespace holdfast::wasm {

/// More is not taken from a plugin (the bounds of proxy-wasm-cpp-host).
inline constexpr std::size_t kMostPairBytes = 1024UL * 1024;
inline constexpr std::size_t kMostPairs = 1024;

/// Replaces `out`; of no pairs it becomes empty.
void write_pairs(const Pairs& pairs, std::string& out);

/// Replaces `out` by views into `bytes`. False: bytes that are too many, too few, left over, or not
/// terminated; `out` is empty then, which is also what Envoy makes of such bytes.
[[nodiscard]] bool parse_pairs(std::string_view bytes, Pairs& out);

}  // namespace holdfast::wasm
