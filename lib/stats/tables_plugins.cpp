// Rows of the proxy-wasm plugins.
#include <array>

#include "stats/tables.hpp"

namespace holdfast::stats {
namespace {

constexpr std::string_view kTraps = "holdfast_wasm_traps_total";

constexpr std::array<Row<PluginStats>, 19> kPluginRows{
    gauge(&PluginStats::vms_active, "envoy.wasm.runtime.v8.active", {"holdfast_wasm_vms"},
          "Plugins' VMs."),
    gauge(&PluginStats::vms_active, "wasm_vm_count", {}, "The same."),
    counter(&PluginStats::vms_created, "envoy.wasm.runtime.v8.created",
            {"holdfast_wasm_vms_created_total"}, "Plugins' VMs made."),
    counter(&PluginStats::vms_replaced, "vm_replaced", {"holdfast_wasm_reloads_total"},
            "Plugins' VMs made anew after a trap."),
    counter(&PluginStats::requests_down, "requests_while_down",
            {"holdfast_wasm_requests_while_down_total"},
            "Requests that met a plugin whose VM waits to be made anew."),
    counter(&PluginStats::calls_total, "calls_total", {"holdfast_wasm_calls_total"},
            "HTTP calls that plugins asked for."),
    gauge(&PluginStats::calls_active, "calls_active", {"holdfast_wasm_calls_in_flight"},
          "HTTP calls of plugins under way."),
    counter(&PluginStats::calls_refused, "calls_refused", {"holdfast_wasm_calls_refused_total"},
            "HTTP calls of plugins that were refused: no such cluster, no endpoint, a limit, or "
            "not a request."),
    counter(&PluginStats::max_hold_reached, "max_hold_reached",
            {"holdfast_wasm_max_hold_reached_total"},
            "Messages released by max_hold: their plugin waited for nothing."),
    gauge(&PluginStats::memory_bytes, "memory_bytes", {"holdfast_wasm_memory_bytes"},
          "Linear memory of the plugins' VMs."),
    counter(&PluginStats::trap_unreachable, "trap_unreachable", {kTraps, "kind", "unreachable"},
            "Traps: a panic."),
    counter(&PluginStats::trap_stack_overflow, "trap_stack_overflow",
            {kTraps, "kind", "stack_overflow"}, "Traps: recursion too deep."),
    counter(&PluginStats::trap_memory, "trap_memory", {kTraps, "kind", "memory"},
            "Traps: memory out of bounds, a bad table entry."),
    counter(&PluginStats::trap_arithmetic, "trap_arithmetic", {kTraps, "kind", "arithmetic"},
            "Traps: division by zero, overflow."),
    counter(&PluginStats::trap_timeout, "trap_timeout", {kTraps, "kind", "timeout"},
            "Traps: a callback that took too long."),
    counter(&PluginStats::trap_out_of_memory, "trap_out_of_memory",
            {kTraps, "kind", "out_of_memory"}, "Traps: more memory than allowed."),
    counter(&PluginStats::trap_exit, "trap_exit", {kTraps, "kind", "exit"}, "Traps: proc_exit()."),
    counter(&PluginStats::trap_other, "trap_other", {kTraps, "kind", "other"}, "Traps: others."),
    histogram(&PluginStats::callback_time, "callback_time", {"holdfast_wasm_callback_seconds"},
              "Time of callbacks into plugins."),
};

}  // namespace

template <>
std::span<const Row<PluginStats>> table<PluginStats>() {
  return kPluginRows;
}

}  // namespace holdfast::stats
