// What a worker counts of its plugins.
//
// Owner: the worker; written by it alone, read by the control thread (stats/cell.hpp).
#pragma once

#include <array>

#include "stats/cell.hpp"
#include "stats/histogram.hpp"
#include "wasm/vm.hpp"

namespace holdfast::wasm {

struct alignas(64) PluginStats {
  stats::Cell vms_active;
  stats::Cell vms_created;
  std::array<stats::Cell, static_cast<std::size_t>(TrapKind::count_)> traps;
  stats::Cell reloads;           ///< VMs made anew after a trap.
  stats::Cell reload_backoff;    ///< Requests that met a plugin that was down.
  stats::Cell calls_active;      ///< Gauge.
  stats::Cell calls_total;
  stats::Cell max_hold_reached;  ///< Messages that a plugin had paused without waiting for anything.
  stats::Cell memory_bytes;      ///< Gauge: linear memory of the VMs.
  stats::Histogram callback_time;
};

}  // namespace holdfast::wasm
