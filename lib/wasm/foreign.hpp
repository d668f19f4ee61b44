// Foreign functions: what proxy_call_foreign_function reaches by name. As in Envoy: "compress" and
// "uncompress", in zlib's format.
//
// Pure functions; any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "wasm/abi.hpp"

namespace holdfast::wasm {

/// Replaces `out`. not_found: no such function. serialization_failure: bytes that are not zlib's,
/// or more than `most` come out. internal_failure: it would take longer than `until`. `out` is
/// empty unless the answer is ok.
[[nodiscard]] Status call_foreign(
    std::string_view name, std::string_view input, std::size_t most, std::string& out,
    std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max());

}  // namespace holdfast::wasm
