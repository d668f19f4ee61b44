#include "wasm/vm.hpp"

#include <cassert>
#include <cstring>
#include <utility>

#include "wasm/engine.hpp"
#include "wasm/instance.hpp"
#include "wasm/runtime.hpp"

namespace holdfast::wasm {

namespace {

/// A copy of bytes, in a buffer that is used again; whoever needs another one meanwhile finds an
/// empty one.
class Spare {
 public:
  Spare(std::string& home, std::string_view bytes) : home_(home), copy_(std::exchange(home, {})) {
    copy_.assign(bytes);
  }
  ~Spare() {
    constexpr std::size_t kKept = 64UL * 1024;
    if (copy_.capacity() <= kKept) home_ = std::move(copy_);
  }
  Spare(const Spare&) = delete;
  Spare& operator=(const Spare&) = delete;
  [[nodiscard]] std::string_view bytes() const noexcept { return copy_; }

 private:
  std::string& home_;
  std::string copy_;
};

}  // namespace

struct Vm::Impl {
  Impl(std::shared_ptr<Runtime> runtime, const Limits& limits, Guest& guest)
      : instance(std::move(runtime), limits, guest) {}

  /// Null: not in the memory.
  [[nodiscard]] std::uint8_t* at(std::uint32_t pointer, std::uint64_t length) noexcept {
    const Instance::Memory& memory = instance.memory();
    return std::uint64_t{pointer} + length <= memory.size ? memory.base + pointer : nullptr;
  }

  Instance instance;
  std::string spare;  ///< Of give().
};

std::string_view export_name(Export e) noexcept {
  return callbacks()[static_cast<std::size_t>(e)].name;
}

std::string_view trap_name(TrapKind kind) noexcept {
  switch (kind) {
    case TrapKind::unreachable:
      return "unreachable";
    case TrapKind::stack_overflow:
      return "stack_overflow";
    case TrapKind::memory:
      return "memory";
    case TrapKind::arithmetic:
      return "arithmetic";
    case TrapKind::timeout:
      return "timeout";
    case TrapKind::out_of_memory:
      return "out_of_memory";
    case TrapKind::exit:
      return "exit";
    case TrapKind::other:
    case TrapKind::count_:
      break;
  }
  return "other";
}

std::unique_ptr<Vm> Vm::instantiate(const Module& module, const Limits& limits, Guest& guest,
                                    std::string& error) {
  auto impl = std::make_unique<Impl>(module.code_->runtime, limits, guest);
  error = impl->instance.instantiate(*module.code_);
  if (!error.empty()) return nullptr;
  return std::unique_ptr<Vm>(new Vm(std::move(impl)));
}

Vm::Vm(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Vm::~Vm() = default;

bool Vm::start() noexcept {
  Instance& instance = impl_->instance;
  const Instance::Function& initialize = instance.function(Entry::initialize);
  if (initialize.callee != nullptr) {
    if (!instance.call(initialize, {})) return false;
    const Instance::Function& main = instance.function(Entry::main);
    return main.callee == nullptr || instance.call(main, {});
  }
  const Instance::Function& start = instance.function(Entry::start);
  return start.callee == nullptr || instance.call(start, {});
}

bool Vm::has(Export e) const noexcept {
  return impl_->instance.function(e).callee != nullptr;
}

std::optional<std::uint32_t> Vm::call(Export e,
                                      std::initializer_list<std::uint32_t> arguments) noexcept {
  assert(has(e));
  return impl_->instance.call(impl_->instance.function(e), {arguments.begin(), arguments.size()});
}

std::size_t Vm::parameters(Export e) const noexcept {
  return impl_->instance.function(e).parameters;
}

const Trap& Vm::trap() const noexcept {
  return impl_->instance.trap();
}

void Vm::trap_now(TrapKind kind, std::string text) noexcept {
  impl_->instance.stop(kind, std::move(text));
}

std::optional<std::string_view> Vm::read(std::uint32_t pointer, std::uint32_t length) noexcept {
  const std::uint8_t* from = impl_->at(pointer, length);
  if (from == nullptr) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(from), length);
}

std::optional<std::uint32_t> Vm::read_u32(std::uint32_t pointer) noexcept {
  std::uint32_t value;
  const std::uint8_t* from = impl_->at(pointer, sizeof value);
  if (from == nullptr) return std::nullopt;
  std::memcpy(&value, from, sizeof value);
  return value;
}

bool Vm::write(std::uint32_t pointer, std::string_view bytes) noexcept {
  std::uint8_t* to = impl_->at(pointer, bytes.size());
  if (to == nullptr) return false;
  if (!bytes.empty()) std::memmove(to, bytes.data(), bytes.size());
  return true;
}

bool Vm::write_u32(std::uint32_t pointer, std::uint32_t value) noexcept {
  return write(pointer, {reinterpret_cast<const char*>(&value), sizeof value});
}

bool Vm::write_u64(std::uint32_t pointer, std::uint64_t value) noexcept {
  return write(pointer, {reinterpret_cast<const char*>(&value), sizeof value});
}

Status Vm::give(std::string_view bytes, std::uint32_t pointer_out,
                std::uint32_t length_out) noexcept {
  std::uint32_t pointer = 0;
  if (!bytes.empty()) {
    // While it allocates, the guest may call host functions, which change what `bytes` is a view
    // of.
    const Spare kept(impl_->spare, bytes);
    bytes = kept.bytes();
    Instance& instance = impl_->instance;
    const Instance::Function& own = instance.function(Entry::allocate);
    const Instance::Function& allocate =
        own.callee != nullptr ? own : instance.function(Entry::malloc);
    if (allocate.callee == nullptr || bytes.size() > UINT32_MAX)
      return Status::invalid_memory_access;
    const std::uint32_t size[] = {static_cast<std::uint32_t>(bytes.size())};
    const std::optional<std::uint32_t> allocated = instance.call(allocate, size);
    if (!allocated || *allocated == 0 || !write(*allocated, bytes))
      return Status::invalid_memory_access;
    pointer = *allocated;
  }
  const bool told = write_u32(pointer_out, pointer) &&
                    write_u32(length_out, static_cast<std::uint32_t>(bytes.size()));
  return told ? Status::ok : Status::invalid_memory_access;
}

std::size_t Vm::memory_size() noexcept {
  return impl_->instance.memory().size;
}

}  // namespace holdfast::wasm
