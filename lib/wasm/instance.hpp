// A running instance of a module: calls into it, calls out of it, and what a trap was.
//
// Owner: the Vm, which is its face. Thread: the Vm's.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "wasm/runtime.hpp"
#include "wasm/ticker.hpp"
#include "wasm/vm.hpp"
#include "wasm/wasmtime_api.hpp"

namespace holdfast::wasm {

class Instance {
 public:
  struct Function {
    const Callee* callee = nullptr;  ///< Null: the module does not export it.
    std::uint8_t parameters = 0;
    std::uint8_t results = 0;
    std::chrono::milliseconds limit{0};  ///< It may take so much of the CPU.
    api::wasmtime_func_t handle{};
  };

  /// The memory as it is now.
  struct Memory {
    std::uint8_t* base = nullptr;
    std::size_t size = 0;
  };

  Instance(std::shared_ptr<Runtime> runtime, const Limits& limits, Guest& guest);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  /// Empty, or what went wrong.
  [[nodiscard]] std::string instantiate(const ModuleCode& code);
  [[nodiscard]] const Function& function(Export e) const noexcept {
    return callbacks_[static_cast<std::size_t>(e)];
  }
  [[nodiscard]] const Function& function(Entry e) const noexcept {
    return entries_[static_cast<std::size_t>(e)];
  }
  /// Arguments beyond what the function takes are left out, missing ones are 0.
  [[nodiscard]] std::optional<std::uint32_t> call(
      const Function& function, std::span<const std::uint32_t> arguments) noexcept;
  void stop(TrapKind kind, std::string text) noexcept;
  [[nodiscard]] const Trap& trap() const noexcept { return trap_; }
  [[nodiscard]] const Memory& memory() noexcept {
    if (!memory_known_) look_at_memory();
    return memory_;
  }
  api::wasm_trap_t* call_host(const HostImport& import, api::wasmtime_val_raw_t* values) noexcept;
  /// At the deadline: null and another one, or what ends the guest's code.
  api::wasmtime_error_t* on_deadline(std::uint64_t& ticks) noexcept;

 private:
  void look_at_memory() noexcept;
  void find_functions(const api::wasmtime_instance_t& instance);
  void enter(std::chrono::milliseconds limit) noexcept;
  void note_trap(std::string_view function, api::wasmtime_error_t* failure, api::wasm_trap_t* trap);
  void classify(api::wasm_trap_t* trap);
  [[nodiscard]] bool ran_out_of_memory(std::string_view frames) noexcept;

  // Constant after instantiate().
  const std::shared_ptr<Runtime> runtime_;
  const api::Api& api_;
  const Limits limits_;
  Guest& guest_;
  std::array<Function, kExports> callbacks_;
  std::array<Function, kEntries> entries_;
  bool ready_ = false;

  api::wasmtime_memory_t exported_memory_{};

  Memory memory_;
  bool memory_known_ = false;  ///< No guest code has run since memory_ was looked up.
  Ticker::Runner runner_;
  std::chrono::milliseconds limit_{0};  ///< Of the outermost call.
  /// Of the thread, when that call had its first deadline. The clock is a system call: what takes
  /// less than a tick never asks it.
  std::optional<std::chrono::nanoseconds> cpu_at_first_;
  std::uint32_t depth_ = 0;  ///< Of calls into the guest: a host function may call it again.
  bool stopped_ = false;     ///< The guest's code must not go on, up to the outermost call.
  bool noted_ = false;       ///< trap_ is complete.
  Trap trap_{TrapKind::other, {}};
  api::wasmtime_store_t* store_ = nullptr;
  api::wasmtime_context_t* context_ = nullptr;
};

}  // namespace holdfast::wasm
