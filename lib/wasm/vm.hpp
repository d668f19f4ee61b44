// One instance of a module: its memory, its exports, its host functions, its limits.
//
// Owner: a Machine. Thread: one (a worker's; the control thread's for a trial at the start). Guest
// code runs only inside start() and call(); host functions are called from there. After a trap the
// instance may be called again (its memory is what the trap left), which its owner decides.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "wasm/abi.hpp"

namespace holdfast::wasm {

class Module;
class Guest;  // Who the host functions speak for: the machine (machine.hpp).

/// What the host calls, by the export's name ("proxy_on_request_headers").
enum class Export : std::uint8_t {
  on_context_create,
  on_vm_start,
  on_configure,
  on_tick,
  on_request_headers,
  on_request_body,
  on_request_trailers,
  on_response_headers,
  on_response_body,
  on_response_trailers,
  on_http_call_response,
  on_queue_ready,
  on_foreign_function,
  on_done,
  on_log,
  on_delete,
  on_new_connection,
  on_downstream_data,
  on_upstream_data,
  on_downstream_connection_close,
  on_upstream_connection_close,
  count_,
};
inline constexpr std::size_t kExports = static_cast<std::size_t>(Export::count_);
[[nodiscard]] std::string_view export_name(Export e) noexcept;

enum class TrapKind : std::uint8_t {
  unreachable,  ///< A panic, mostly.
  stack_overflow,
  memory,  ///< Out of bounds, misaligned, a bad table access or call.
  arithmetic,
  timeout,        ///< Longer than Limits::callback in one callback.
  out_of_memory,  ///< Trapped after it had asked for more than Limits::memory.
  exit,           ///< proc_exit().
  other,
  count_,
};
[[nodiscard]] std::string_view trap_name(TrapKind kind) noexcept;

struct Trap {
  TrapKind kind;
  std::string
      text;  ///< One line: the function that was called, the cause, the guest's innermost frames.
};

struct Limits {
  std::chrono::milliseconds callback{100};
  /// For what runs once in a VM: start(), on_vm_start, on_configure (a plugin that compiles its
  /// rules takes its time).
  std::chrono::milliseconds start{10'000};
  std::size_t memory = 128UL * 1024 * 1024;

  bool operator==(const Limits&) const = default;
};

/// One host function. `function` gets the arguments as 64-bit words (i32 in the low half) and
/// returns its result the same way.
struct HostImport {
  std::string_view module;      ///< "env", "wasi_snapshot_preview1"
  std::string_view name;        ///< "proxy_log"
  std::string_view parameters;  ///< "iii", "iIi": i = i32, I = i64
  std::string_view results;     ///< "i" or ""
  std::uint64_t (*function)(Guest& guest, const std::uint64_t* arguments);
};
/// All that there are (imports.cpp), in any order. Engine::compile() links a module against these.
[[nodiscard]] std::span<const HostImport> host_imports() noexcept;

class Vm {
 public:
  /// Null and why in `error`: memory, or the module's start function trapped.
  [[nodiscard]] static std::unique_ptr<Vm> instantiate(const Module& module, const Limits& limits,
                                                       Guest& guest, std::string& error);
  ~Vm();
  Vm(const Vm&) = delete;
  Vm& operator=(const Vm&) = delete;

  /// `_initialize` (and `main`, if exported), else `_start`. False: trapped.
  [[nodiscard]] bool start() noexcept;
  [[nodiscard]] bool has(Export e) const noexcept;
  /// The result, 0 for a function without one. Nullopt: trapped, see trap(). REQUIRES: has(e).
  [[nodiscard]] std::optional<std::uint32_t> call(
      Export e, std::initializer_list<std::uint32_t> arguments) noexcept;
  /// How many parameters the export takes (ABI 0.1.0 has fewer for headers).
  [[nodiscard]] std::size_t parameters(Export e) const noexcept;
  /// Of the last call that failed.
  [[nodiscard]] const Trap& trap() const noexcept;
  /// To be called by a host function: the guest's code does not go on; call() fails with this.
  void trap_now(TrapKind kind, std::string text) noexcept;

  // The guest's memory. Views are valid until the next call into the guest, allocate() included.
  [[nodiscard]] std::optional<std::string_view> read(std::uint32_t pointer,
                                                     std::uint32_t length) noexcept;
  [[nodiscard]] std::optional<std::uint32_t> read_u32(std::uint32_t pointer) noexcept;
  [[nodiscard]] bool write(std::uint32_t pointer, std::string_view bytes) noexcept;
  [[nodiscard]] bool write_u32(std::uint32_t pointer, std::uint32_t value) noexcept;
  [[nodiscard]] bool write_u64(std::uint32_t pointer, std::uint64_t value) noexcept;
  /// Have the guest allocate (proxy_on_memory_allocate, else malloc), copy `bytes` there, and write
  /// where and how long to the two addresses. Nothing is allocated for no bytes: pointer 0, length
  /// 0.
  [[nodiscard]] Status give(std::string_view bytes, std::uint32_t pointer_out,
                            std::uint32_t length_out) noexcept;
  [[nodiscard]] std::size_t memory_size() noexcept;

 private:
  struct Impl;
  explicit Vm(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::wasm
