// A plugin without a will of its own: each callback, and its malloc if it is told so, asks the
// script what to do next. So a fuzz input is a plugin, and any plugin is a fuzz input.
//
// Owner: a run of the target, one at a time. Thread: the program's only one.
//
// In a callback each byte of the script is one step:
//   '.'          return 0                       ',' N    return N
//   'U' 'D' 'O'  unreachable, division by zero, load out of bounds
//   'C' 'R' 'S'  call of a null function, recursion without end, loop without end
//   'G' N        grow the memory by N pages     'M' N    how malloc answers from now on, see Malloc
//   0x80 + N     the host function N by name, then its arguments
// and every other byte is a host function, too. An argument begins with a byte:
//   '0'..'9'     that number
//   'a'..'~'     a text of kTexts: its address, and as the next argument its length
//   'A'..'P'     somewhere to write to
//   '#' N, '$' 4 bytes, '%' 8 bytes   that number
//   '!' K N      the address of text K and the length N
//   '<' N        N bytes before the end of the memory
//   '-' '^'      all bits set; the highest of 32 set
//   '*' 3 bytes  the address of a long run of 'a', and as the next argument that length
// and every other byte is a number.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "wasm/vm.hpp"

namespace holdfast::fuzz {

/// The input, read once; zeros when it is over.
class Script {
 public:
  explicit Script(std::string_view bytes) : rest_(bytes) {}
  [[nodiscard]] bool over() const { return rest_.empty(); }
  std::uint8_t byte() { return number<std::uint8_t>(); }
  template <class T>
  T number(std::size_t size = sizeof(T)) {
    T value{};
    size = size < rest_.size() ? size : rest_.size();
    std::memcpy(&value, rest_.data(), size);
    rest_.remove_prefix(size);
    return value;
  }

 private:
  std::string_view rest_;
};

class ScriptedGuest {
 public:
  explicit ScriptedGuest(Script& script);
  ~ScriptedGuest();
  ScriptedGuest(const ScriptedGuest&) = delete;
  ScriptedGuest& operator=(const ScriptedGuest&) = delete;

  /// All host functions, and those that its module gets the script by.
  [[nodiscard]] static std::span<const wasm::HostImport> imports();
  /// As WAT. `mark`: "proxy_abi_version_0_2_1".
  [[nodiscard]] static std::string module(std::string_view mark);

  // For its host functions.
  std::uint32_t step(wasm::Guest& guest);
  [[nodiscard]] std::uint64_t argument(std::size_t i) const { return arguments_[i % kArguments]; }
  [[nodiscard]] std::uint32_t result() const { return result_; }
  [[nodiscard]] bool runs_in_malloc() const { return malloc_ == Malloc::runs; }
  std::uint32_t allocate(wasm::Guest& guest, std::uint32_t size);

 private:
  static constexpr std::size_t kArguments = 16;
  enum class Malloc : std::uint8_t { good, null, end, outside, runs, count_ };

  std::uint32_t special(std::uint8_t which, wasm::Guest& guest);
  void read_arguments(const wasm::HostImport& function, wasm::Guest& guest);
  /// How many it fills.
  std::size_t read_argument(std::size_t at, wasm::Guest& guest);

  Script& script_;
  std::array<std::uint64_t, kArguments + 1> arguments_{};
  std::uint32_t result_ = 0;
  std::uint32_t next_block_ = 0;
  unsigned loops_ = 0;
  Malloc malloc_ = Malloc::good;
};

}  // namespace holdfast::fuzz
