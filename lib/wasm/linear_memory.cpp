#include "wasm/linear_memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

namespace holdfast::wasm {
namespace {

thread_local MemoryBudget* current_budget = nullptr;

std::size_t round_to_page(std::size_t bytes) noexcept {
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

/// Address space: a guard, room for `capacity` bytes of which `size` can be used, a guard. Compiled
/// code may touch the guards and what is not used yet, and then traps.
class Region {
 public:
  Region() = default;
  Region(Region&& other) noexcept { swap(other); }
  Region& operator=(Region&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Region() {
    if (mapped_ != nullptr) munmap(mapped_, length_);
  }

  [[nodiscard]] bool map(std::size_t capacity, std::size_t guard) noexcept {
    capacity_ = round_to_page(capacity);
    guard_ = round_to_page(guard);
    length_ = guard_ + capacity_ + guard_;
    if (length_ == 0) length_ = round_to_page(1);
    void* address =
        mmap(nullptr, length_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    mapped_ = address == MAP_FAILED ? nullptr : static_cast<std::uint8_t*>(address);
    return mapped_ != nullptr;
  }
  /// The first `size` bytes can be used, those that could not yet are 0.
  [[nodiscard]] bool open(std::size_t size) const noexcept {
    return size == 0 || mprotect(base(), round_to_page(size), PROT_READ | PROT_WRITE) == 0;
  }
  [[nodiscard]] std::uint8_t* base() const noexcept { return mapped_ + guard_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  void swap(Region& other) noexcept {
    std::swap(mapped_, other.mapped_);
    std::swap(length_, other.length_);
    std::swap(capacity_, other.capacity_);
    std::swap(guard_, other.guard_);
  }

  std::uint8_t* mapped_ = nullptr;
  std::size_t length_ = 0;
  std::size_t capacity_ = 0;
  std::size_t guard_ = 0;
};

struct LinearMemory {
  MemoryBudget& budget;
  Region region;
  std::size_t guard;

  /// Null, or what the runtime turns into memory.grow's -1.
  api::wasmtime_error_t* resize(std::size_t size) {
    if (size > budget.limit) {
      budget.refused = true;
      return api::loaded().wasmtime_error_new("beyond the limit");
    }
    if (size > region.capacity()) {  // Only where address space is short: see Runtime.
      Region larger;
      if (!larger.map(std::min(budget.limit, std::max(size, 2 * region.capacity())), guard) ||
          !larger.open(size)) {
        budget.refused = true;
        return api::loaded().wasmtime_error_new("no address space");
      }
      if (budget.size != 0) std::memcpy(larger.base(), region.base(), budget.size);
      region = std::move(larger);
    } else if (!region.open(size)) {
      budget.refused = true;
      return api::loaded().wasmtime_error_new("no memory");
    }
    budget.base = region.base();
    budget.size = size;
    return nullptr;
  }
};

std::uint8_t* get(void* env, std::size_t* size, std::size_t* capacity) {
  const auto& memory = *static_cast<LinearMemory*>(env);
  *size = memory.budget.size;
  *capacity = memory.region.capacity();
  return memory.region.base();
}

api::wasmtime_error_t* grow(void* env, std::size_t size) {
  return static_cast<LinearMemory*>(env)->resize(size);
}

void destroy(void* env) {
  const std::unique_ptr<LinearMemory> memory(static_cast<LinearMemory*>(env));
  memory->budget.base = nullptr;
  memory->budget.size = 0;
}

api::wasmtime_error_t* create(void* /*env*/, const api::wasm_memorytype_t* /*type*/,
                              std::size_t minimum, std::size_t /*maximum*/, std::size_t reserved,
                              std::size_t guard, api::wasmtime_linear_memory_t* out) {
  // One memory per instance (the store's limiter), and instances are made under a MemoryScope only.
  if (current_budget == nullptr || current_budget->base != nullptr) {
    return api::loaded().wasmtime_error_new("a memory that nobody asked for");
  }
  if (minimum > current_budget->limit) {
    current_budget->refused = true;
    const std::string text = "it starts with " + std::to_string(minimum) + " bytes of memory, " +
                             std::to_string(current_budget->limit) + " are allowed";
    return api::loaded().wasmtime_error_new(text.c_str());
  }
  auto memory = std::make_unique<LinearMemory>(LinearMemory{*current_budget, {}, guard});
  if (!memory->region.map(std::max(minimum, reserved), guard)) {
    const std::string text =
        "no address space for its memory: " + std::string(std::strerror(errno));
    return api::loaded().wasmtime_error_new(text.c_str());
  }
  if (api::wasmtime_error_t* failure = memory->resize(minimum)) return failure;
  out->get_memory = get;
  out->grow_memory = grow;
  out->finalizer = destroy;
  out->env = memory.release();
  return nullptr;
}

}  // namespace

MemoryScope::MemoryScope(MemoryBudget& budget) noexcept {
  current_budget = &budget;
}
MemoryScope::~MemoryScope() {
  current_budget = nullptr;
}

api::wasmtime_memory_creator_t memory_creator() noexcept {
  return {nullptr, create, nullptr};
}

}  // namespace holdfast::wasm
