// Rows of discovery, endpoints, the dispatch filter, DNS, access logs and the process.
#include <array>

#include "stats/tables.hpp"

namespace holdfast::stats {

namespace {

constexpr std::array<Row<ClusterUpdateStats>, 16> kUpdateRows{
    gauge(&ClusterUpdateStats::membership_total, "membership_total",
          {"holdfast_upstream_endpoints"}, "Endpoints of the cluster."),
    gauge(&ClusterUpdateStats::membership_healthy, "membership_healthy",
          {"holdfast_upstream_endpoints_healthy"}, "Healthy endpoints of the cluster."),
    gauge(&ClusterUpdateStats::membership_degraded, "membership_degraded", {},
          "Degraded endpoints of the cluster."),
    gauge(&ClusterUpdateStats::membership_excluded, "membership_excluded", {},
          "Endpoints left out of load balancing."),
    counter(&ClusterUpdateStats::membership_change, "membership_change",
            {"holdfast_upstream_membership_changes_total"},
            "Times the cluster's endpoints changed."),
    gauge(&ClusterUpdateStats::max_host_weight, "max_host_weight", {},
          "The greatest weight of an endpoint."),
    counter(&ClusterUpdateStats::update_attempt, "update_attempt",
            {"holdfast_upstream_update_attempts_total"}, "Times discovery was tried."),
    counter(&ClusterUpdateStats::update_success, "update_success",
            {"holdfast_upstream_updates_total", "result", "success"}, "Discovery that succeeded."),
    counter(&ClusterUpdateStats::update_failure, "update_failure",
            {"holdfast_upstream_updates_total", "result", "failure"}, "Discovery that failed."),
    counter(&ClusterUpdateStats::update_empty, "update_empty",
            {"holdfast_upstream_updates_total", "result", "empty"},
            "Discovery that found no endpoint."),
    counter(&ClusterUpdateStats::update_no_rebuild, "update_no_rebuild",
            {"holdfast_upstream_updates_total", "result", "unchanged"},
            "Discovery that found the same endpoints."),
    counter(&ClusterUpdateStats::dns_success, "dns_success",
            {"holdfast_dns_resolutions_total", "result", "success"},
            "Lookups that brought addresses."),
    counter(&ClusterUpdateStats::dns_not_found, "dns_not_found",
            {"holdfast_dns_resolutions_total", "result", "not_found"},
            "Lookups of a name without addresses."),
    counter(&ClusterUpdateStats::dns_timeout, "dns_timeout",
            {"holdfast_dns_resolutions_total", "result", "timeout"},
            "Lookups that no server answered in time."),
    counter(&ClusterUpdateStats::dns_failure, "dns_failure",
            {"holdfast_dns_resolutions_total", "result", "failure"},
            "Lookups that failed otherwise."),
    gauge(&ClusterUpdateStats::dns_ttl_seconds, "dns_ttl_seconds", {"holdfast_dns_ttl_seconds"},
          "Time to live of the last good answer."),
};

constexpr std::array<Row<HostStats>, 9> kHostRows{
    gauge(&HostStats::cx_active, "cx_active", {"holdfast_upstream_endpoint_connections"},
          "Connections open to the endpoint."),
    counter(&HostStats::cx_connect_fail, "cx_connect_fail",
            {"holdfast_upstream_endpoint_connect_failures_total"},
            "Connections to the endpoint that could not be opened."),
    counter(&HostStats::cx_total, "cx_total",
            {"holdfast_upstream_endpoint_connections_opened_total"},
            "Connections begun to the endpoint."),
    gauge(&HostStats::rq_active, "rq_active", {"holdfast_upstream_endpoint_requests_in_flight"},
          "Requests under way at the endpoint."),
    counter(&HostStats::rq_error, "rq_error",
            {"holdfast_upstream_endpoint_requests_total", "result", "error"},
            "Requests that failed or were answered 5xx."),
    gauge(&HostStats::rq_pending_active, "rq_pending_active", {},
          "Requests that wait for a connection to the endpoint."),
    counter(&HostStats::rq_success, "rq_success",
            {"holdfast_upstream_endpoint_requests_total", "result", "success"},
            "Requests answered, not 5xx."),
    counter(&HostStats::rq_timeout, "rq_timeout", {"holdfast_upstream_endpoint_timeouts_total"},
            "Requests to the endpoint that timed out."),
    counter(&HostStats::rq_total, "rq_total", {"holdfast_upstream_endpoint_requests_started_total"},
            "Requests sent to the endpoint."),
};

constexpr std::array<Row<DispatchStats>, 15> kDispatchRows{
    counter(&DispatchStats::calls_total, "calls_total",
            {"holdfast_dispatch_requests_started_total"}, "Side requests asked for."),
    counter(&DispatchStats::calls_ok, "calls_ok",
            {"holdfast_dispatch_requests_total", "result", "ok"},
            "Side requests that were answered."),
    counter(&DispatchStats::calls_failed, "calls_failed",
            {"holdfast_dispatch_requests_total", "result", "failed"}, "Side requests that failed."),
    counter(&DispatchStats::calls_timeout, "calls_timeout",
            {"holdfast_dispatch_requests_total", "result", "timeout"},
            "Side requests that hit their timeout or max_hold."),
    counter(&DispatchStats::calls_overflow, "calls_overflow",
            {"holdfast_dispatch_requests_total", "result", "overflow"},
            "Side requests refused by a circuit breaker or max_in_flight."),
    counter(&DispatchStats::calls_cancelled, "calls_cancelled",
            {"holdfast_dispatch_requests_total", "result", "cancelled"},
            "Side requests cancelled because nobody waited any more."),
    counter(&DispatchStats::calls_pipelined, "calls_pipelined",
            {"holdfast_dispatch_requests_pipelined_total"},
            "Side requests sent with others on one connection at once (max_pipelined)."),
    counter(&DispatchStats::calls_resent, "calls_resent",
            {"holdfast_dispatch_requests_resent_total"},
            "Pipelined side requests sent again alone, because their connection ended first."),
    gauge(&DispatchStats::calls_active, "calls_active", {"holdfast_dispatch_requests_in_flight"},
          "Side requests under way."),
    counter(&DispatchStats::holds_total, "holds_total", {"holdfast_dispatch_holds_total"},
            "Responses held."),
    gauge(&DispatchStats::holds_active, "holds_active", {"holdfast_dispatch_pending"},
          "Responses held now."),
    counter(&DispatchStats::holds_abandoned, "holds_abandoned",
            {"holdfast_dispatch_holds_abandoned_total"}, "Held responses whose client left."),
    counter(&DispatchStats::max_hold_reached, "max_hold_reached",
            {"holdfast_dispatch_max_hold_reached_total"}, "Held responses released by max_hold."),
    counter(&DispatchStats::in_flight_overflow, "in_flight_overflow",
            {"holdfast_dispatch_in_flight_overflows_total"},
            "Side requests refused by max_in_flight."),
    histogram(&DispatchStats::hold_time, "hold_time", {"holdfast_dispatch_hold_seconds"},
              "How long responses were held."),
};

constexpr std::array<Row<DnsStats>, 7> kDnsRows{
    counter(&DnsStats::resolve_total, "resolve_total", {"holdfast_dns_lookups_total"},
            "DNS lookups begun."),
    gauge(&DnsStats::pending_resolutions, "pending_resolutions", {"holdfast_dns_lookups_pending"},
          "DNS lookups under way."),
    counter(&DnsStats::not_found, "not_found",
            {"holdfast_dns_lookup_errors_total", "reason", "not_found"},
            "DNS lookups of names that do not exist."),
    counter(&DnsStats::timeouts, "timeouts",
            {"holdfast_dns_lookup_errors_total", "reason", "timeout"},
            "DNS queries that timed out."),
    counter(&DnsStats::get_addr_failure, "get_addr_failure",
            {"holdfast_dns_lookup_errors_total", "reason", "failure"},
            "DNS lookups that failed otherwise."),
    counter(&DnsStats::reinits, "reinits", {"holdfast_dns_resolver_restarts_total"},
            "Times the resolver was set up anew."),
    counter(&DnsStats::answers_cut, "answers_cut", {"holdfast_dns_answers_cut_total"},
            "DNS lookups that brought more than 1024 addresses, of which the rest was ignored."),
};

constexpr std::array<Row<AccessLogStats>, 7> kAccessLogRows{
    counter(&AccessLogStats::write_buffered, "write_buffered", {"holdfast_access_log_lines_total"},
            "Access log lines taken."),
    counter(&AccessLogStats::write_completed, "write_completed",
            {"holdfast_access_log_writes_total", "result", "ok"},
            "Writes to the access log's file that succeeded."),
    counter(&AccessLogStats::write_failed, "write_failed",
            {"holdfast_access_log_writes_total", "result", "failed"},
            "Writes to the access log's file that failed."),
    gauge(&AccessLogStats::write_total_buffered, "write_total_buffered",
          {"holdfast_access_log_buffered_bytes"},
          "Bytes of the access log that wait to be written."),
    counter(&AccessLogStats::flushed_by_timer, "flushed_by_timer", {},
            "Flushes of the access log by the timer."),
    counter(&AccessLogStats::reopen_failed, "reopen_failed",
            {"holdfast_access_log_reopen_failures_total"},
            "Times the access log's file could not be reopened."),
    counter(&AccessLogStats::dropped, "dropped", {"holdfast_access_log_lines_dropped_total"},
            "Access log lines dropped because the writer fell behind."),
};

constexpr std::array<Row<ServerStats>, 11> kServerRows{
    gauge(&ServerStats::concurrency, "concurrency", {"holdfast_workers"}, "Worker threads."),
    gauge(&ServerStats::live, "live", {"holdfast_live"},
          "1 while the process is live, 0 while it starts or drains."),
    gauge(&ServerStats::state, "state", {"holdfast_state"},
          "0 live, 1 draining, 2 pre-initializing, 3 initializing."),
    gauge(&ServerStats::version, "version", {}, "The commit of the build as a number."),
    gauge(&ServerStats::uptime, "uptime", {}, "Seconds since the start."),
    gauge(&ServerStats::total_connections, "total_connections", {},
          "Connections open on all listeners."),
    gauge(&ServerStats::memory_allocated, "memory_allocated", {"holdfast_memory_allocated_bytes"},
          "Heap memory in use."),
    gauge(&ServerStats::memory_heap_size, "memory_heap_size", {"holdfast_memory_heap_bytes"},
          "Heap memory taken from the system."),
    gauge(&ServerStats::memory_physical_size, "memory_physical_size", {}, "Resident memory."),
    counter(&ServerStats::log_lines_lost, "log_lines_lost", {"holdfast_log_lines_lost_total"},
            "Lines of the diagnostics that could not be written."),
    histogram(&ServerStats::initialization_time_ms, "initialization_time_ms",
              {"holdfast_initialization_duration_seconds"}, "From the start to live."),
};

struct FamilyHelp {
  std::string_view name;
  std::string_view help;
};

constexpr std::array<FamilyHelp, 19> kFamilyHelp{{
    {"holdfast_wasm_traps_total", "Traps of plugins, by kind."},
    {"holdfast_listener_connections_rejected_total",
     "Connections closed at once, by the limit that they exceeded."},
    {"holdfast_http_connections_closed_total", "Connections closed, by who closed."},
    {"holdfast_http_connections_broken_total",
     "Connections closed while a request was under way, by who closed."},
    {"holdfast_http_connections_ended_total", "Connections that the proxy ended, by reason."},
    {"holdfast_http_request_errors_total",
     "Requests that went wrong on the side of the client or the proxy, by reason."},
    {"holdfast_upstream_connections_closed_total", "Connections closed, by who closed."},
    {"holdfast_upstream_connections_broken_total",
     "Connections closed while a request was under way, by who closed."},
    {"holdfast_upstream_connections_ended_total", "Connections that the proxy ended, by reason."},
    {"holdfast_upstream_overflows_total",
     "Times that a limit of the cluster was reached, by limit."},
    {"holdfast_upstream_request_errors_total",
     "Requests to the cluster that went wrong, by reason."},
    {"holdfast_upstream_circuit_breaker_open", "1 while the limit is reached."},
    {"holdfast_upstream_circuit_breaker_remaining", "What is left until the limit."},
    {"holdfast_upstream_updates_total", "Results of discovery."},
    {"holdfast_dns_resolutions_total", "DNS lookups for the cluster, by result."},
    {"holdfast_dispatch_requests_total", "Side requests that ended, by result."},
    {"holdfast_upstream_endpoint_requests_total",
     "Requests that ended at the endpoint, by result."},
    {"holdfast_dns_lookup_errors_total", "DNS lookups that failed, by reason."},
    {"holdfast_access_log_writes_total", "Writes to the files of access logs, by result."},
}};

}  // namespace

template <>
std::span<const Row<ClusterUpdateStats>> table<ClusterUpdateStats>() {
  return kUpdateRows;
}
template <>
std::span<const Row<HostStats>> table<HostStats>() {
  return kHostRows;
}
template <>
std::span<const Row<DispatchStats>> table<DispatchStats>() {
  return kDispatchRows;
}
template <>
std::span<const Row<DnsStats>> table<DnsStats>() {
  return kDnsRows;
}
template <>
std::span<const Row<AccessLogStats>> table<AccessLogStats>() {
  return kAccessLogRows;
}
template <>
std::span<const Row<ServerStats>> table<ServerStats>() {
  return kServerRows;
}

std::string_view family_help(std::string_view metric) {
  for (const auto& [name, help] : kFamilyHelp) {
    if (name == metric) return help;
  }
  return {};
}

}  // namespace holdfast::stats
