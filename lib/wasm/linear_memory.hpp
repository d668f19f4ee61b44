// The linear memory of a VM: allocated here rather than by the runtime, so that the limit is kept,
// its being hit is seen, and the host reads and writes it without asking the runtime.
//
// Owner: the Vm owns the MemoryBudget, which outlives its store; the store owns the memory. Thread:
// the Vm's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "wasm/wasmtime_api.hpp"

namespace holdfast::wasm {

struct MemoryBudget {
  std::size_t limit = 0;  ///< Bytes.
  // The memory as it is now; changes whenever the guest grows it.
  std::uint8_t* base = nullptr;
  std::size_t size = 0;
  bool refused =
      false;  ///< The guest has asked for more than the limit. Reset by the Vm at each call.
};

/// Memories made on this thread while it lives count against `budget`.
class MemoryScope {
 public:
  explicit MemoryScope(MemoryBudget& budget) noexcept;
  ~MemoryScope();
  MemoryScope(const MemoryScope&) = delete;
  MemoryScope& operator=(const MemoryScope&) = delete;
};

/// For wasmtime_config_host_memory_creator_set().
[[nodiscard]] api::wasmtime_memory_creator_t memory_creator() noexcept;

}  // namespace holdfast::wasm
