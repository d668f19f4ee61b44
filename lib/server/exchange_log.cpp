// The access log line of an exchange (exchange.hpp): collects the facts; the formats are
// access_log's business.
#include <optional>

#include "access_log/log.hpp"
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
    record.path = request_.target();
    record.authority = request_.get(http::HeaderId::host);
    record.scheme = request_.get(http::HeaderId::x_forwarded_proto);
  }
  record.protocol = request_.version == http::Version::http_1_0 ? "HTTP/1.0"sv : "HTTP/1.1"sv;
  if (response_.status != 0) record.response = &response_;
  record.status = response_.status;
  record.flags = flags_;
  record.details = details_;
  record.bytes_received = bytes_received_;
  record.bytes_sent = bytes_sent_;
  record.start = wall_start_;
  record.duration = now - start_;
  record.request_duration = since(request_complete_, start_, request_end_);
  record.request_tx_duration = since(request_complete_ && has_host, start_, request_end_);
  record.response_duration = since(has_upstream_response, start_, response_start_);
  record.response_tx_duration = since(has_upstream_response, response_start_, now);
  record.upstream_host = upstream_host_;
  record.upstream_attempts = !has_host ? 0 : retried_ ? 2 : 1;
  if (cluster_ != nullptr) record.upstream_cluster = cluster_->config().name;
  if (route_ != nullptr) record.route_name = route_->name;
  record.downstream_remote_address = record.downstream_direct_remote_address = session_.peer();
  record.downstream_local_address = context_.local_address;
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
