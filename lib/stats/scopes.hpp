// What Holdfast counts: plain structs of cells, whose member names are Envoy's stat names.
//
// Owner: each worker (or the control thread, or the access log's writer) owns its own instances and
// alone writes them; the Registry holds pointers and sums on read. So no increment is atomic
// read-modify-write or shared between cores. How each member is shown (name, type, help) stands
// once, in tables.cpp; a member without a row there is an error that tests/unit/stats finds. Time
// goes in as microseconds or std::chrono durations, whatever the stat's name says.
#pragma once

#include "stats/cell.hpp"
#include "stats/histogram.hpp"
#include "stats/status_counts.hpp"

namespace holdfast::stats {

inline constexpr std::size_t kCacheLine = 64;

/// "listener.<address>.": one per listener and worker.
struct alignas(kCacheLine) ListenerStats {
  Cell downstream_cx_total;
  Cell downstream_cx_active;
  Cell downstream_cx_destroy;
  Cell downstream_cx_overflow;         ///< Closed at once: the listener's own connection limit.
  Cell downstream_global_cx_overflow;  ///< Closed at once: the process's limit.
  Cell downstream_pre_cx_timeout;
  Cell accept_error;  ///< Ours: accept(2) failed (EMFILE and others), the listener paused.
  Histogram downstream_cx_length_ms;
};

/// "http.<stat_prefix>.": one per HTTP listener and worker. Its codes also make
/// "listener.<address>.http.<prefix>.".
struct alignas(kCacheLine) HcmStats {
  Cell downstream_cx_total;
  Cell downstream_cx_active;
  Cell downstream_cx_destroy;
  Cell downstream_cx_destroy_remote;
  Cell downstream_cx_destroy_local;
  Cell downstream_cx_destroy_active_rq;
  Cell downstream_cx_destroy_local_active_rq;
  Cell downstream_cx_destroy_remote_active_rq;
  Cell downstream_cx_http1_total;
  Cell downstream_cx_http1_active;
  Cell downstream_cx_rx_bytes_total;
  Cell downstream_cx_rx_bytes_buffered;
  Cell downstream_cx_tx_bytes_total;
  Cell downstream_cx_tx_bytes_buffered;
  Cell downstream_cx_drain_close;
  Cell downstream_cx_idle_timeout;
  Cell downstream_cx_max_duration_reached;
  Cell downstream_cx_max_requests_reached;
  Cell downstream_cx_delayed_close_timeout;
  Cell downstream_cx_protocol_error;
  Cell downstream_flow_control_paused_reading_total;
  Cell downstream_flow_control_resumed_reading_total;
  Cell downstream_rq_total;
  Cell downstream_rq_active;
  Cell downstream_rq_http1_total;
  Cell downstream_rq_timeout;
  Cell downstream_rq_idle_timeout;
  Cell downstream_rq_header_timeout;
  Cell downstream_rq_max_duration_reached;
  Cell downstream_rq_rx_reset;
  Cell downstream_rq_tx_reset;
  Cell downstream_rq_non_relative_path;
  Cell downstream_rq_too_large;
  Cell downstream_rq_ws_on_non_ws_route;
  Cell downstream_rq_response_before_rq_complete;
  Cell rs_too_large;
  // Envoy's router counts these under the same prefix.
  Cell no_route;
  Cell no_cluster;
  Cell rq_direct_response;
  Cell rq_redirect;
  Cell rq_reset_after_downstream_response_started;
  Cell rq_total;
  StatusCounts downstream_rq;  ///< downstream_rq_completed, _1xx .. _5xx; exact codes in /metrics.
  Histogram downstream_rq_time;
  Histogram downstream_cx_length_ms;
};

/// "cluster.<name>.circuit_breakers.default.". `open`: 1 while the limit is reached (any worker
/// counts). `remaining`: shown only where the cluster sets track_remaining.
struct CircuitBreakerStats {
  Cell cx_open;
  Cell cx_pool_open;
  Cell rq_open;
  Cell rq_pending_open;
  Cell rq_retry_open;
  Cell remaining_cx;
  Cell remaining_pending;
  Cell remaining_rq;
  Cell remaining_retries;
};

/// "cluster.<name>.": one per cluster and worker. Requests of clients and of filters (side calls)
/// together, except where the name says external (a client's request) or internal (a side call).
struct alignas(kCacheLine) ClusterStats {
  Cell upstream_cx_total;
  Cell upstream_cx_active;
  Cell upstream_cx_http1_total;
  Cell upstream_cx_connect_fail;
  Cell upstream_cx_connect_timeout;
  Cell upstream_cx_connect_attempts_exceeded;
  Cell upstream_cx_idle_timeout;
  Cell upstream_cx_max_duration_reached;
  Cell upstream_cx_max_requests;
  Cell upstream_cx_overflow;
  Cell upstream_cx_pool_overflow;
  Cell upstream_cx_none_healthy;
  Cell upstream_cx_protocol_error;
  Cell upstream_cx_destroy;
  Cell upstream_cx_destroy_local;
  Cell upstream_cx_destroy_remote;
  Cell upstream_cx_destroy_with_active_rq;
  Cell upstream_cx_destroy_local_with_active_rq;
  Cell upstream_cx_destroy_remote_with_active_rq;
  Cell upstream_cx_close_notify;
  Cell upstream_cx_rx_bytes_total;
  Cell upstream_cx_rx_bytes_buffered;
  Cell upstream_cx_tx_bytes_total;
  Cell upstream_cx_tx_bytes_buffered;
  Cell upstream_flow_control_paused_reading_total;
  Cell upstream_flow_control_resumed_reading_total;
  Cell upstream_flow_control_backed_up_total;
  Cell upstream_flow_control_drained_total;
  Cell upstream_rq_total;
  Cell upstream_rq_active;
  Cell upstream_rq_active_overflow;
  Cell upstream_rq_pending_total;
  Cell upstream_rq_pending_active;
  Cell upstream_rq_pending_overflow;
  Cell upstream_rq_pending_failure_eject;
  Cell upstream_rq_cancelled;
  Cell upstream_rq_maintenance_mode;
  Cell upstream_rq_timeout;
  Cell upstream_rq_max_duration_reached;
  Cell upstream_rq_per_try_timeout;
  Cell upstream_rq_rx_reset;
  Cell upstream_rq_tx_reset;
  Cell upstream_rq_retry;
  Cell upstream_rq_retry_success;
  Cell upstream_rq_retry_overflow;
  Cell upstream_rq_retry_limit_exceeded;
  CircuitBreakerStats circuit_breakers;
  StatusCounts upstream_rq;  ///< upstream_rq_completed, _<n>xx, _<code>.
  StatusCounts external_upstream_rq;
  StatusCounts internal_upstream_rq;
  Histogram upstream_rq_time;
  Histogram external_upstream_rq_time;
  Histogram internal_upstream_rq_time;
  Histogram upstream_cx_connect_ms;
  Histogram upstream_cx_length_ms;
};

/// The rest of "cluster.<name>.": one per cluster, written by the control thread.
struct alignas(kCacheLine) ClusterUpdateStats {
  Cell membership_total;
  Cell membership_healthy;
  Cell membership_degraded;
  Cell membership_excluded;
  Cell membership_change;
  Cell max_host_weight;
  Cell update_attempt;
  Cell update_success;
  Cell update_failure;
  Cell update_empty;
  Cell update_no_rebuild;
  // Ours, DNS clusters only: how each lookup ended; the TTL of the last good answer.
  Cell dns_success;
  Cell dns_not_found;
  Cell dns_timeout;
  Cell dns_failure;
  Cell dns_ttl_seconds;
};

/// Per endpoint in /clusters and /metrics: one per host and worker; the host keeps them.
struct alignas(kCacheLine) HostStats {
  Cell cx_active;
  Cell cx_connect_fail;
  Cell cx_total;
  Cell rq_active;
  Cell rq_error;  ///< A 5xx, a reset, a timeout, a connection that failed.
  Cell rq_pending_active;
  Cell rq_success;
  Cell rq_timeout;
  Cell rq_total;
};

/// "dispatch.<cluster>.": one per dispatch filter instance and worker; instances with the same
/// cluster are summed.
struct alignas(kCacheLine) DispatchStats {
  Cell calls_total;      ///< Side calls that were asked for, sent or not.
  Cell calls_ok;         ///< A response head came, whatever its status.
  Cell calls_failed;     ///< Connection refused or broken, no healthy host, malformed reply.
  Cell calls_timeout;    ///< The call's own timeout, or max_hold passed.
  Cell calls_overflow;   ///< A circuit breaker, or max_in_flight: never sent.
  Cell calls_cancelled;  ///< The client left, or the hold ended early.
  Cell calls_pipelined;  ///< Sent with others on one connection at once (max_pipelined).
  Cell calls_resent;     ///< Of these, sent again alone: the connection ended without an answer.
  Cell calls_active;     ///< Gauge.
  Cell holds_total;
  Cell holds_active;     ///< Gauge: responses held now.
  Cell holds_abandoned;  ///< The client left while its response was held.
  Cell max_hold_reached;
  Cell in_flight_overflow;  ///< Calls refused by max_in_flight; also in calls_overflow.
  Histogram hold_time;
};

/// "wasm.": one per worker that runs proxy-wasm plugins. VMs are counted as Envoy counts those of
/// its default runtime, whatever ours is called.
struct alignas(kCacheLine) PluginStats {
  Cell vms_active;  ///< Gauge; retired ones, too, that an exchange is still in.
  Cell vms_created;
  Cell vms_replaced;   ///< Made anew after a trap.
  Cell requests_down;  ///< Requests that met a plugin whose VM waits to be made anew.
  Cell calls_total;
  Cell calls_active;      ///< Gauge.
  Cell calls_refused;     ///< No such cluster, no endpoint, a limit, or no request.
  Cell max_hold_reached;  ///< Messages that a plugin had paused without waiting for anything.
  Cell memory_bytes;      ///< Gauge: linear memory of the VMs.
  // Traps, by kind.
  Cell trap_unreachable;  ///< A panic, mostly.
  Cell trap_stack_overflow;
  Cell trap_memory;  ///< Out of bounds.
  Cell trap_arithmetic;
  Cell trap_timeout;
  Cell trap_out_of_memory;
  Cell trap_exit;
  Cell trap_other;
  Histogram callback_time;
};

/// "dns.cares.": one, written by the control thread.
struct alignas(kCacheLine) DnsStats {
  Cell resolve_total;
  Cell pending_resolutions;
  Cell not_found;
  Cell timeouts;
  Cell get_addr_failure;
  Cell reinits;
  Cell answers_cut;  ///< Ours: lookups that brought more addresses than are taken.
};

/// "filesystem.": Envoy's name for its access log writer. One per thread that touches it (workers,
/// writer).
struct alignas(kCacheLine) AccessLogStats {
  Cell write_buffered;        ///< Lines handed over.
  Cell write_completed;       ///< write(2) calls that succeeded.
  Cell write_failed;          ///< Buffers lost because write(2) failed.
  Cell write_total_buffered;  ///< Gauge: bytes that wait.
  Cell flushed_by_timer;
  Cell reopen_failed;
  Cell dropped;  ///< Ours: lines dropped because the writer was too slow.
};

/// "server.": one, in the Registry, written on the control thread. The Registry itself sets uptime,
/// memory_* and total_connections at each read; the server room sets the others.
struct alignas(kCacheLine) ServerStats {
  Cell concurrency;
  Cell live;
  Cell state;  ///< 0 live, 1 draining, 2 pre-initializing, 3 initializing.
  Cell version;
  Cell uptime;
  Cell total_connections;
  Cell memory_allocated;
  Cell memory_heap_size;
  Cell memory_physical_size;
  Cell log_lines_lost;  ///< Ours: of the diagnostics.
  Histogram initialization_time_ms;
};

}  // namespace holdfast::stats
