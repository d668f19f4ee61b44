// tables: the field tables of Envoy's messages that Holdfast implements, from the bootstrap down.
//
// Each function returns a static, immutable table; any thread. Where two of ours fill different
// structs from the same Envoy message (HttpProtocolOptions of a listener and of a cluster), each
// has its own table and title.
#pragma once

#include "config/message.hpp"

namespace holdfast::config {

// tables_bootstrap.cpp
const MessageTable& bootstrap_table();

// tables_overload.cpp
const MessageTable& overload_manager_table();

// tables_listener.cpp
const MessageTable& listener_table();

// tables_http.cpp
const MessageTable& http_connection_manager_table();

// tables_route.cpp
const MessageTable& route_configuration_table();

// tables_cluster.cpp
const MessageTable& cluster_table();

// tables_endpoint.cpp
const MessageTable& load_assignment_table();  ///< Fills a Cluster.
const MessageTable& circuit_breakers_table();
const MessageTable& upstream_protocol_options_table();  ///< extensions.upstreams.http.v3
const MessageTable&
cluster_common_http_options_table();  ///< core.v3.HttpProtocolOptions of a Cluster
const MessageTable& cluster_http1_options_table();

// tables_dns.cpp
const MessageTable& refresh_rate_table();  ///< Fills a Dns.
const MessageTable& typed_dns_resolver_table();
const MessageTable& dns_resolution_config_table();

// tables_access_log.cpp
const MessageTable& access_log_table();

// tables_common.cpp
const MessageTable& address_table();
const MessageTable& metadata_table();  ///< Fills a std::string with the JSON of filter_metadata.

/// Whether the text is an IPv4 or IPv6 literal, without brackets.
[[nodiscard]] bool is_ip_literal(const std::string& text);

}  // namespace holdfast::config
