// Foreign functions: what proxy_call_foreign_function reaches by name. As in Envoy: "compress" and
// "uncompress", in zlib's format.
//
// Pure functions; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "wasm/abi.hpp"

namespace holdfast::wasm {

/// Replaces `out`. not_found: no such function. serialization_failure: bytes that are not zlib's,
/// or more than `most` come out.
[[nodiscard]] Status call_foreign(std::string_view name, std::string_view input, std::size_t most,
                                  std::string& out);

}  // namespace holdfast::wasm
