// The WebAssembly runtime (Wasmtime through its C API, wasmtime_api.hpp), and modules compiled for
// it.
//
// Owner: the Engine belongs to who loads the configuration and lives as long as the process has
// plugins: it is made at the first plugin, so that a configuration without one never loads the
// runtime's library. Modules are shared and immutable. Thread: any may compile; the ticker thread,
// which moves the epoch each kTick, is the Engine's own.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "wasm/abi.hpp"
#include "wasm/vm.hpp"

namespace holdfast::wasm {

class Module;
class Runtime;  // runtime.hpp: what engine, modules and VMs share.
struct ModuleCode;

class Engine {
 public:
  /// So finely callback time is bounded.
  static constexpr std::chrono::milliseconds kTick{5};

  struct Options {
    std::filesystem::path
        cache_directory;  ///< Empty = the user's own; see cache.hpp. "none" = no cache.
    std::span<const HostImport> imports = host_imports();  ///< What modules may import. Copied.
  };

  /// Null and why in `error`: the library is not there, or is of another version than this was
  /// built for.
  [[nodiscard]] static std::shared_ptr<Engine> make(const Options& options, std::string& error);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Compiles, or takes it from the cache. `code` is binary WebAssembly or WAT text. Null and why
  /// in `error`: no module, an import that no host function of ours has ("env.proxy_nope"), or with
  /// another type; no memory, or no ABI version exported; a callback exported with another type.
  /// All that is wrong is in `error`, separated by "; ".
  [[nodiscard]] std::shared_ptr<const Module> compile(std::string_view code, std::string& error);

 private:
  explicit Engine(std::shared_ptr<Runtime> runtime);
  std::shared_ptr<Runtime>
      runtime_;  ///< Shared with modules and VMs, which may be destroyed in any order.
};

/// Compiled code, ready to be instantiated on any thread.
class Module {
 public:
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  [[nodiscard]] AbiVersion abi() const noexcept;
  /// The limit where none is configured: that of Limits, or twice what the module begins with.
  [[nodiscard]] std::size_t default_memory() const noexcept;
  /// Compiled now, or taken from the cache.
  [[nodiscard]] bool from_cache() const noexcept;

 private:
  friend class Engine;
  friend class Vm;
  explicit Module(std::unique_ptr<const ModuleCode> code);
  std::unique_ptr<const ModuleCode> code_;
};

}  // namespace holdfast::wasm
