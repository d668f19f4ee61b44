#include "wasm/wasmtime_api.hpp"

#include <dlfcn.h>
#include <elf.h>

#include <cstring>
#include <filesystem>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/log.hpp"

namespace holdfast::wasm::api {
namespace {

constexpr std::string_view kFile = "libwasmtime.so";

struct Library {
  std::mutex mutex;
  void* handle = nullptr;
  Api functions;
};

Library& library() {
  static Library instance;
  return instance;
}

std::vector<std::string> places() {
  std::vector<std::string> found;
  std::error_code failed;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (!failed) {
    const std::filesystem::path folder = program.parent_path();
    found.push_back((folder / kFile).string());
    found.push_back((folder.parent_path() / "lib/holdfast" / kFile).string());
  }
  return found;
}

/// The first that is there, also if it can't be loaded: it was put there to be taken.
void* open_library(std::string& error) {
  for (const std::string& path : places()) {
    std::error_code failed;
    if (!std::filesystem::exists(path, failed)) continue;
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) error = dlerror();
    return handle;
  }
  void* handle = dlopen(kFile.data(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) error = dlerror();
  return handle;
}

/// The first function that is missing; empty = none.
std::string_view resolve(void* handle, Api& functions) {
#define HOLDFAST_WASMTIME_RESOLVE(result, name, parameters)                          \
  functions.name = reinterpret_cast<decltype(functions.name)>(dlsym(handle, #name)); \
  if (functions.name == nullptr) return #name;
  HOLDFAST_WASMTIME_FUNCTIONS(HOLDFAST_WASMTIME_RESOLVE)
#undef HOLDFAST_WASMTIME_RESOLVE
  return {};
}

template <class T>
bool read_at(std::string_view image, std::uint64_t offset, T& value) {
  if (offset > image.size() || image.size() - offset < sizeof value) return false;
  std::memcpy(&value, image.data() + offset, sizeof value);
  return true;
}

/// The version that compiled code carries: section ".wasmtime.engine" of an ELF file holds a byte
/// 0, a length, the version. Empty = not found.
std::string version_in(std::string_view image) {
  constexpr std::string_view kSection = ".wasmtime.engine";
  Elf64_Ehdr head;
  Elf64_Shdr names;
  if (!read_at(image, 0, head) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0) return {};
  if (!read_at(image, head.e_shoff + std::uint64_t{head.e_shstrndx} * sizeof names, names))
    return {};
  for (std::uint64_t i = 0; i < head.e_shnum; ++i) {
    Elf64_Shdr section;
    if (!read_at(image, head.e_shoff + i * sizeof section, section)) return {};
    const std::uint64_t name = names.sh_offset + section.sh_name;
    if (name > image.size() || !image.substr(name).starts_with(kSection)) continue;
    std::uint8_t prefix[2];
    if (!read_at(image, section.sh_offset, prefix) || prefix[0] != 0) return {};
    if (image.size() - section.sh_offset - sizeof prefix < prefix[1]) return {};
    return std::string(image.substr(section.sh_offset + sizeof prefix, prefix[1]));
  }
  return {};
}

/// No function tells the version, but what it compiles does.
std::string version_of(const Api& functions) {
  constexpr std::uint8_t kEmptyModule[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
  wasm_engine_t* engine = functions.wasm_engine_new_with_config(functions.wasm_config_new());
  wasmtime_module_t* module = nullptr;
  wasm_byte_vec_t image{};
  std::string version;
  wasmtime_error_t* failure =
      functions.wasmtime_module_new(engine, kEmptyModule, sizeof kEmptyModule, &module);
  if (failure == nullptr) failure = functions.wasmtime_module_serialize(module, &image);
  if (failure == nullptr) {
    version = version_in({image.data, image.size});
    functions.wasm_byte_vec_delete(&image);
  } else {
    functions.wasmtime_error_delete(failure);
  }
  if (module != nullptr) functions.wasmtime_module_delete(module);
  functions.wasm_engine_delete(engine);
  return version;
}

}  // namespace

const Api* load(std::string& error) {
  Library& shared = library();
  const std::lock_guard lock(shared.mutex);
  if (shared.handle != nullptr) return &shared.functions;
  std::string why;
  void* handle = open_library(why);
  if (handle == nullptr) {
    error = "the WebAssembly runtime (Wasmtime " + std::to_string(kMajorVersion) +
            ") cannot be loaded: " + why;
    return nullptr;
  }
  Api functions;
  const std::string_view missing = resolve(handle, functions);
  if (!missing.empty()) {
    error = "the WebAssembly runtime has no function " + std::string(missing) +
            ": it is not Wasmtime " + std::to_string(kMajorVersion);
    dlclose(handle);
    return nullptr;
  }
  const std::string version = version_of(functions);
  if (version.substr(0, version.find('.')) != std::to_string(kMajorVersion)) {
    error = "the WebAssembly runtime is Wasmtime " +
            (version.empty() ? "of an unknown version" : version) + ", not " +
            std::to_string(kMajorVersion);
    return nullptr;  // Stays loaded: its signal handlers are in place.
  }
  Dl_info where{};
  dladdr(reinterpret_cast<void*>(functions.wasm_config_new), &where);
  base::log(base::Component::wasm, base::LogLevel::debug,
            "WebAssembly runtime: Wasmtime " + version + ", " +
                (where.dli_fname != nullptr ? where.dli_fname : ""));
  shared.functions = functions;
  shared.handle = handle;
  return &shared.functions;
}

const Api& loaded() noexcept {
  return library().functions;
}

std::string take_message(const Api& api, wasmtime_error_t* failure) {
  wasm_byte_vec_t text{};
  api.wasmtime_error_message(failure, &text);
  std::string message(text.data, text.size);
  api.wasm_byte_vec_delete(&text);
  api.wasmtime_error_delete(failure);
  return message;
}

}  // namespace holdfast::wasm::api
