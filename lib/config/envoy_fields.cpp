// See envoy_names.hpp. One entry per message: its fields in proto order, "name" or "name/oneof".
#include <map>
#include <string>

#include "config/envoy_names.hpp"

namespace holdfast::config {
namespace {

struct MessageFields {
  std::string_view message;
  std::string_view fields;
};

constexpr MessageFields kMessages[] = {
    {"envoy.config.accesslog.v3.AccessLog", "name filter typed_config/config_type"},
    {"envoy.config.bootstrap.v3.Admin",
     "access_log access_log_path profile_path address socket_options ignore_global_conn_limit "
     "allow_paths"},
    {"envoy.config.bootstrap.v3.Bootstrap",
     "node node_context_params static_resources dynamic_resources cluster_manager hds_config "
     "flags_path stats_sinks deferred_stat_options stats_config stats_flush_interval "
     "stats_flush_on_admin/stats_flush stats_eviction_interval/stats_eviction watchdog "
     "watchdogs tracing layered_runtime admin overload_manager enable_dispatcher_stats "
     "header_prefix stats_server_version_override use_tcp_for_dns_lookups "
     "dns_resolution_config typed_dns_resolver_config bootstrap_extensions fatal_actions "
     "config_sources default_config_source default_socket_interface "
     "certificate_provider_instances inline_headers perf_tracing_file_path "
     "default_regex_engine xds_delegate_extension xds_config_tracker_extension "
     "listener_manager application_log_config grpc_async_client_manager_config "
     "memory_allocator_manager enable_worker_cpu_affinity"},
    {"envoy.config.bootstrap.v3.Bootstrap.StaticResources", "listeners clusters secrets"},
    {"envoy.config.bootstrap.v3.LayeredRuntime", "layers"},
    {"envoy.config.bootstrap.v3.RuntimeLayer",
     "name static_layer/layer_specifier disk_layer/layer_specifier admin_layer/layer_specifier "
     "rtds_layer/layer_specifier"},
    {"envoy.config.bootstrap.v3.RuntimeLayer.AdminLayer", ""},
    {"envoy.config.cluster.v3.CircuitBreakers", "thresholds per_host_thresholds"},
    {"envoy.config.cluster.v3.CircuitBreakers.Thresholds",
     "priority max_connections max_pending_requests max_requests max_retries retry_budget "
     "track_remaining max_connection_pools"},
    {"envoy.config.cluster.v3.Cluster",
     "transport_socket_matches transport_socket_matcher name alt_stat_name stats_matcher "
     "type/cluster_discovery_type cluster_type/cluster_discovery_type eds_cluster_config "
     "connect_timeout per_connection_buffer_limit_bytes "
     "per_connection_buffer_high_watermark_timeout lb_policy load_assignment health_checks "
     "max_requests_per_connection circuit_breakers upstream_http_protocol_options "
     "common_http_protocol_options http_protocol_options http2_protocol_options "
     "typed_extension_protocol_options dns_refresh_rate dns_jitter dns_failure_refresh_rate "
     "respect_dns_ttl dns_lookup_family dns_resolvers use_tcp_for_dns_lookups "
     "dns_resolution_config typed_dns_resolver_config wait_for_warm_on_init outlier_detection "
     "cleanup_interval upstream_bind_config lb_subset_config ring_hash_lb_config/lb_config "
     "maglev_lb_config/lb_config original_dst_lb_config/lb_config "
     "least_request_lb_config/lb_config round_robin_lb_config/lb_config common_lb_config "
     "transport_socket metadata protocol_selection upstream_connection_options "
     "close_connections_on_host_health_failure ignore_health_on_host_removal filters "
     "load_balancing_policy lrs_server lrs_report_endpoint_metrics track_timeout_budgets "
     "upstream_config track_cluster_stats preconnect_policy "
     "connection_pool_per_downstream_connection queuing_policies"},
    {"envoy.config.cluster.v3.Cluster.RefreshRate", "base_interval max_interval"},
    {"envoy.config.core.v3.Address",
     "socket_address/address pipe/address envoy_internal_address/address"},
    {"envoy.config.core.v3.AsyncDataSource", "local/specifier remote/specifier"},
    {"envoy.config.core.v3.DataSource",
     "filename/specifier inline_bytes/specifier inline_string/specifier "
     "environment_variable/specifier watched_directory"},
    {"envoy.config.core.v3.DnsResolutionConfig", "resolvers dns_resolver_options"},
    {"envoy.config.core.v3.DnsResolverOptions", "use_tcp_for_dns_lookups no_default_search_domain"},
    {"envoy.config.core.v3.HeaderValue", "key value raw_value"},
    {"envoy.config.core.v3.HeaderValueOption", "header append append_action keep_empty_value"},
    {"envoy.config.core.v3.Http1ProtocolOptions",
     "allow_absolute_url accept_http_10 default_host_for_http_10 header_key_format "
     "enable_trailers allow_chunked_length override_stream_error_on_invalid_http_message "
     "send_fully_qualified_url use_balsa_parser allow_custom_methods ignore_http_11_upgrade"},
    {"envoy.config.core.v3.HttpProtocolOptions",
     "idle_timeout max_connection_duration max_connection_duration_jitter max_headers_count "
     "max_response_headers_kb max_stream_duration headers_with_underscores_action "
     "max_requests_per_connection"},
    {"envoy.config.core.v3.Locality", "region zone sub_zone"},
    {"envoy.config.core.v3.Metadata", "filter_metadata typed_filter_metadata"},
    {"envoy.config.core.v3.Node",
     "id cluster metadata dynamic_parameters locality user_agent_name "
     "user_agent_version/user_agent_version_type "
     "user_agent_build_version/user_agent_version_type extensions client_features "
     "listening_addresses"},
    {"envoy.config.core.v3.SocketAddress",
     "protocol address port_value/port_specifier named_port/port_specifier resolver_name "
     "ipv4_compat network_namespace_filepath"},
    {"envoy.config.core.v3.SubstitutionFormatString",
     "text_format/format json_format/format text_format_source/format omit_empty_values "
     "content_type formatters json_format_options"},
    {"envoy.config.core.v3.TypedExtensionConfig", "name typed_config"},
    {"envoy.config.endpoint.v3.ClusterLoadAssignment",
     "cluster_name endpoints named_endpoints policy"},
    {"envoy.config.endpoint.v3.Endpoint",
     "address health_check_config hostname additional_addresses observability_name"},
    {"envoy.config.endpoint.v3.LbEndpoint",
     "endpoint/host_identifier endpoint_name/host_identifier health_status metadata "
     "load_balancing_weight"},
    {"envoy.config.endpoint.v3.LocalityLbEndpoints",
     "locality metadata lb_endpoints load_balancer_endpoints/lb_config "
     "leds_cluster_locality_config/lb_config load_balancing_weight priority proximity"},
    {"envoy.config.listener.v3.Filter",
     "name typed_config/config_type config_discovery/config_type"},
    {"envoy.config.listener.v3.FilterChain",
     "filter_chain_match filters use_proxy_proto metadata transport_socket "
     "transport_socket_connect_timeout name"},
    {"envoy.config.listener.v3.Listener",
     "name address additional_addresses stat_prefix stats_matcher filter_chains fcds_config "
     "filter_chain_matcher use_original_dst default_filter_chain "
     "per_connection_buffer_limit_bytes per_connection_buffer_high_watermark_timeout metadata "
     "deprecated_v1 drain_type listener_filters listener_filters_timeout "
     "continue_on_listener_filters_timeout transparent freebind socket_options "
     "tcp_fast_open_queue_length traffic_direction udp_listener_config api_listener "
     "connection_balance_config reuse_port enable_reuse_port access_log tcp_backlog_size "
     "max_connections_to_accept_per_socket_event bind_to_port "
     "internal_listener/listener_specifier enable_mptcp ignore_global_conn_limit "
     "bypass_overload_manager tcp_keepalive"},
    {"envoy.config.metrics.v3.StatsConfig",
     "stats_tags use_all_default_tags stats_matcher histogram_bucket_settings "
     "allow_default_tag_overrides"},
    {"envoy.config.metrics.v3.TagSpecifier", "tag_name regex/tag_value fixed_value/tag_value"},
    {"envoy.config.overload.v3.OverloadManager",
     "refresh_interval resource_monitors actions loadshed_points buffer_factory_config"},
    {"envoy.config.overload.v3.ResourceMonitor", "name typed_config/config_type"},
    {"envoy.config.route.v3.DirectResponseAction", "status body body_format"},
    {"envoy.config.route.v3.Route",
     "name match route/action redirect/action direct_response/action filter_action/action "
     "non_forwarding_action/action metadata decorator typed_per_filter_config "
     "request_headers_to_add request_headers_to_remove response_headers_to_add "
     "response_headers_to_remove tracing per_request_buffer_limit_bytes stat_prefix "
     "request_body_buffer_limit route_specifiers"},
    {"envoy.config.route.v3.RouteAction",
     "cluster/cluster_specifier cluster_header/cluster_specifier "
     "weighted_clusters/cluster_specifier cluster_specifier_plugin/cluster_specifier "
     "inline_cluster_specifier_plugin/cluster_specifier cluster_not_found_response_code "
     "metadata_match prefix_rewrite regex_rewrite path_rewrite_policy path_rewrite "
     "host_rewrite_literal/host_rewrite_specifier auto_host_rewrite/host_rewrite_specifier "
     "host_rewrite_header/host_rewrite_specifier "
     "host_rewrite_path_regex/host_rewrite_specifier host_rewrite/host_rewrite_specifier "
     "append_x_forwarded_host timeout idle_timeout flush_timeout early_data_policy "
     "retry_policy retry_policy_typed_config request_mirror_policies priority rate_limits "
     "include_vh_rate_limits hash_policy cors max_grpc_timeout grpc_timeout_offset "
     "upgrade_configs internal_redirect_policy internal_redirect_action max_internal_redirects "
     "hedge_policy max_stream_duration"},
    {"envoy.config.route.v3.RouteConfiguration",
     "name virtual_hosts vhds internal_only_headers response_headers_to_add "
     "response_headers_to_remove request_headers_to_add request_headers_to_remove "
     "most_specific_header_mutations_wins validate_clusters "
     "max_direct_response_body_size_bytes cluster_specifier_plugins request_mirror_policies "
     "ignore_port_in_host_matching vhost_header ignore_path_parameters_in_path_matching "
     "typed_per_filter_config metadata route_specifiers"},
    {"envoy.config.route.v3.RouteMatch",
     "prefix/path_specifier path/path_specifier safe_regex/path_specifier "
     "connect_matcher/path_specifier path_separated_prefix/path_specifier "
     "path_match_policy/path_specifier case_sensitive runtime_fraction headers "
     "query_parameters cookies grpc tls_context dynamic_metadata filter_state"},
    {"envoy.config.route.v3.VirtualHost",
     "name domains routes matcher require_tls virtual_clusters rate_limits "
     "request_headers_to_add request_headers_to_remove response_headers_to_add "
     "response_headers_to_remove cors typed_per_filter_config include_request_attempt_count "
     "include_attempt_count_in_response retry_policy retry_policy_typed_config hedge_policy "
     "include_is_timeout_retry_header per_request_buffer_limit_bytes request_body_buffer_limit "
     "request_mirror_policies metadata route_specifiers"},
    {"envoy.extensions.access_loggers.file.v3.FileAccessLog",
     "path format/access_log_format json_format/access_log_format "
     "typed_json_format/access_log_format log_format/access_log_format"},
    {"envoy.extensions.access_loggers.stream.v3.StderrAccessLog", "log_format/access_log_format"},
    {"envoy.extensions.access_loggers.stream.v3.StdoutAccessLog", "log_format/access_log_format"},
    {"envoy.extensions.filters.http.router.v3.Router",
     "dynamic_stats start_child_span upstream_log upstream_log_options suppress_envoy_headers "
     "strict_check_headers respect_expected_rq_timeout "
     "suppress_grpc_request_failure_code_stats upstream_http_filters "
     "reject_connect_request_early_data"},
    {"envoy.extensions.filters.http.wasm.v3.Wasm", "config"},
    {"envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
     "codec_type stat_prefix rds/route_specifier route_config/route_specifier "
     "scoped_routes/route_specifier http_filters add_user_agent tracing "
     "common_http_protocol_options http1_safe_max_connection_duration http_protocol_options "
     "http2_protocol_options http3_protocol_options server_name server_header_transformation "
     "scheme_header_transformation max_request_headers_kb stream_idle_timeout "
     "stream_flush_timeout request_timeout request_headers_timeout drain_timeout "
     "drain_timeout_jitter delayed_close_timeout access_log access_log_flush_interval "
     "flush_access_log_on_new_request access_log_options use_remote_address "
     "xff_num_trusted_hops original_ip_detection_extensions early_header_mutation_extensions "
     "internal_address_config skip_xff_append via generate_request_id "
     "preserve_external_request_id always_set_request_id_in_response "
     "forward_client_cert_details set_current_client_cert_details forward_client_cert_matcher "
     "proxy_100_continue represent_ipv4_remote_address_as_ipv4_mapped_ipv6 upgrade_configs "
     "normalize_path merge_slashes path_with_escaped_slashes_action request_id_extension "
     "local_reply_config strip_matching_host_port strip_any_host_port/strip_port_mode "
     "stream_error_on_invalid_http_message path_normalization_options strip_trailing_host_dot "
     "proxy_status_config typed_header_validation_config append_x_forwarded_port "
     "append_local_overload add_proxy_protocol_connection_state forward_proto_config "
     "record_route_resolution_stats"},
    {"envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter",
     "name typed_config/config_type config_discovery/config_type is_optional disabled"},
    {"envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
     "stat_prefix cluster/cluster_specifier weighted_clusters/cluster_specifier on_demand "
     "metadata_match idle_timeout downstream_idle_timeout upstream_idle_timeout access_log "
     "max_connect_attempts backoff_options hash_policy tunneling_config "
     "max_downstream_connection_duration max_downstream_connection_duration_jitter_percentage "
     "access_log_flush_interval flush_access_log_on_connected access_log_options "
     "proxy_protocol_tlvs proxy_protocol_tlv_merge_policy upstream_connect_mode "
     "max_early_data_bytes check_drain_close"},
    {"envoy.extensions.filters.network.wasm.v3.Wasm", "config"},
    {"envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
     "resolvers use_resolvers_as_fallback filter_unroutable_families dns_resolver_options "
     "udp_max_queries query_timeout_seconds query_tries rotate_nameservers "
     "edns0_max_payload_size max_udp_channel_duration reinit_channel_on_timeout qcache_max_ttl"},
    {"envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
     "max_active_downstream_connections"},
    {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
     "common_http_protocol_options upstream_http_protocol_options "
     "explicit_http_config/upstream_protocol_options "
     "use_downstream_protocol_config/upstream_protocol_options "
     "auto_config/upstream_protocol_options http_filters header_validation_config "
     "outlier_detection request_mirror_policies hash_policy retry_policy"},
    {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig",
     "http_protocol_options/protocol_config http2_protocol_options/protocol_config "
     "http3_protocol_options/protocol_config"},
    {"envoy.extensions.wasm.v3.EnvironmentVariables", "host_env_keys key_values"},
    {"envoy.extensions.wasm.v3.PluginConfig",
     "name root_id vm_config/vm configuration fail_open failure_policy reload_config "
     "capability_restriction_config allow_on_headers_stop_iteration"},
    {"envoy.extensions.wasm.v3.ReloadConfig", "backoff"},
    {"envoy.extensions.wasm.v3.VmConfig",
     "vm_id runtime code configuration allow_precompiled nack_on_code_cache_miss "
     "environment_variables capability_restriction_config"},
    {"envoy.extensions.wasm.v3.WasmService", "config singleton"},
};

std::vector<EnvoyField> split(std::string_view fields) {
  std::vector<EnvoyField> result;
  while (!fields.empty()) {
    const std::string_view word = fields.substr(0, fields.find(' '));
    fields.remove_prefix(std::min(word.size() + 1, fields.size()));
    const auto slash = word.find('/');
    result.push_back(
        {word.substr(0, slash), slash == std::string_view::npos ? "" : word.substr(slash + 1)});
  }
  return result;
}

}  // namespace

const std::vector<EnvoyField>& envoy_fields(std::string_view message) {
  static const auto kTable = [] {
    std::map<std::string_view, std::vector<EnvoyField>> table;
    for (const MessageFields& entry : kMessages) table[entry.message] = split(entry.fields);
    return table;
  }();
  static const std::vector<EnvoyField> kNone;
  const auto found = kTable.find(message);
  return found == kTable.end() ? kNone : found->second;
}

}  // namespace holdfast::config
