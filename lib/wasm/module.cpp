#include <malloc.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include "base/log.hpp"
#include "wasm/digest.hpp"
#include "wasm/engine.hpp"
#include "wasm/runtime.hpp"

namespace holdfast::wasm {
namespace {

constexpr std::array<Callee, kExports> kCallbacks{{
    {"proxy_on_context_create", "ii", ""},
    {"proxy_on_vm_start", "ii", "i"},
    {"proxy_on_configure", "ii", "i"},
    {"proxy_on_tick", "i", ""},
    {"proxy_on_request_headers", "iii", "i", "ii"},
    {"proxy_on_request_body", "iii", "i"},
    {"proxy_on_request_trailers", "ii", "i"},
    {"proxy_on_response_headers", "iii", "i", "ii"},
    {"proxy_on_response_body", "iii", "i"},
    {"proxy_on_response_trailers", "ii", "i"},
    {"proxy_on_http_call_response", "iiiii", ""},
    {"proxy_on_queue_ready", "ii", ""},
    {"proxy_on_foreign_function", "iii", ""},
    {"proxy_on_done", "i", "i"},
    {"proxy_on_log", "i", ""},
    {"proxy_on_delete", "i", ""},
    {"proxy_on_new_connection", "i", "i"},
    {"proxy_on_downstream_data", "iii", "i"},
    {"proxy_on_upstream_data", "iii", "i"},
    {"proxy_on_downstream_connection_close", "ii", ""},
    {"proxy_on_upstream_connection_close", "ii", ""},
}};

constexpr std::array<Callee, kEntries> kEntryList{{
    {"_initialize", "", ""},
    {"main", "ii", "i"},
    {"_start", "", ""},
    {"proxy_on_memory_allocate", "i", "i"},
    {"malloc", "i", "i"},
}};

constexpr std::array<std::pair<std::string_view, AbiVersion>, 3> kAbiMarks{{
    {"proxy_abi_version_0_1_0", AbiVersion::v0_1_0},
    {"proxy_abi_version_0_2_0", AbiVersion::v0_2_0},
    {"proxy_abi_version_0_2_1", AbiVersion::v0_2_1},
}};

std::string_view view(const api::wasm_byte_vec_t* bytes) {
  return {bytes->data, bytes->size};
}

std::string_view kind_name(std::uint8_t kind) {
  switch (kind) {
    case api::kTypeFunc:
      return "function";
    case api::kTypeGlobal:
      return "global";
    case api::kTypeTable:
      return "table";
    case api::kTypeMemory:
      return "memory";
    default:
      return "tag";
  }
}

/// Collects what is wrong, so that all of it is told at once.
class Problems {
 public:
  void add(const std::string& problem) {
    if (!text_.empty()) text_ += "; ";
    text_ += problem;
  }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

void check_import(const Runtime& runtime, const api::wasm_importtype_t* import,
                  Problems& problems) {
  const api::Api& api = runtime.api;
  const std::string_view module = view(api.wasm_importtype_module(import));
  const std::string_view name = view(api.wasm_importtype_name(import));
  const api::wasm_externtype_t* type = api.wasm_importtype_type(import);
  const std::string full = "import " + std::string(module) + "." + std::string(name);
  if (const std::uint8_t kind = api.wasm_externtype_kind(type); kind != api::kTypeFunc) {
    problems.add(full + " is a " + std::string(kind_name(kind)) +
                 ": Holdfast provides functions only");
    return;
  }
  const HostImport* provided = runtime.find_import(module, name);
  if (provided == nullptr) {
    problems.add(full + " is not provided by Holdfast");
    return;
  }
  const api::wasm_functype_t* function = api.wasm_externtype_as_functype_const(type);
  const std::string parameters = letters_of(api, *api.wasm_functype_params(function));
  const std::string results = letters_of(api, *api.wasm_functype_results(function));
  if (parameters != provided->parameters || results != provided->results) {
    problems.add(full + " has the type " + describe_type(parameters, results) + ", Holdfast's is " +
                 describe_type(provided->parameters, provided->results));
  }
}

void check_imports(const Runtime& runtime, const api::wasmtime_module_t* module,
                   Problems& problems) {
  api::wasm_importtype_vec_t imports{};
  runtime.api.wasmtime_module_imports(module, &imports);
  for (std::size_t i = 0; i < imports.size; ++i) check_import(runtime, imports.data[i], problems);
  runtime.api.wasm_importtype_vec_delete(&imports);
}

const Callee* find_callee(std::string_view name) {
  for (const Callee& callee : kCallbacks) {
    if (callee.name == name) return &callee;
  }
  for (const Callee& callee : kEntryList) {
    if (callee.name == name) return &callee;
  }
  return nullptr;
}

void check_function(const api::Api& api, std::string_view name,
                    const api::wasm_functype_t* function, Problems& problems) {
  const Callee* callee = find_callee(name);
  if (callee == nullptr) return;
  const std::string parameters = letters_of(api, *api.wasm_functype_params(function));
  const std::string results = letters_of(api, *api.wasm_functype_results(function));
  const bool fits = parameters == callee->parameters ||
                    (!callee->older_parameters.empty() && parameters == callee->older_parameters);
  if (!fits || results != callee->results) {
    problems.add("export " + std::string(name) + " has the type " +
                 describe_type(parameters, results) + ", not " +
                 describe_type(callee->parameters, callee->results));
  }
}

void check_exports(const api::Api& api, ModuleCode& code, Problems& problems) {
  std::optional<AbiVersion> version;
  bool memory = false;
  bool allocator = false;
  api::wasm_exporttype_vec_t exports{};
  api.wasmtime_module_exports(code.module, &exports);
  for (std::size_t i = 0; i < exports.size; ++i) {
    const std::string_view name = view(api.wasm_exporttype_name(exports.data[i]));
    const api::wasm_externtype_t* type = api.wasm_exporttype_type(exports.data[i]);
    const std::uint8_t kind = api.wasm_externtype_kind(type);
    if (name == "memory" && kind == api::kTypeMemory) {
      memory = true;
      code.initial_memory =
          api.wasmtime_memorytype_minimum(api.wasm_externtype_as_memorytype_const(type)) * 65'536;
    }
    if (kind != api::kTypeFunc) continue;
    allocator = allocator || name == "proxy_on_memory_allocate" || name == "malloc";
    for (const auto& [mark, value] : kAbiMarks) {
      if (name == mark && version.value_or(value) <= value) version = value;
    }
    check_function(api, name, api.wasm_externtype_as_functype_const(type), problems);
  }
  api.wasm_exporttype_vec_delete(&exports);
  if (!memory) problems.add("no memory is exported as \"memory\"");
  if (!allocator) problems.add("neither proxy_on_memory_allocate nor malloc is exported");
  if (version) {
    code.abi = *version;
  } else {
    problems.add(
        "no proxy_abi_version_0_1_0, proxy_abi_version_0_2_0 or proxy_abi_version_0_2_1 is "
        "exported");
  }
}

/// Null and why in `error`.
api::wasmtime_module_t* compile_now(const Runtime& runtime, std::string_view code,
                                    std::string& error) {
  const api::Api& api = runtime.api;
  api::wasm_byte_vec_t binary{};
  if (!code.starts_with(std::string_view("\0asm", 4))) {
    if (api::wasmtime_error_t* failure = api.wasmtime_wat2wasm(code.data(), code.size(), &binary)) {
      error = "neither WebAssembly nor its text form: " + api::take_message(api, failure);
      return nullptr;
    }
    code = {binary.data, binary.size};
  }
  api::wasmtime_module_t* module = nullptr;
  api::wasmtime_error_t* failure = api.wasmtime_module_new(
      runtime.engine, reinterpret_cast<const std::uint8_t*>(code.data()), code.size(), &module);
  if (binary.data != nullptr) api.wasm_byte_vec_delete(&binary);
  if (failure != nullptr) error = api::take_message(api, failure);
  return module;
}

void keep(const Runtime& runtime, const api::wasmtime_module_t* module, const std::string& key) {
  if (!runtime.cache.usable()) return;
  api::wasm_byte_vec_t image{};
  if (api::wasmtime_error_t* failure = runtime.api.wasmtime_module_serialize(module, &image)) {
    base::log(base::Component::wasm, base::LogLevel::debug,
              "compiled code is not kept: " + api::take_message(runtime.api, failure));
    return;
  }
  runtime.cache.store(key, {image.data, image.size});
  runtime.api.wasm_byte_vec_delete(&image);
}

/// Null: not in the cache, or of another machine or version.
api::wasmtime_module_t* load_kept(const Runtime& runtime, const std::string& key) {
  const std::optional<std::string> image = runtime.cache.load(key);
  if (!image) return nullptr;
  api::wasmtime_module_t* module = nullptr;
  if (api::wasmtime_error_t* failure = runtime.api.wasmtime_module_deserialize(
          runtime.engine, reinterpret_cast<const std::uint8_t*>(image->data()), image->size(),
          &module)) {
    base::log(base::Component::wasm, base::LogLevel::debug,
              "kept code is not taken: " + api::take_message(runtime.api, failure));
    return nullptr;
  }
  return module;
}

}  // namespace

std::span<const Callee, kExports> callbacks() noexcept {
  return kCallbacks;
}
std::span<const Callee, kEntries> entries() noexcept {
  return kEntryList;
}

std::string letters_of(const api::Api& api, const api::wasm_valtype_vec_t& types) {
  std::string letters(types.size, 'r');
  std::transform(types.data, types.data + types.size, letters.begin(),
                 [&api](const api::wasm_valtype_t* type) {
                   switch (api.wasm_valtype_kind(type)) {
                     case api::kI32:
                       return 'i';
                     case api::kI64:
                       return 'I';
                     case api::kF32:
                       return 'f';
                     case api::kF64:
                       return 'F';
                     default:
                       return 'r';
                   }
                 });
  return letters;
}

std::string describe_type(std::string_view parameters, std::string_view results) {
  const auto list = [](std::string_view letters) {
    std::string text;
    for (const char letter : letters) {
      if (!text.empty()) text += ", ";
      switch (letter) {
        case 'i':
          text += "i32";
          break;
        case 'I':
          text += "i64";
          break;
        case 'f':
          text += "f32";
          break;
        case 'F':
          text += "f64";
          break;
        default:
          text += "reference";
      }
    }
    return text;
  };
  return "(" + list(parameters) + ") -> " + (results.empty() ? "nothing" : list(results));
}

ModuleCode::~ModuleCode() {
  if (linked != nullptr) runtime->api.wasmtime_instance_pre_delete(linked);
  if (module != nullptr) runtime->api.wasmtime_module_delete(module);
}

Module::Module(std::unique_ptr<const ModuleCode> code) : code_(std::move(code)) {}
Module::~Module() = default;
AbiVersion Module::abi() const noexcept {
  return code_->abi;
}
std::size_t Module::default_memory() const noexcept {
  constexpr std::size_t kMost = 1UL << 32U;
  return std::min(std::max(Limits{}.memory, 2 * code_->initial_memory), kMost);
}

bool Module::from_cache() const noexcept {
  return code_->from_cache;
}

std::shared_ptr<const Module> Engine::compile(std::string_view code, std::string& error) {
  const auto begin = std::chrono::steady_clock::now();
  const Runtime& runtime = *runtime_;
  auto made = std::make_unique<ModuleCode>(runtime_);
  const std::string key = to_hex(digest_parts({runtime.configuration, code}));
  made->module = load_kept(runtime, key);
  made->from_cache = made->module != nullptr;
  if (!made->from_cache) {
    made->module = compile_now(runtime, code, error);
    if (made->module == nullptr) return nullptr;
    keep(runtime, made->module, key);
#ifdef __GLIBC__
    malloc_trim(0);  // The compiler's memory: some 80 MB for a Go plugin.
#endif
  }
  Problems problems;
  check_imports(runtime, made->module, problems);
  check_exports(runtime.api, *made, problems);
  if (problems.text().empty()) {
    if (api::wasmtime_error_t* failure = runtime.api.wasmtime_linker_instantiate_pre(
            runtime.linker, made->module, &made->linked)) {
      problems.add(api::take_message(runtime.api, failure));
    }
  }
  if (!problems.text().empty()) {
    error = problems.text();
    return nullptr;
  }
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - begin);
  base::log(base::Component::wasm, base::LogLevel::debug,
            std::string(made->from_cache ? "taken from the cache" : "compiled") + " in " +
                std::to_string(took.count()) + " us: " + std::to_string(code.size()) + " bytes");
  return std::shared_ptr<const Module>(new Module(std::move(made)));
}

}  // namespace holdfast::wasm
