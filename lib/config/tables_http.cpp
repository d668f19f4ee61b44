#include <algorithm>

#include "config/context.hpp"
#include "config/tables.hpp"

namespace holdfast::config {
namespace {

using Hcm = HttpConnectionManager;

const MessageTable& common_http_options_table() {
  static const MessageTable kTable =
      Message<Hcm>("HttpProtocolOptions", "envoy.config.core.v3.HttpProtocolOptions",
                   "Limits of the clients' connections.")
          .titled("HttpProtocolOptions (listener)")
          .field("idle_timeout", &Hcm::idle_timeout,
                 "Closes a connection without a request; 0s = never.")
          .field("max_connection_duration", &Hcm::max_connection_duration,
                 "Drains a connection of this age; 0s = never.")
          .field("max_headers_count", &Hcm::max_headers_count,
                 "Most header fields of a request; more gives 431.")
          .range(1, 0xFFFFFFFF)
          .field("max_stream_duration", &Hcm::max_stream_duration,
                 "Longest life of one request; 0s = off.")
          .field("max_requests_per_connection", &Hcm::max_requests_per_connection,
                 "Closes a connection after so many requests; 0 = no limit.")
          .table();
  return kTable;
}

const MessageTable& http1_options_table() {
  static const MessageTable kTable =
      Message<Hcm>("Http1ProtocolOptions", "envoy.config.core.v3.Http1ProtocolOptions",
                   "HTTP/1 towards clients.")
          .titled("Http1ProtocolOptions (listener)")
          .field("accept_http_10", &Hcm::accept_http_10,
                 "Takes HTTP/1.0 requests, which get 426 otherwise.")
          .field("default_host_for_http_10", &Hcm::default_host_for_http_10,
                 "The host of HTTP/1.0 requests that name none.")
          .rule(StringRule::header_value)
          .field(
              "enable_trailers", &Hcm::enable_trailers,
              "Takes the trailers of requests, and sends those of responses; else they end here.")
          .differs("A trailer that only a head may hold (RFC 9110 6.5.1) gives 400.")
          .table();
  return kTable;
}

const MessageTable& http_filter_table() {
  static const MessageTable kTable =
      Message<HttpFilter>("HttpFilter",
                          "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter",
                          "One link of the http filter chain.")
          .field("name", &HttpFilter::name, "A label; `@type` decides what the filter is.")
          .required()
          .any("typed_config", {}, "Which filter, and its settings.")
          .extension(ExtensionPoint::http_filter,
                     [](HttpFilter& filter, ParsedHttpFilter&& parsed) {
                       filter.type = std::move(parsed.type);
                       filter.config = std::move(parsed.config);
                     })
          .required()
          .finish([](HttpFilter& filter, const Source& source, Context&) {
            filter.location = source.at();
          })
          .table();
  return kTable;
}

bool is_terminal(const HttpFilter& filter, const FilterCatalog& catalog) {
  return std::any_of(catalog.begin(), catalog.end(), [&](const HttpFilterType& type) {
    return type.terminal && type.name == filter.type;
  });
}

/// The router ends the chain, once. Filters that did not parse have no type and are left out.
void check_filter_order(const Hcm& hcm, Context& context) {
  for (std::size_t i = 0; i < hcm.http_filters.size(); ++i) {
    const HttpFilter& filter = hcm.http_filters[i];
    const bool last = i + 1 == hcm.http_filters.size();
    if (filter.type.empty() || is_terminal(filter, context.catalog()) == last) continue;
    context.error(filter.location,
                  last
                      ? "the last http filter must be the router, not \"" + filter.name + "\""
                      : "http filter \"" + filter.name + "\" is terminal and must be the last one");
  }
}

Message<Hcm>& add_timeouts(Message<Hcm>& message) {
  return message
      .field("stream_idle_timeout", &Hcm::stream_idle_timeout,
             "How long neither side of a request may send anything; 408 or 504 when it passes. "
             "0s = off.")
      .field("request_timeout", &Hcm::request_timeout,
             "From the first byte of a request to its end; 408 when it passes. 0s = off.")
      .field("request_headers_timeout", &Hcm::request_headers_timeout,
             "From the first byte of a request to the end of its headers; 0s = off.")
      .differs("Envoy's default is off. Ours bounds how long a slow client holds a connection.")
      .field("drain_timeout", &Hcm::drain_timeout,
             "While draining, how long after `connection: close` was announced the connection is "
             "kept.")
      .field("delayed_close_timeout", &Hcm::delayed_close_timeout,
             "How long a closing connection waits for the client to read what was sent; 0s = "
             "closes at once.");
}

Message<Hcm>& add_header_rules(Message<Hcm>& message) {
  return message.field("server_name", &Hcm::server_name, "The value of the `server` header.")
      .rule(StringRule::header_value)
      .enumeration("server_header_transformation", &Hcm::server_header,
                   {{"OVERWRITE", 0}, {"APPEND_IF_ABSENT", 1}, {"PASS_THROUGH", 2}},
                   "What happens to the upstream's `server` header.")
      .field("via", &Hcm::via, "Appended to the `via` header of requests and responses.")
      .rule(StringRule::header_value)
      .field("use_remote_address", &Hcm::use_remote_address,
             "The client's own address counts, and is appended to `x-forwarded-for`: for a proxy "
             "at the edge.")
      .field("skip_xff_append", &Hcm::skip_xff_append,
             "With use_remote_address: leaves `x-forwarded-for` alone.")
      .field("xff_num_trusted_hops", &Hcm::xff_num_trusted_hops,
             "How many entries from the right of `x-forwarded-for` were written by proxies of "
             "ours.")
      .field("generate_request_id", &Hcm::generate_request_id,
             "Gives each request without one an `x-request-id`.")
      .field("preserve_external_request_id", &Hcm::preserve_external_request_id,
             "Keeps the `x-request-id` of an external client.")
      .field("always_set_request_id_in_response", &Hcm::always_set_request_id_in_response,
             "Puts `x-request-id` into each response.");
}

Message<Hcm>& add_limits(Message<Hcm>& message) {
  return message
      .field("max_request_headers_kb", &Hcm::max_request_headers_kb,
             "Longest head of a request in KiB; more gives 431.")
      .range(1, 8192)
      .nested("common_http_protocol_options", common_http_options_table,
              "Limits of the clients' connections.")
      .nested("http_protocol_options", http1_options_table, "HTTP/1 towards clients.");
}

}  // namespace

const MessageTable& http_connection_manager_table() {
  static const MessageTable kTable = [] {
    Message<Hcm> message(
        "HttpConnectionManager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "Reads HTTP, runs the http filters, routes.");
    message.field("stat_prefix", &Hcm::stat_prefix, "Names its statistics: `http.<stat_prefix>.`")
        .required()
        .custom_enumeration(
            "codec_type", {{"AUTO", 0}, {"HTTP1", 1}, {"HTTP2", 2, false}, {"HTTP3", 3, false}},
            [](Hcm&, std::int64_t) {}, "The protocol that clients speak.")
        .default_text("AUTO")
        .differs("AUTO takes HTTP/1 only: no HTTP/2 by prior knowledge.")
        .message("route_config", &Hcm::route_config, route_configuration_table,
                 "Which request goes where.")
        .oneof("route_specifier")
        .require_oneof("route_specifier")
        .message("http_filters", &Hcm::http_filters, http_filter_table,
                 "The filter chain: requests pass it in this order, responses in reverse.")
        .required()
        .items(1)
        .differs("The last one must be the router; Envoy also takes an empty list.")
        .message("access_log", &Hcm::access_logs, access_log_table,
                 "Access logs, a line for each request.");
    add_header_rules(message);
    add_timeouts(message);
    add_limits(message);
    message.finish([](Hcm& hcm, const Source& source, Context& context) {
      hcm.location = source.at();
      check_filter_order(hcm, context);
    });
    return message.table();
  }();
  return kTable;
}

}  // namespace holdfast::config
