// Which cell of a worker's counters is whose.
#pragma once

#include "stats/scopes.hpp"
#include "wasm/vm.hpp"

namespace holdfast::wasm {

using stats::PluginStats;

[[nodiscard]] inline stats::Cell& trap_cell(PluginStats& stats, TrapKind kind) noexcept {
  switch (kind) {
    case TrapKind::unreachable:
      return stats.trap_unreachable;
    case TrapKind::stack_overflow:
      return stats.trap_stack_overflow;
    case TrapKind::memory:
      return stats.trap_memory;
    case TrapKind::arithmetic:
      return stats.trap_arithmetic;
    case TrapKind::timeout:
      return stats.trap_timeout;
    case TrapKind::out_of_memory:
      return stats.trap_out_of_memory;
    case TrapKind::exit:
      return stats.trap_exit;
    case TrapKind::other:
    case TrapKind::count_:
      break;
  }
  return stats.trap_other;
}

}  // namespace holdfast::wasm
