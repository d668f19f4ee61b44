// The access log line of an exchange (exchange.hpp): collects the facts; the formats are
// access_log's business.
#include <optional>

#include "access_log/log.hpp"
#include "http/scheme.hpp"
#include "server/exchange.hpp"
#include "server/http_context.hpp"
#include "server/request_headers.hpp"
#include "server/session.hpp"

namespace holdfast::server {

using namespace std::string_view_literals;

namespace {

/// As Envoy: an address out of x-forwarded-for has port 0. Empty: the peer is the client.
std::string forwarded_client(const http::Head& request,
                             const config::HttpConnectionManager& config) {
  std::string client;
  const std::string_view trusted = trusted_client_address(request, config);
  if (trusted.empty()) return client;
  const bool v6 = trusted.find(':') != std::string_view::npos;
  client.append(v6 ? "[" : "").append(trusted).append(v6 ? "]:0" : ":0");
  return client;
}

}  // namespace

std::unique_ptr<filters::ConnectionState>& Exchange::connection_state() noexcept {
  return session_.filters_state();
}

filters::StreamInfo Exchange::info() noexcept {
  const bool unrouted = phase_ == Phase::request_filters || phase_ == Phase::request_held;
  if (route_stale_ && unrouted) choose_again();
  const net::TimePoint now = session_.loop().now();
  if (wall_start_.time_since_epoch().count() == 0) {
    wall_start_ = context_.worker.wall_clock.now(now) -
                  std::chrono::duration_cast<std::chrono::system_clock::duration>(now - start_);
  }
  const auto since = [](bool known, net::TimePoint from, net::TimePoint to) {
    return known ? std::optional<filters::StreamInfo::Duration>(to - from) : std::nullopt;
  };
  const bool asked = upstream_start_ != net::TimePoint{};
  filters::StreamInfo info;
  info.connection_id = session_.connection_id();
  info.downstream_remote_address = session_.peer();
  info.downstream_local_address = session_.local_address();
  info.protocol = request_.version == http::Version::http_1_0 ? "HTTP/1.0"sv : "HTTP/1.1"sv;
  info.listener_name = context_.listener.name;
  info.start = wall_start_;
  info.duration = now - start_;
  info.request_duration = since(request_complete_, start_, request_end_);
  info.pool_ready_duration = since(asked, upstream_asked_, upstream_start_);
  const bool answered = asked && !local_ && response_.status != 0;
  info.upstream_first_byte = since(answered, upstream_start_, response_start_);
  info.backend_latency =
      since(answered && response_end_ != net::TimePoint{}, upstream_start_, response_end_);
  info.request_head_bytes = request_.raw_size();
  info.request_body_bytes = bytes_received_;
  const bool piped = bodies_ != nullptr && !rejected_;
  info.response_body_bytes = piped ? bodies_->response.bytes_passed() : bytes_sent_;
  if (upstream_ != nullptr && upstream_host_.empty()) {
    upstream_host_ = upstream_->host().text();
    upstream_local_ = upstream_->local_address();
  }
  info.upstream_host = upstream_host_;
  info.upstream_local_address = upstream_local_;
  info.attempts = !asked ? 0 : retried_ ? 2 : 1;
  if (route_ != nullptr) {
    info.route_name = route_->name;
    info.route_metadata = route_->metadata_json;
    info.virtual_host_name = context_.routes.virtual_host_of(*route_).name;
    if (const auto* route = std::get_if<config::ClusterRoute>(&route_->action)) {
      const config::Cluster& cluster = context_.worker.clusters.at(route->cluster_index).config();
      info.cluster_name = cluster.name;
      info.cluster_metadata = cluster.metadata_json;
    }
  }
  info.response_code = response_.status;
  info.response_details = details_;
  info.response_flags = flags_.bits();
  return info;
}

const upstream::Cluster* Exchange::routed_cluster() const noexcept {
  if (cluster_ != nullptr || route_ == nullptr) return cluster_;
  const auto* route = std::get_if<config::ClusterRoute>(&route_->action);
  return route == nullptr ? nullptr : &context_.worker.clusters.at(route->cluster_index);
}

void Exchange::write_access_log() noexcept {
  const net::TimePoint now = session_.loop().now();
  const bool has_head = !request_.method().empty();
  const bool has_host = !upstream_host_.empty();
  const bool has_upstream_response = !local_ && response_.status != 0;
  const auto since = [](bool known, net::TimePoint from, net::TimePoint to) {
    return known ? std::optional<access_log::Record::Duration>(to - from) : std::nullopt;
  };
  access_log::Record record;
  if (has_head) {
    record.request = &request_;
    record.method = request_.method();
    if (request_.method_id() != http::Method::connect) record.path = request_.target();
    record.authority = request_.get(http::HeaderId::host);
    record.scheme = http::scheme_of(request_);
  }
  record.protocol = request_.version == http::Version::http_1_0 ? "HTTP/1.0"sv : "HTTP/1.1"sv;
  if (response_.status != 0) record.response = &response_;
  if (response_trailers_.present()) record.response_trailers = &response_trailers_;
  record.status = response_.status;
  record.flags = flags_;
  record.details = details_;
  record.bytes_received = bytes_received_;
  record.bytes_sent = bytes_sent_;
  record.start = wall_start_;
  record.duration = now - start_;
  record.request_duration = since(request_complete_, start_, request_end_);
  record.request_tx_duration = since(request_whole_ && has_host, start_, request_passed_);
  record.response_duration = since(has_upstream_response, start_, response_start_);
  record.response_tx_duration = since(has_upstream_response, response_start_, now);
  record.upstream_host = upstream_host_;
  record.upstream_attempts = !has_host ? 0 : retried_ ? 2 : 1;
  // As Envoy: of a request that is not sent on, too.
  if (const upstream::Cluster* cluster = routed_cluster()) {
    record.upstream_cluster = cluster->config().name;
  }
  if (route_ != nullptr) record.route_name = route_->name;
  record.downstream_remote_address = record.downstream_direct_remote_address = session_.peer();
  record.downstream_local_address = session_.local_address();
  record.listener_name = context_.listener.name;
  record.connection_id = session_.connection_id();
  std::string client;
  const auto& logs = context_.access_logs;
  bool shows_client = false;
  for (const auto& log : logs) shows_client |= log->format().shows_client();
  if (has_head && shows_client) {
    client = forwarded_client(request_, context_.config);
    if (!client.empty()) record.downstream_remote_address = client;
  }
  for (const auto& log : logs) log->write(record);
}

}  // namespace holdfast::server
