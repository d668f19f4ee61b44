// What the host functions (imports_*.cpp, wasi.cpp) share, and the tables that imports.cpp puts
// together.
//
// Every argument comes from a plugin: pointers and lengths go through Vm's checks, numbers of maps
// and buffers are compared before they become enumerators. Thread: the worker's, with guest code on
// the stack.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "wasm/guest.hpp"

namespace holdfast::wasm {

using Words = const std::uint64_t*;

[[nodiscard]] inline std::uint32_t word(Words arguments, std::size_t i) noexcept {
  return static_cast<std::uint32_t>(arguments[i]);
}

[[nodiscard]] constexpr std::uint64_t answer(Status status) noexcept {
  return static_cast<std::uint64_t>(status);
}

/// The bytes that arguments i (where) and i + 1 (how many) name.
[[nodiscard]] inline std::optional<std::string_view> bytes(Guest& guest, Words arguments,
                                                           std::size_t i) noexcept {
  return guest.vm().read(word(arguments, i), word(arguments, i + 1));
}

/// Header names are lower-case inside. Valid until the next call of this.
[[nodiscard]] std::string_view lower_case(Guest& guest, std::string_view name);
void lower_case(Guest& guest, Pairs& pairs);

[[nodiscard]] std::span<const HostImport> log_imports() noexcept;      // imports_log.cpp
[[nodiscard]] std::span<const HostImport> header_imports() noexcept;   // imports_headers.cpp
[[nodiscard]] std::span<const HostImport> buffer_imports() noexcept;   // imports_buffers.cpp
[[nodiscard]] std::span<const HostImport> stream_imports() noexcept;   // imports_stream.cpp
[[nodiscard]] std::span<const HostImport> call_imports() noexcept;     // imports_calls.cpp
[[nodiscard]] std::span<const HostImport> shared_imports() noexcept;   // imports_shared.cpp
[[nodiscard]] std::span<const HostImport> foreign_imports() noexcept;  // imports_foreign.cpp
[[nodiscard]] std::span<const HostImport>
wasi_imports() noexcept;  // wasi.cpp, both names of the module

}  // namespace holdfast::wasm
