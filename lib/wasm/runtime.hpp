// What an engine, its modules and their VMs share: the runtime's objects, freed with the last of
// them.
//
// Thread: immutable once made, but for the ticker and the cache, which see to themselves.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wasm/cache.hpp"
#include "wasm/engine.hpp"
#include "wasm/ticker.hpp"
#include "wasm/vm.hpp"
#include "wasm/wasmtime_api.hpp"

namespace holdfast::wasm {

class Runtime {
 public:
  /// At most so many parameters has a host function.
  static constexpr std::size_t kMaxParameters = 16;

  [[nodiscard]] static std::shared_ptr<Runtime> make(const Engine::Options& options,
                                                     std::string& error);
  explicit Runtime(const api::Api& functions, const Engine::Options& options);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// The function that a module imports under this name, or null.
  [[nodiscard]] const HostImport* find_import(std::string_view module,
                                              std::string_view name) const noexcept;

  const api::Api& api;
  const std::vector<HostImport> imports;
  const Cache cache;
  /// What compiled code depends on besides the code, in words: part of the cache's keys.
  std::string configuration;
  api::wasm_engine_t* engine = nullptr;
  api::wasmtime_linker_t* linker = nullptr;
  std::unique_ptr<Ticker> ticker;

 private:
  void make_engine();
  /// Empty, or what is wrong with the list of imports.
  [[nodiscard]] std::string define_imports();
};

struct ModuleCode {
  explicit ModuleCode(std::shared_ptr<Runtime> shared) : runtime(std::move(shared)) {}
  ~ModuleCode();
  ModuleCode(const ModuleCode&) = delete;
  ModuleCode& operator=(const ModuleCode&) = delete;

  std::shared_ptr<Runtime> runtime;
  api::wasmtime_module_t* module = nullptr;
  api::wasmtime_instance_pre_t* linked = nullptr;
  AbiVersion abi = AbiVersion::v0_2_1;
  std::uint64_t initial_memory = 0;  ///< Bytes.
  bool from_cache = false;
};

/// Types in letters: i = i32, I = i64, f = f32, F = f64, r = a reference.
[[nodiscard]] std::string letters_of(const api::Api& api, const api::wasm_valtype_vec_t& types);

/// "(i32, i64) -> i32", for people.
[[nodiscard]] std::string describe_type(std::string_view parameters, std::string_view results);

/// The functions that the host calls, with the types that they may have.
struct Callee {
  std::string_view name;
  std::string_view parameters;
  std::string_view results;
  std::string_view older_parameters = {};  ///< ABI 0.1.0's, where they differ.
};
/// In Export's order.
[[nodiscard]] std::span<const Callee, kExports> callbacks() noexcept;
/// Besides the callbacks: what starts a VM, and what allocates in it. In this order.
enum class Entry : std::uint8_t { initialize, main, start, allocate, malloc, count_ };
inline constexpr std::size_t kEntries = static_cast<std::size_t>(Entry::count_);
[[nodiscard]] std::span<const Callee, kEntries> entries() noexcept;

/// instance.cpp: what compiled code calls for a host function; `env` is its HostImport.
api::wasm_trap_t* call_host(void* env, api::wasmtime_caller_t* caller,
                            api::wasmtime_val_raw_t* values, std::size_t count);

}  // namespace holdfast::wasm
