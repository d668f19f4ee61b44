// A guest for tests of the runtime: host functions that remember, write, give and stop; modules as
// WAT text.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "wasm/engine.hpp"
#include "wasm/vm.hpp"
#include "wasm_signals.hpp"

namespace holdfast::wasm {

/// The room's own is in machine.hpp, which these tests do not use: the runtime only passes it
/// through.
struct FakeGuest {
  Vm* vm = nullptr;
  std::vector<std::uint64_t> noted;
  std::function<std::uint32_t(std::uint32_t)> hook;
};

inline FakeGuest& fake(Guest& guest) {
  return reinterpret_cast<FakeGuest&>(guest);
}
inline Guest& as_guest(FakeGuest& guest) {
  return reinterpret_cast<Guest&>(guest);
}

inline std::uint64_t note(Guest& guest, const std::uint64_t* arguments) {
  fake(guest).noted.push_back(arguments[0]);
  return 0;
}

inline std::uint64_t note_wide(Guest& guest, const std::uint64_t* arguments) {
  for (int i = 0; i < 3; ++i) fake(guest).noted.push_back(arguments[i]);
  return 77;
}

inline std::uint64_t run_hook(Guest& guest, const std::uint64_t* arguments) {
  return fake(guest).hook(static_cast<std::uint32_t>(arguments[0]));
}

inline std::uint64_t leave(Guest& guest, const std::uint64_t* arguments) {
  fake(guest).vm->trap_now(TrapKind::exit, "proc_exit(" + std::to_string(arguments[0]) + ")");
  return 0;
}

inline constexpr std::array<HostImport, 4> kFakeImports{{
    {"env", "note", "i", "i", note},
    {"env", "note_wide", "iIi", "i", note_wide},
    {"env", "hook", "i", "i", run_hook},
    {"env", "leave", "i", "", leave},
}};

/// One for all tests that need no other. The first that is made takes the signals.
inline Engine& shared_engine() {
  static const std::shared_ptr<Engine> engine = [] {
    std::string error;
    auto made = Engine::make({.cache_directory = "none", .imports = kFakeImports}, error);
    INFO(error);
    REQUIRE(made);
    WasmSignals::keep();
    return made;
  }();
  WasmSignals::use();
  return *engine;
}

inline std::shared_ptr<Engine> make_engine(const std::filesystem::path& cache = "none") {
  shared_engine();
  std::string error;
  auto engine = Engine::make({.cache_directory = cache, .imports = kFakeImports}, error);
  INFO(error);
  REQUIRE(engine);
  return engine;
}

/// A module with a memory of one page, an ABI mark, and `body`.
/// An allocator that has nothing: each module must export one.
inline constexpr std::string_view kAllocator =
    "(func (export \"malloc\") (param i32) (result i32) (i32.const 0)) ";

inline std::string module_text(std::string_view body) {
  const bool allocates = body.find("malloc") != std::string_view::npos ||
                         body.find("proxy_on_memory_allocate") != std::string_view::npos;
  // Imports come first in WAT.
  return "(module "
         "(import \"env\" \"note\" (func $note (param i32) (result i32))) "
         "(import \"env\" \"note_wide\" (func $note_wide (param i32 i64 i32) (result i32))) "
         "(import \"env\" \"hook\" (func $hook (param i32) (result i32))) "
         "(import \"env\" \"leave\" (func $leave (param i32))) "
         "(memory (export \"memory\") 1) (func (export \"proxy_abi_version_0_2_1\")) " +
         std::string(allocates ? "" : kAllocator) + std::string(body) + ")";
}

/// proxy_on_tick with these instructions; (local.get 0) is its argument.
inline std::string tick_text(std::string_view instructions) {
  return module_text("(func $tick (export \"proxy_on_tick\") (param i32) " +
                     std::string(instructions) + ")");
}

inline std::shared_ptr<const Module> compile(const std::string& text) {
  std::string error;
  auto module = shared_engine().compile(text, error);
  INFO(error);
  REQUIRE(module);
  return module;
}

/// A module, its VM and its guest.
struct Running {
  explicit Running(const std::string& text, const Limits& limits = {}) : module(compile(text)) {
    std::string error;
    vm = Vm::instantiate(*module, limits, as_guest(guest), error);
    INFO(error);
    REQUIRE(vm);
    guest.vm = vm.get();
  }
  std::optional<std::uint32_t> tick(std::uint32_t argument = 1) {
    return vm->call(Export::on_tick, {argument});
  }

  FakeGuest guest;
  std::shared_ptr<const Module> module;
  std::unique_ptr<Vm> vm;
};

}  // namespace holdfast::wasm
