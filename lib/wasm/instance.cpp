#include "wasm/instance.hpp"

#include <algorithm>
#include <utility>

#include "base/cpu_time.hpp"
#include "base/log.hpp"

namespace holdfast::wasm {
namespace {

/// Functions of a table are host memory: 16 bytes each.
constexpr std::int64_t kMaxTableElements = 1'000'000;
constexpr std::int64_t kMaxTables = 16;
constexpr std::size_t kMaxFrames = 6;

bool tracing() {
  return base::log_enabled(base::Component::wasm, base::LogLevel::trace);
}

void trace(const std::string& line) {
  base::log(base::Component::wasm, base::LogLevel::trace, line);
}

void trace_call(std::string_view name, std::span<const std::uint32_t> arguments) {
  std::string line = "[host->vm] " + std::string(name) + "(";
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (i != 0) line += ", ";
    line += std::to_string(arguments[i]);
  }
  trace(line + ")");
}

void trace_return(std::string_view name, std::optional<std::uint32_t> result) {
  trace("[host<-vm] " + std::string(name) +
        " return: " + (result ? std::to_string(*result) : "void"));
}

std::string full_name(const HostImport& import) {
  return std::string(import.module) + "." + std::string(import.name);
}

void trace_host_call(const HostImport& import, const std::uint64_t* arguments) {
  std::string line = "[vm->host] " + full_name(import) + "(";
  for (std::size_t i = 0; i < import.parameters.size(); ++i) {
    if (i != 0) line += ", ";
    line += std::to_string(arguments[i]);
  }
  trace(line + ")");
}

void trace_host_return(const HostImport& import, std::uint64_t result) {
  trace("[vm<-host] " + full_name(import) +
        " return: " + (import.results.empty() ? "void" : std::to_string(result)));
}

/// " (innermost < caller < ...)", or nothing.
std::string frames_of(const api::Api& api, const api::wasmtime_error_t* failure,
                      const api::wasm_trap_t* trap) {
  api::wasm_frame_vec_t frames{};
  if (trap != nullptr) {
    api.wasm_trap_trace(trap, &frames);
  } else if (failure != nullptr) {
    api.wasmtime_error_wasm_trace(failure, &frames);
  }
  std::string text;
  for (std::size_t i = 0; i < std::min(frames.size, kMaxFrames); ++i) {
    text += text.empty() ? " (" : " < ";
    if (const api::wasm_byte_vec_t* name = api.wasmtime_frame_func_name(frames.data[i])) {
      text.append(name->data, name->size);
    } else {
      text += "function " + std::to_string(api.wasm_frame_func_index(frames.data[i]));
    }
  }
  if (!text.empty()) text += frames.size > kMaxFrames ? " < ...)" : ")";
  api.wasm_frame_vec_delete(&frames);
  return text;
}

std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text;
}

struct Cause {
  TrapKind kind;
  std::string_view text;
};

Cause cause_of(std::uint8_t code) {
  switch (code) {
    case api::kTrapStackOverflow:
      return {TrapKind::stack_overflow, "stack overflow"};
    case api::kTrapMemoryOutOfBounds:
      return {TrapKind::memory, "memory access out of bounds"};
    case api::kTrapHeapMisaligned:
      return {TrapKind::memory, "misaligned memory access"};
    case api::kTrapTableOutOfBounds:
      return {TrapKind::memory, "table access out of bounds"};
    case api::kTrapIndirectCallToNull:
      return {TrapKind::memory, "call of a function pointer that is null"};
    case api::kTrapBadSignature:
      return {TrapKind::memory, "call of a function pointer of another type"};
    case api::kTrapIntegerOverflow:
      return {TrapKind::arithmetic, "integer overflow"};
    case api::kTrapDivisionByZero:
      return {TrapKind::arithmetic, "division by zero"};
    case api::kTrapBadConversion:
      return {TrapKind::arithmetic, "conversion of a float that is no integer"};
    case api::kTrapUnreachable:
      return {TrapKind::unreachable, "unreachable code reached"};
    default:
      return {TrapKind::other, {}};
  }
}

api::wasmtime_error_t* at_deadline(api::wasmtime_context_t* /*context*/, void* instance,
                                   std::uint64_t* ticks, std::uint8_t* /*kind*/) {
  return static_cast<Instance*>(instance)->on_deadline(*ticks);
}

}  // namespace

api::wasm_trap_t* call_host(void* env, api::wasmtime_caller_t* caller,
                            api::wasmtime_val_raw_t* values, std::size_t /*count*/) {
  const api::Api& api = api::loaded();
  void* data = api.wasmtime_context_get_data(api.wasmtime_caller_context(caller));
  return static_cast<Instance*>(data)->call_host(*static_cast<const HostImport*>(env), values);
}

Instance::Instance(std::shared_ptr<Runtime> runtime, const Limits& limits, Guest& guest)
    : runtime_(std::move(runtime)), api_(runtime_->api), limits_(limits), guest_(guest) {
  runtime_->ticker->add(runner_);
}

Instance::~Instance() {
  if (store_ != nullptr) api_.wasmtime_store_delete(store_);
  runtime_->ticker->remove(runner_);
}

void Instance::enter(std::chrono::milliseconds limit) noexcept {
  limit_ = limit;
  cpu_at_first_.reset();
  api_.wasmtime_context_set_epoch_deadline(context_, 1);
  runtime_->ticker->enter(runner_);
}

// The first deadline is the next tick, which comes within one: so much more than the limit, at
// most, is not counted. Ticks are of real time, in which others may have had the CPU.
api::wasmtime_error_t* Instance::on_deadline(std::uint64_t& ticks) noexcept {
  const std::chrono::nanoseconds now = base::thread_cpu_time();
  if (!cpu_at_first_) cpu_at_first_ = now;
  const std::chrono::nanoseconds left = limit_ - (now - *cpu_at_first_);
  if (left.count() > 0) {
    ticks = static_cast<std::uint64_t>(left / Engine::kTick + 1);
    return nullptr;
  }
  stop(TrapKind::timeout, "it took more than " + std::to_string(limit_.count()) + " ms of the CPU" +
                              (limit_ == limits_.callback ? " (limits.callback_timeout)" : ""));
  return api_.wasmtime_error_new("timeout");
}

std::string Instance::instantiate(const ModuleCode& code) {
  if (code.initial_memory > limits_.memory) {
    return "it begins with " + std::to_string(code.initial_memory) +
           " bytes of memory, more than limits.max_memory_bytes (" +
           std::to_string(limits_.memory) + ")";
  }
  store_ = api_.wasmtime_store_new(runtime_->engine, this, nullptr);
  context_ = api_.wasmtime_store_context(store_);
  api_.wasmtime_store_limiter(store_, static_cast<std::int64_t>(limits_.memory), kMaxTableElements,
                              1, kMaxTables, 1);
  api::wasmtime_instance_t instance{};
  api::wasm_trap_t* trap = nullptr;
  api_.wasmtime_store_epoch_deadline_callback(store_, at_deadline, this, nullptr);
  enter(limits_.start);
  api::wasmtime_error_t* failure =
      api_.wasmtime_instance_pre_instantiate(code.linked, context_, &instance, &trap);
  runtime_->ticker->leave(runner_);
  if (trap != nullptr || stopped_) {
    note_trap("the module's start function", failure, trap);
    return trap_.text;
  }
  if (failure != nullptr) return one_line(api::take_message(api_, failure));
  api::wasmtime_extern_t memory{};
  constexpr std::string_view kMemory = "memory";
  if (!api_.wasmtime_instance_export_get(context_, &instance, kMemory.data(), kMemory.size(),
                                         &memory)) {
    return "no memory";  // compile() has seen to that.
  }
  exported_memory_ = memory.of.memory;
  find_functions(instance);
  ready_ = true;
  return {};
}

void Instance::look_at_memory() noexcept {
  memory_.base = api_.wasmtime_memory_data(context_, &exported_memory_);
  memory_.size = api_.wasmtime_memory_data_size(context_, &exported_memory_);
  memory_known_ = true;
}

void Instance::find_functions(const api::wasmtime_instance_t& instance) {
  const auto find = [&](const Callee& callee, std::chrono::milliseconds limit) {
    Function found;
    api::wasmtime_extern_t item{};
    if (!api_.wasmtime_instance_export_get(context_, &instance, callee.name.data(),
                                           callee.name.size(), &item) ||
        item.kind != api::kExternFunc) {
      return found;
    }
    api::wasm_functype_t* type = api_.wasmtime_func_type(context_, &item.of.func);
    found.callee = &callee;
    found.parameters = static_cast<std::uint8_t>(api_.wasm_functype_params(type)->size);
    found.results = static_cast<std::uint8_t>(api_.wasm_functype_results(type)->size);
    found.limit = limit;
    found.handle = item.of.func;
    api_.wasm_functype_delete(type);
    return found;
  };
  const auto start = std::max(limits_.callback, limits_.start);
  for (std::size_t i = 0; i < kExports; ++i) {
    const auto which = static_cast<Export>(i);
    const bool once = which == Export::on_vm_start || which == Export::on_configure;
    callbacks_[i] = find(callbacks()[i], once ? start : limits_.callback);
  }
  for (std::size_t i = 0; i < kEntries; ++i) entries_[i] = find(entries()[i], start);
}

std::optional<std::uint32_t> Instance::call(const Function& function,
                                            std::span<const std::uint32_t> arguments) noexcept {
  const bool outermost = depth_ == 0;
  if (outermost) {
    stopped_ = false;
    noted_ = false;
  } else if (stopped_) {
    return std::nullopt;
  }
  arguments = arguments.first(std::min<std::size_t>(arguments.size(), function.parameters));
  const bool traced = tracing();
  if (traced) trace_call(function.callee->name, arguments);

  std::array<api::wasmtime_val_raw_t, 8> values;
  static_assert(values.size() >= 5, "proxy_on_http_call_response takes five");
  for (std::size_t i = 0; i < function.parameters; ++i) {
    values[i].i64 = i < arguments.size() ? arguments[i] : 0;
  }
  if (outermost) enter(function.limit);
  ++depth_;
  api::wasm_trap_t* trap = nullptr;
  api::wasmtime_error_t* failure = api_.wasmtime_func_call_unchecked(
      context_, &function.handle, values.data(),
      std::max<std::size_t>(function.parameters, function.results), &trap);
  --depth_;
  memory_known_ = false;
  if (outermost) runtime_->ticker->leave(runner_);
  if (failure != nullptr || trap != nullptr) {
    note_trap(function.callee->name, failure, trap);
    return std::nullopt;
  }
  std::optional<std::uint32_t> result;
  if (function.results != 0) result = static_cast<std::uint32_t>(values[0].i32);
  if (traced) trace_return(function.callee->name, result);
  return result.value_or(0);
}

api::wasm_trap_t* Instance::call_host(const HostImport& import,
                                      api::wasmtime_val_raw_t* values) noexcept {
  memory_known_ = false;
  // Any code: stop() has said what it is.
  if (!ready_) stop(TrapKind::other, full_name(import) + " called by the module's start function");
  if (stopped_) return api_.wasmtime_trap_new_code(api::kTrapUnreachable);
  std::array<std::uint64_t, Runtime::kMaxParameters> arguments;
  for (std::size_t i = 0; i < import.parameters.size(); ++i) {
    // The upper half of an i32's word is whatever was there.
    arguments[i] = import.parameters[i] == 'i' ? static_cast<std::uint32_t>(values[i].i32)
                                               : static_cast<std::uint64_t>(values[i].i64);
  }
  const bool traced = tracing();
  if (traced) trace_host_call(import, arguments.data());
  const std::uint64_t result = import.function(guest_, arguments.data());
  if (stopped_) return api_.wasmtime_trap_new_code(api::kTrapUnreachable);
  if (!import.results.empty()) values[0].i64 = static_cast<std::int64_t>(result);
  if (traced) trace_host_return(import, result);
  return nullptr;
}

void Instance::stop(TrapKind kind, std::string text) noexcept {
  if (stopped_) return;
  stopped_ = true;
  trap_ = {kind, std::move(text)};
}

void Instance::classify(api::wasm_trap_t* trap) {
  std::uint8_t code = 0;
  const bool has_code = api_.wasmtime_trap_code(trap, &code);
  Cause cause = has_code ? cause_of(code) : Cause{TrapKind::other, {}};
  trap_.kind = cause.kind;
  trap_.text = cause.text;
  if (trap_.text.empty()) {
    api::wasm_byte_vec_t message{};
    api_.wasm_trap_message(trap, &message);
    trap_.text.assign(message.data, message.size);
    while (trap_.text.ends_with('\0')) trap_.text.pop_back();
    api_.wasm_byte_vec_delete(&message);
  }
}

/// The runtime does not tell that it has refused to grow a memory. So: the memory is nearly as
/// large as it may be, or the trap came from where the common languages go when an allocation
/// fails.
bool Instance::ran_out_of_memory(std::string_view frames) noexcept {
  if (!ready_) return false;
  if (trap_.kind != TrapKind::unreachable && trap_.kind != TrapKind::exit &&
      trap_.kind != TrapKind::other) {
    return false;
  }
  constexpr std::string_view kMarks[] = {"alloc_error", "rust_oom", "OutOfMemory", "out_of_memory",
                                         "mcache"};
  return memory().size >= limits_.memory - limits_.memory / 8 ||
         std::any_of(std::begin(kMarks), std::end(kMarks), [frames](std::string_view mark) {
           return frames.find(mark) != std::string_view::npos;
         });
}

void Instance::note_trap(std::string_view function, api::wasmtime_error_t* failure,
                         api::wasm_trap_t* trap) {
  const std::string frames = noted_ ? std::string() : frames_of(api_, failure, trap);
  if (!stopped_) {
    if (trap != nullptr) {
      classify(trap);
    } else {
      trap_ = {TrapKind::other, api::take_message(api_, std::exchange(failure, nullptr))};
    }
    stopped_ = true;
  }
  if (!noted_) {
    if (ran_out_of_memory(frames)) {
      trap_.kind = TrapKind::out_of_memory;
      trap_.text = "out of memory (limits.max_memory_bytes is " + std::to_string(limits_.memory) +
                   "), " + trap_.text;
    }
    trap_.text = one_line(std::string(function) + ": " + trap_.text + frames);
    noted_ = true;
  }
  if (failure != nullptr) api_.wasmtime_error_delete(failure);
  if (trap != nullptr) api_.wasm_trap_delete(trap);
}

}  // namespace holdfast::wasm
