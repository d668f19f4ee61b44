// Plugins as WebAssembly text, for tests: a module with all host functions imported under short
// names ($log, $http_call), memory, a bump allocator, and callbacks that log their own name and
// arguments before they do what the test wants.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::wasm {

/// "(i32.const n)" each.
template <class... Ints>
[[nodiscard]] std::string ints(Ints... n) {
  std::string out;
  ((out += "(i32.const " + std::to_string(n) + ") "), ...);
  return out;
}

/// Calls a host function and logs what it answers.
[[nodiscard]] inline std::string note(std::string_view function, std::string_view arguments = {}) {
  return "(call $note (call $" + std::string(function) + " " + std::string(arguments) + "))\n";
}

/// The same, and then what it has given at 16 (where) and 20 (how long), as text.
[[nodiscard]] inline std::string note_given(std::string_view function,
                                            std::string_view arguments = {}) {
  return "(i64.store (i32.const 16) (i64.const 0))\n" + note(function, arguments) +
         "(call $say_given)\n";
}

class Wat {
 public:
  explicit Wat(std::string_view abi = "proxy_abi_version_0_2_1") : abi_(abi) {}

  /// Exports `name` with so many i32 parameters ($a, $b, $c ...). It logs "name 1 2 3" (its
  /// arguments), runs `body`, and returns `result` if that is not negative.
  Wat& callback(std::string_view name, unsigned parameters, int result, std::string_view body = "");
  /// The same without the log line.
  Wat& quiet(std::string_view name, unsigned parameters, int result, std::string_view body = "");
  /// Anything else at the module's level.
  Wat& add(std::string_view text);
  /// "(i32.const where) (i32.const length)" of bytes that lie in the plugin's memory.
  [[nodiscard]] std::string text(std::string_view bytes);
  /// The same, of a serialised header map: "name: value" lines.
  [[nodiscard]] std::string pairs(std::string_view lines);
  [[nodiscard]] std::string module() const;

 private:
  Wat& function(std::string_view name, unsigned parameters, int result, std::string_view body,
                bool quiet);

  std::string abi_;
  std::string data_;
  std::string functions_;
  std::uint32_t next_ = 4096;
};

}  // namespace holdfast::wasm
