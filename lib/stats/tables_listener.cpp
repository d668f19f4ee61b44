// Rows of what listeners and HTTP connection managers count.
#include <array>

#include "stats/tables.hpp"

namespace holdfast::stats {

namespace {

constexpr std::array<Row<ListenerStats>, 8> kListenerRows{
    counter(&ListenerStats::downstream_cx_total, "downstream_cx_total",
            {"holdfast_listener_connections_accepted_total"}, "Connections accepted.",
            Show::per_worker),
    gauge(&ListenerStats::downstream_cx_active, "downstream_cx_active",
          {"holdfast_listener_connections"}, "Connections open.", Show::per_worker),
    counter(&ListenerStats::downstream_cx_destroy, "downstream_cx_destroy", {},
            "Connections closed."),
    counter(&ListenerStats::downstream_cx_overflow, "downstream_cx_overflow",
            {"holdfast_listener_connections_rejected_total", "reason", "listener_limit"},
            "Connections closed at once: the listener's limit."),
    counter(&ListenerStats::downstream_global_cx_overflow, "downstream_global_cx_overflow",
            {"holdfast_listener_connections_rejected_total", "reason", "process_limit"},
            "Connections closed at once: the process's limit."),
    counter(&ListenerStats::downstream_pre_cx_timeout, "downstream_pre_cx_timeout", {},
            "Connections closed before a request began, by timeout."),
    counter(&ListenerStats::accept_error, "accept_error", {"holdfast_listener_accept_errors_total"},
            "Failed accepts (no file descriptors, no memory), after which the listener paused."),
    histogram(&ListenerStats::downstream_cx_length_ms, "downstream_cx_length_ms",
              {"holdfast_listener_connection_duration_seconds"}, "How long connections lived."),
};

constexpr std::array<Row<HcmStats>, 45> kHttpRows{
    counter(&HcmStats::downstream_cx_total, "downstream_cx_total", {}, "Connections."),
    gauge(&HcmStats::downstream_cx_active, "downstream_cx_active", {}, "Connections open."),
    counter(&HcmStats::downstream_cx_destroy, "downstream_cx_destroy", {}, "Connections closed."),
    counter(&HcmStats::downstream_cx_destroy_remote, "downstream_cx_destroy_remote",
            {"holdfast_http_connections_closed_total", "by", "client"},
            "Connections closed by the client."),
    counter(&HcmStats::downstream_cx_destroy_local, "downstream_cx_destroy_local",
            {"holdfast_http_connections_closed_total", "by", "proxy"},
            "Connections closed by the proxy."),
    counter(&HcmStats::downstream_cx_destroy_active_rq, "downstream_cx_destroy_active_rq", {},
            "Connections closed while a request was under way."),
    counter(&HcmStats::downstream_cx_destroy_local_active_rq,
            "downstream_cx_destroy_local_active_rq",
            {"holdfast_http_connections_broken_total", "by", "proxy"},
            "Connections closed by the proxy while a request was under way."),
    counter(&HcmStats::downstream_cx_destroy_remote_active_rq,
            "downstream_cx_destroy_remote_active_rq",
            {"holdfast_http_connections_broken_total", "by", "client"},
            "Connections closed by the client while a request was under way."),
    counter(&HcmStats::downstream_cx_http1_total, "downstream_cx_http1_total", {},
            "HTTP/1 connections."),
    gauge(&HcmStats::downstream_cx_http1_active, "downstream_cx_http1_active", {},
          "HTTP/1 connections open."),
    counter(&HcmStats::downstream_cx_rx_bytes_total, "downstream_cx_rx_bytes_total",
            {"holdfast_http_received_bytes_total"}, "Bytes received from clients."),
    gauge(&HcmStats::downstream_cx_rx_bytes_buffered, "downstream_cx_rx_bytes_buffered", {},
          "Bytes received and not yet passed on."),
    counter(&HcmStats::downstream_cx_tx_bytes_total, "downstream_cx_tx_bytes_total",
            {"holdfast_http_sent_bytes_total"}, "Bytes sent to clients."),
    gauge(&HcmStats::downstream_cx_tx_bytes_buffered, "downstream_cx_tx_bytes_buffered", {},
          "Bytes that wait to be sent."),
    counter(&HcmStats::downstream_cx_drain_close, "downstream_cx_drain_close",
            {"holdfast_http_connections_ended_total", "reason", "drain"},
            "Connections closed because the process drains."),
    counter(&HcmStats::downstream_cx_idle_timeout, "downstream_cx_idle_timeout",
            {"holdfast_http_connections_ended_total", "reason", "idle_timeout"},
            "Connections closed by the idle timeout."),
    counter(&HcmStats::downstream_cx_max_duration_reached, "downstream_cx_max_duration_reached",
            {"holdfast_http_connections_ended_total", "reason", "max_duration"},
            "Connections closed by max_connection_duration."),
    counter(&HcmStats::downstream_cx_max_requests_reached, "downstream_cx_max_requests_reached",
            {"holdfast_http_connections_ended_total", "reason", "max_requests"},
            "Connections closed by max_requests_per_connection."),
    counter(&HcmStats::downstream_cx_delayed_close_timeout, "downstream_cx_delayed_close_timeout",
            {"holdfast_http_connections_ended_total", "reason", "delayed_close_timeout"},
            "Connections closed because the client did not close in time after the last response."),
    counter(&HcmStats::downstream_cx_protocol_error, "downstream_cx_protocol_error",
            {"holdfast_http_connections_ended_total", "reason", "protocol_error"},
            "Connections closed because of malformed input."),
    counter(&HcmStats::downstream_flow_control_paused_reading_total,
            "downstream_flow_control_paused_reading_total", {},
            "Times reading from a client was paused by back-pressure."),
    counter(&HcmStats::downstream_flow_control_resumed_reading_total,
            "downstream_flow_control_resumed_reading_total", {},
            "Times reading from a client was resumed."),
    counter(&HcmStats::downstream_rq_total, "downstream_rq_total",
            {"holdfast_http_requests_started_total"}, "Requests begun."),
    gauge(&HcmStats::downstream_rq_active, "downstream_rq_active",
          {"holdfast_http_requests_in_flight"}, "Requests under way."),
    counter(&HcmStats::downstream_rq_http1_total, "downstream_rq_http1_total", {},
            "HTTP/1 requests."),
    counter(&HcmStats::downstream_rq_timeout, "downstream_rq_timeout",
            {"holdfast_http_request_errors_total", "reason", "request_timeout"},
            "Requests that hit request_timeout."),
    counter(&HcmStats::downstream_rq_idle_timeout, "downstream_rq_idle_timeout",
            {"holdfast_http_request_errors_total", "reason", "stream_idle_timeout"},
            "Requests that hit stream_idle_timeout."),
    counter(&HcmStats::downstream_rq_header_timeout, "downstream_rq_header_timeout",
            {"holdfast_http_request_errors_total", "reason", "request_headers_timeout"},
            "Requests that hit request_headers_timeout."),
    counter(&HcmStats::downstream_rq_max_duration_reached, "downstream_rq_max_duration_reached",
            {"holdfast_http_request_errors_total", "reason", "max_stream_duration"},
            "Requests that hit max_stream_duration."),
    counter(&HcmStats::downstream_rq_rx_reset, "downstream_rq_rx_reset",
            {"holdfast_http_request_errors_total", "reason", "client_reset"},
            "Requests given up by the client."),
    counter(&HcmStats::downstream_rq_tx_reset, "downstream_rq_tx_reset",
            {"holdfast_http_request_errors_total", "reason", "proxy_reset"},
            "Requests broken off by the proxy."),
    counter(&HcmStats::downstream_rq_non_relative_path, "downstream_rq_non_relative_path",
            {"holdfast_http_request_errors_total", "reason", "non_relative_path"},
            "Requests refused for their path."),
    counter(&HcmStats::downstream_rq_too_large, "downstream_rq_too_large",
            {"holdfast_http_request_errors_total", "reason", "too_large"},
            "Requests refused for the size or the number of their header fields (431)."),
    counter(&HcmStats::downstream_rq_ws_on_non_ws_route, "downstream_rq_ws_on_non_ws_route",
            {"holdfast_http_request_errors_total", "reason", "upgrade_refused"},
            "Upgrade requests refused."),
    counter(&HcmStats::downstream_rq_response_before_rq_complete,
            "downstream_rq_response_before_rq_complete", {},
            "Responses complete before their request was."),
    counter(&HcmStats::rs_too_large, "rs_too_large",
            {"holdfast_http_request_errors_total", "reason", "response_too_large"},
            "Responses refused for their size."),
    counter(&HcmStats::no_route, "no_route",
            {"holdfast_http_request_errors_total", "reason", "no_route"},
            "Requests that no route matched."),
    counter(&HcmStats::no_cluster, "no_cluster",
            {"holdfast_http_request_errors_total", "reason", "no_cluster"},
            "Requests whose cluster does not exist."),
    counter(&HcmStats::rq_direct_response, "rq_direct_response",
            {"holdfast_http_direct_responses_total"},
            "Requests answered by a route's direct_response."),
    counter(&HcmStats::rq_redirect, "rq_redirect", {}, "Requests answered by a route's redirect."),
    counter(&HcmStats::rq_reset_after_downstream_response_started,
            "rq_reset_after_downstream_response_started", {"holdfast_http_responses_broken_total"},
            "Responses broken off after their head was sent."),
    counter(&HcmStats::rq_total, "rq_total", {}, "Requests routed."),
    status(&HcmStats::downstream_rq, "downstream_rq", Codes::classes,
           {"holdfast_http_requests_total"}, "Requests answered, by status code."),
    histogram(&HcmStats::downstream_rq_time, "downstream_rq_time",
              {"holdfast_http_request_duration_seconds"},
              "From the first byte of the request to the last of the response."),
    histogram(&HcmStats::downstream_cx_length_ms, "downstream_cx_length_ms", {},
              "How long connections lived."),
};

}  // namespace

template <>
std::span<const Row<ListenerStats>> table<ListenerStats>() {
  return kListenerRows;
}
template <>
std::span<const Row<HcmStats>> table<HcmStats>() {
  return kHttpRows;
}

std::span<const Row<HcmStats>> listener_http_table() {
  static constexpr std::array kRows{
      status(&HcmStats::downstream_rq, "downstream_rq", Codes::classes, {}, "Requests answered.")};
  return kRows;
}

}  // namespace holdfast::stats
