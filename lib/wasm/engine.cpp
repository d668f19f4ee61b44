#include "wasm/engine.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.hpp"
#include "wasm/runtime.hpp"

namespace holdfast::wasm {
namespace {

/// Guests run on the stack of the thread that calls them; deeper recursion traps.
constexpr std::size_t kMaxStack = 512UL * 1024;
/// With so much address space for each memory compiled code needs no bounds checks, and growing
/// never moves it.
constexpr std::uint64_t kReservation = 4UL * 1024 * 1024 * 1024;
constexpr std::uint64_t kGuard = 32UL * 1024 * 1024;
/// Where address space is limited (ulimit -v): compiled code checks bounds (about a quarter
/// slower), memories move as they grow.
constexpr std::uint64_t kSmallGuard = 64UL * 1024;
constexpr std::uint64_t kSmallGrowth = 1024UL * 1024;

bool address_space_is_limited() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

/// Why this process may not run what it has compiled, as systemd's MemoryDenyWriteExecute and the
/// like have it; empty = it may.
std::string no_new_code() {
  const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* page = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return {};  // What is short is told by who needs more of it.
  std::string why;
  if (::mprotect(page, size, PROT_READ | PROT_EXEC) != 0) {
    why = std::string("plugins are compiled, and no memory may be made executable here: ") +
          std::strerror(errno) + " (under systemd: holdfast-plugins.conf is the drop-in for that)";
  }
  ::munmap(page, size);
  return why;
}

api::wasm_functype_t* make_type(const api::Api& api, std::string_view parameters,
                                std::string_view results) {
  const auto fill = [&api](api::wasm_valtype_vec_t& to, std::string_view letters) {
    api.wasm_valtype_vec_new_uninitialized(&to, letters.size());
    std::transform(letters.begin(), letters.end(), to.data, [&api](char letter) {
      return api.wasm_valtype_new(letter == 'i' ? api::kI32 : api::kI64);
    });
  };
  api::wasm_valtype_vec_t parameter_types{};
  api::wasm_valtype_vec_t result_types{};
  fill(parameter_types, parameters);
  fill(result_types, results);
  return api.wasm_functype_new(&parameter_types, &result_types);
}

}  // namespace

std::shared_ptr<Runtime> Runtime::make(const Engine::Options& options, std::string& error) {
  error = no_new_code();
  if (!error.empty()) return nullptr;
  const api::Api* functions = api::load(error);
  if (functions == nullptr) return nullptr;
  auto runtime = std::make_shared<Runtime>(*functions, options);
  runtime->make_engine();
  error = runtime->define_imports();
  return error.empty() ? runtime : nullptr;
}

Runtime::Runtime(const api::Api& functions, const Engine::Options& options)
    : api(functions),
      imports(options.imports.begin(), options.imports.end()),
      cache(options.cache_directory) {}

Runtime::~Runtime() {
  ticker.reset();
  if (linker != nullptr) api.wasmtime_linker_delete(linker);
  if (engine != nullptr) api.wasm_engine_delete(engine);
}

void Runtime::make_engine() {
  const bool limited = address_space_is_limited();
  const std::uint64_t reservation = limited ? 0 : kReservation;
  const std::uint64_t guard = limited ? kSmallGuard : kGuard;
  api::wasm_config_t* config = api.wasm_config_new();
  api.wasmtime_config_strategy_set(config, api::kStrategy);
  api.wasmtime_config_cranelift_opt_level_set(config, api::kOptimise);
  api.wasmtime_config_parallel_compilation_set(config, true);
  api.wasmtime_config_epoch_interruption_set(config, true);
  api.wasmtime_config_max_wasm_stack_set(config, kMaxStack);
  api.wasmtime_config_memory_reservation_set(config, reservation);
  api.wasmtime_config_memory_guard_size_set(config, guard);
  if (limited) api.wasmtime_config_memory_reservation_for_growth_set(config, kSmallGrowth);
  // What no plugin's compiler asks for, and what would allocate outside of the limits.
  api.wasmtime_config_wasm_threads_set(config, false);
  api.wasmtime_config_wasm_memory64_set(config, false);
  api.wasmtime_config_wasm_multi_memory_set(config, false);
  api.wasmtime_config_gc_support_set(config, false);
  engine = api.wasm_engine_new_with_config(config);
  configuration = "wasmtime " + std::to_string(api::kMajorVersion) +
                  " cranelift epoch reservation=" + std::to_string(reservation) +
                  " guard=" + std::to_string(guard);
  ticker = std::make_unique<Ticker>(Engine::kTick,
                                    [this] { api.wasmtime_engine_increment_epoch(engine); });
}

std::string Runtime::define_imports() {
  linker = api.wasmtime_linker_new(engine);
  for (const HostImport& import : imports) {
    if (import.parameters.size() > kMaxParameters)
      return std::string(import.name) + ": too many parameters";
    api::wasm_functype_t* type = make_type(api, import.parameters, import.results);
    api::wasmtime_error_t* failure = api.wasmtime_linker_define_func_unchecked(
        linker, import.module.data(), import.module.size(), import.name.data(), import.name.size(),
        type, call_host, const_cast<HostImport*>(&import), nullptr);
    api.wasm_functype_delete(type);
    if (failure != nullptr) return api::take_message(api, failure);
  }
  return {};
}

const HostImport* Runtime::find_import(std::string_view module,
                                       std::string_view name) const noexcept {
  const auto found = std::find_if(imports.begin(), imports.end(), [&](const HostImport& import) {
    return import.module == module && import.name == name;
  });
  return found == imports.end() ? nullptr : &*found;
}

std::shared_ptr<Engine> Engine::make(const Options& options, std::string& error) {
  std::shared_ptr<Runtime> runtime = Runtime::make(options, error);
  if (!runtime) return nullptr;
  return std::shared_ptr<Engine>(new Engine(std::move(runtime)));
}

Engine::Engine(std::shared_ptr<Runtime> runtime) : runtime_(std::move(runtime)) {}
Engine::~Engine() = default;

}  // namespace holdfast::wasm
