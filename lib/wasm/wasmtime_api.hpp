// Those declarations of Wasmtime's C API, version 48, that this room uses, and the library loaded
// at run time.
//
// The names and layouts are the library's: tests/check_wasmtime_api compares each with the headers
// of the crate wasmtime-c-api-impl. The library is loaded at the first plugin, so that nobody else
// pays for it; it stays loaded, since it installs signal handlers. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace holdfast::wasm::api {

// NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier,bugprone-macro-parentheses):
// the names are Wasmtime's.

struct wasm_config_t;
struct wasm_engine_t;
struct wasm_exporttype_t;
struct wasm_externtype_t;
struct wasm_frame_t;
struct wasm_functype_t;
struct wasm_memorytype_t;
struct wasm_importtype_t;
struct wasm_trap_t;
struct wasm_valtype_t;
struct wasmtime_caller_t;
struct wasmtime_context_t;
struct wasmtime_error_t;
struct wasmtime_instance_pre_t;
struct wasmtime_linker_t;
struct wasmtime_module_t;
struct wasmtime_store_t;

struct wasm_byte_vec_t {
  std::size_t size;
  char* data;
};
struct wasm_valtype_vec_t {
  std::size_t size;
  wasm_valtype_t** data;
};
struct wasm_importtype_vec_t {
  std::size_t size;
  wasm_importtype_t** data;
};
struct wasm_exporttype_vec_t {
  std::size_t size;
  wasm_exporttype_t** data;
};
struct wasm_frame_vec_t {
  std::size_t size;
  wasm_frame_t** data;
};

struct wasmtime_func_t {
  std::uint64_t store_id;
  void* __private;
};
struct wasmtime_memory_t {
  struct {
    std::uint64_t store_id;
    std::uint32_t __private1;
  } in;
  std::uint32_t __private2;
};
struct wasmtime_global_t {
  std::uint64_t store_id;
  std::uint32_t __private1;
  std::uint32_t __private2;
  std::uint32_t __private3;
};
struct wasmtime_instance_t {
  std::uint64_t store_id;
  std::size_t __private;
};
union wasmtime_extern_union_t {
  wasmtime_func_t func;
  wasmtime_global_t global;
  wasmtime_memory_t memory;
};
struct wasmtime_extern_t {
  std::uint8_t kind;
  wasmtime_extern_union_t of;
};
union wasmtime_val_raw_t {
  std::int32_t i32;
  std::int64_t i64;
  std::uint8_t v128[16];
};

using wasmtime_func_unchecked_callback_t = wasm_trap_t* (*)(void* env, wasmtime_caller_t* caller,
                                                            wasmtime_val_raw_t* values,
                                                            std::size_t count);

/// May set how many ticks are left, or give an error, which ends the guest's code.
using wasmtime_epoch_callback_t = wasmtime_error_t* (*)(wasmtime_context_t* context, void* data,
                                                        std::uint64_t* ticks, std::uint8_t* kind);

// clang-format off
inline constexpr std::uint8_t kExternFunc = 0;  // WASMTIME_EXTERN_FUNC
inline constexpr std::uint8_t kExternMemory = 3;  // WASMTIME_EXTERN_MEMORY
inline constexpr std::uint8_t kTypeFunc = 0;  // WASM_EXTERN_FUNC
inline constexpr std::uint8_t kTypeGlobal = 1;  // WASM_EXTERN_GLOBAL
inline constexpr std::uint8_t kTypeTable = 2;  // WASM_EXTERN_TABLE
inline constexpr std::uint8_t kTypeMemory = 3;  // WASM_EXTERN_MEMORY
inline constexpr std::uint8_t kI32 = 0;  // WASM_I32
inline constexpr std::uint8_t kI64 = 1;  // WASM_I64
inline constexpr std::uint8_t kF32 = 2;  // WASM_F32
inline constexpr std::uint8_t kF64 = 3;  // WASM_F64
inline constexpr std::uint8_t kStrategy = 1;  // WASMTIME_STRATEGY_CRANELIFT
inline constexpr std::uint8_t kOptimise = 1;  // WASMTIME_OPT_LEVEL_SPEED
inline constexpr int kMajorVersion = 48;  // WASMTIME_VERSION_MAJOR

inline constexpr std::uint8_t kTrapStackOverflow = 0;  // WASMTIME_TRAP_CODE_STACK_OVERFLOW
inline constexpr std::uint8_t kTrapMemoryOutOfBounds = 1;  // WASMTIME_TRAP_CODE_MEMORY_OUT_OF_BOUNDS
inline constexpr std::uint8_t kTrapHeapMisaligned = 2;  // WASMTIME_TRAP_CODE_HEAP_MISALIGNED
inline constexpr std::uint8_t kTrapTableOutOfBounds = 3;  // WASMTIME_TRAP_CODE_TABLE_OUT_OF_BOUNDS
inline constexpr std::uint8_t kTrapIndirectCallToNull = 4;  // WASMTIME_TRAP_CODE_INDIRECT_CALL_TO_NULL
inline constexpr std::uint8_t kTrapBadSignature = 5;  // WASMTIME_TRAP_CODE_BAD_SIGNATURE
inline constexpr std::uint8_t kTrapIntegerOverflow = 6;  // WASMTIME_TRAP_CODE_INTEGER_OVERFLOW
inline constexpr std::uint8_t kTrapDivisionByZero = 7;  // WASMTIME_TRAP_CODE_INTEGER_DIVISION_BY_ZERO
inline constexpr std::uint8_t kTrapBadConversion = 8;  // WASMTIME_TRAP_CODE_BAD_CONVERSION_TO_INTEGER
inline constexpr std::uint8_t kTrapUnreachable = 9;  // WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED
// clang-format on

// X(result, name, parameters), each as in the headers.
// clang-format off
#define HOLDFAST_WASMTIME_FUNCTIONS(X)                                                                                 \
  X(void, wasm_byte_vec_delete, (wasm_byte_vec_t*))                                                                    \
  X(wasm_config_t*, wasm_config_new, (void))                                                                           \
  X(void, wasm_engine_delete, (wasm_engine_t*))                                                                        \
  X(wasm_engine_t*, wasm_engine_new_with_config, (wasm_config_t*))                                                     \
  X(const wasm_byte_vec_t*, wasm_exporttype_name, (const wasm_exporttype_t*))                                          \
  X(const wasm_externtype_t*, wasm_exporttype_type, (const wasm_exporttype_t*))                                        \
  X(void, wasm_exporttype_vec_delete, (wasm_exporttype_vec_t*))                                                        \
  X(const wasm_functype_t*, wasm_externtype_as_functype_const, (const wasm_externtype_t*))                             \
  X(const wasm_memorytype_t*, wasm_externtype_as_memorytype_const, (const wasm_externtype_t*))                         \
  X(std::uint8_t, wasm_externtype_kind, (const wasm_externtype_t*))                                                    \
  X(std::uint32_t, wasm_frame_func_index, (const wasm_frame_t*))                                                       \
  X(void, wasm_frame_vec_delete, (wasm_frame_vec_t*))                                                                  \
  X(void, wasm_functype_delete, (wasm_functype_t*))                                                                    \
  X(wasm_functype_t*, wasm_functype_new, (wasm_valtype_vec_t*, wasm_valtype_vec_t*))                                   \
  X(const wasm_valtype_vec_t*, wasm_functype_params, (const wasm_functype_t*))                                         \
  X(const wasm_valtype_vec_t*, wasm_functype_results, (const wasm_functype_t*))                                        \
  X(const wasm_byte_vec_t*, wasm_importtype_module, (const wasm_importtype_t*))                                        \
  X(const wasm_byte_vec_t*, wasm_importtype_name, (const wasm_importtype_t*))                                          \
  X(const wasm_externtype_t*, wasm_importtype_type, (const wasm_importtype_t*))                                        \
  X(void, wasm_importtype_vec_delete, (wasm_importtype_vec_t*))                                                        \
  X(void, wasm_trap_delete, (wasm_trap_t*))                                                                            \
  X(void, wasm_trap_message, (const wasm_trap_t*, wasm_byte_vec_t*))                                                   \
  X(void, wasm_trap_trace, (const wasm_trap_t*, wasm_frame_vec_t*))                                                    \
  X(std::uint8_t, wasm_valtype_kind, (const wasm_valtype_t*))                                                          \
  X(wasm_valtype_t*, wasm_valtype_new, (std::uint8_t))                                                                 \
  X(void, wasm_valtype_vec_new_uninitialized, (wasm_valtype_vec_t*, std::size_t))                                      \
  X(wasmtime_context_t*, wasmtime_caller_context, (wasmtime_caller_t*))                                                \
  X(void, wasmtime_config_cranelift_opt_level_set, (wasm_config_t*, std::uint8_t))                                     \
  X(void, wasmtime_config_epoch_interruption_set, (wasm_config_t*, bool))                                              \
  X(void, wasmtime_config_gc_support_set, (wasm_config_t*, bool))                                                      \
  X(void, wasmtime_config_max_wasm_stack_set, (wasm_config_t*, std::size_t))                                           \
  X(void, wasmtime_config_memory_guard_size_set, (wasm_config_t*, std::uint64_t))                                      \
  X(void, wasmtime_config_memory_reservation_for_growth_set, (wasm_config_t*, std::uint64_t))                          \
  X(void, wasmtime_config_memory_reservation_set, (wasm_config_t*, std::uint64_t))                                     \
  X(void, wasmtime_config_parallel_compilation_set, (wasm_config_t*, bool))                                            \
  X(void, wasmtime_config_strategy_set, (wasm_config_t*, std::uint8_t))                                                \
  X(void, wasmtime_config_wasm_memory64_set, (wasm_config_t*, bool))                                                   \
  X(void, wasmtime_config_wasm_multi_memory_set, (wasm_config_t*, bool))                                               \
  X(void, wasmtime_config_wasm_threads_set, (wasm_config_t*, bool))                                                    \
  X(void*, wasmtime_context_get_data, (const wasmtime_context_t*))                                                     \
  X(void, wasmtime_context_set_epoch_deadline, (wasmtime_context_t*, std::uint64_t))                                   \
  X(void, wasmtime_engine_increment_epoch, (const wasm_engine_t*))                                                     \
  X(void, wasmtime_error_delete, (wasmtime_error_t*))                                                                  \
  X(void, wasmtime_error_message, (const wasmtime_error_t*, wasm_byte_vec_t*))                                         \
  X(wasmtime_error_t*, wasmtime_error_new, (const char*))                                                              \
  X(void, wasmtime_error_wasm_trace, (const wasmtime_error_t*, wasm_frame_vec_t*))                                     \
  X(const wasm_byte_vec_t*, wasmtime_frame_func_name, (const wasm_frame_t*))                                           \
  X(wasmtime_error_t*, wasmtime_func_call_unchecked,                                                                   \
    (wasmtime_context_t*, const wasmtime_func_t*, wasmtime_val_raw_t*, std::size_t, wasm_trap_t**))                    \
  X(wasm_functype_t*, wasmtime_func_type, (const wasmtime_context_t*, const wasmtime_func_t*))                            \
  X(bool, wasmtime_instance_export_get,                                                                                \
    (wasmtime_context_t*, const wasmtime_instance_t*, const char*, std::size_t, wasmtime_extern_t*))                   \
  X(void, wasmtime_instance_pre_delete, (wasmtime_instance_pre_t*))                                                    \
  X(wasmtime_error_t*, wasmtime_instance_pre_instantiate,                                                              \
    (const wasmtime_instance_pre_t*, wasmtime_context_t*, wasmtime_instance_t*, wasm_trap_t**))                        \
  X(wasmtime_error_t*, wasmtime_linker_define_func_unchecked,                                                          \
    (wasmtime_linker_t*, const char*, std::size_t, const char*, std::size_t, const wasm_functype_t*,                   \
     wasmtime_func_unchecked_callback_t, void*, void (*)(void*)))                                                      \
  X(void, wasmtime_linker_delete, (wasmtime_linker_t*))                                                                \
  X(wasmtime_error_t*, wasmtime_linker_instantiate_pre,                                                                \
    (const wasmtime_linker_t*, const wasmtime_module_t*, wasmtime_instance_pre_t**))                                   \
  X(wasmtime_linker_t*, wasmtime_linker_new, (wasm_engine_t*))                                                         \
  X(std::uint8_t*, wasmtime_memory_data, (wasmtime_context_t*, const wasmtime_memory_t*))                              \
  X(std::size_t, wasmtime_memory_data_size, (const wasmtime_context_t*, const wasmtime_memory_t*))                     \
  X(std::uint64_t, wasmtime_memorytype_minimum, (const wasm_memorytype_t*))                                            \
  X(void, wasmtime_module_delete, (wasmtime_module_t*))                                                                \
  X(wasmtime_error_t*, wasmtime_module_deserialize,                                                                    \
    (wasm_engine_t*, const std::uint8_t*, std::size_t, wasmtime_module_t**))                                           \
  X(void, wasmtime_module_exports, (const wasmtime_module_t*, wasm_exporttype_vec_t*))                                 \
  X(void, wasmtime_module_imports, (const wasmtime_module_t*, wasm_importtype_vec_t*))                                 \
  X(wasmtime_error_t*, wasmtime_module_new,                                                                            \
    (wasm_engine_t*, const std::uint8_t*, std::size_t, wasmtime_module_t**))                                           \
  X(wasmtime_error_t*, wasmtime_module_serialize, (const wasmtime_module_t*, wasm_byte_vec_t*))                        \
  X(wasmtime_context_t*, wasmtime_store_context, (wasmtime_store_t*))                                                  \
  X(void, wasmtime_store_delete, (wasmtime_store_t*))                                                                  \
  X(void, wasmtime_store_epoch_deadline_callback,                                                                      \
    (wasmtime_store_t*, wasmtime_epoch_callback_t, void*, void (*)(void*)))                                            \
  X(void, wasmtime_store_limiter,                                                                                      \
    (wasmtime_store_t*, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t))                         \
  X(wasmtime_store_t*, wasmtime_store_new, (wasm_engine_t*, void*, void (*)(void*)))                                   \
  X(bool, wasmtime_trap_code, (const wasm_trap_t*, std::uint8_t*))                                                     \
  X(wasm_trap_t*, wasmtime_trap_new_code, (std::uint8_t))                                                              \
  X(wasmtime_error_t*, wasmtime_wat2wasm, (const char*, std::size_t, wasm_byte_vec_t*))
// clang-format on

/// The functions, by the names they have in the library.
struct Api {
#define HOLDFAST_WASMTIME_MEMBER(result, name, parameters) result(*name) parameters = nullptr;
  HOLDFAST_WASMTIME_FUNCTIONS(HOLDFAST_WASMTIME_MEMBER)
#undef HOLDFAST_WASMTIME_MEMBER
};

// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier,bugprone-macro-parentheses)

/// Loads the library at the first call. Null and why in `error`: it is not there, lacks a function,
/// or is another version. Looked for beside the program, in ../lib/holdfast from there (so it is in
/// a build directory, too), and where the loader looks.
[[nodiscard]] const Api* load(std::string& error);

/// REQUIRES: load() has succeeded.
[[nodiscard]] const Api& loaded() noexcept;

/// Takes it over.
[[nodiscard]] std::string take_message(const Api& api, wasmtime_error_t* failure);

}  // namespace holdfast::wasm::api
