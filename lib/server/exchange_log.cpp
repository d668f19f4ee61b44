// The access log line of an exchange (exchange.hpp): collects the facts; the formats are
// access_log's business.
#include "access_log/log.hpp"
#include "server/exchange.hpp"
#include "server/http_context.hpp"
#include "server/request_headers.hpp"
#include "server/session.hpp"

namespace holdfast::server {

void Exchange::write_access_log() noexcept {
  const net::TimePoint now = session_.loop().now();
  access_log::Record record;
  std::string client;
  record.downstream_remote_address = session_.peer();
  if (!request_.method().empty()) {
    record.request = &request_;
    record.method = request_.method();
    record.path = request_.target();
    record.authority = request_.get(http::HeaderId::host);
    record.scheme = request_.get(http::HeaderId::x_forwarded_proto);
    const std::string_view trusted = trusted_client_address(request_, context_.config);
    if (!trusted.empty()) {  // As Envoy: an address out of x-forwarded-for has port 0.
      const bool v6 = trusted.find(':') != std::string_view::npos;
      client.append(v6 ? "[" : "").append(trusted).append(v6 ? "]:0" : ":0");
      record.downstream_remote_address = client;
    }
  }
  record.protocol = request_.version == http::Version::http_1_0 ? "HTTP/1.0" : "HTTP/1.1";
  if (response_.status != 0) record.response = &response_;
  record.status = response_.status;
  record.flags = flags_;
  record.details = details_;
  record.bytes_received = bytes_received_;
  record.bytes_sent = bytes_sent_;
  record.start = wall_start_;
  record.duration = now - start_;
  if (request_complete_) {
    record.request_duration = request_end_ - start_;
    if (!upstream_host_.empty()) record.request_tx_duration = request_end_ - start_;
  }
  if (!local_ && response_.status != 0) {
    record.response_duration = response_start_ - start_;
    record.response_tx_duration = now - response_start_;
  }
  if (!upstream_host_.empty()) {
    record.upstream_host = upstream_host_;
    record.upstream_attempts = retried_ ? 2 : 1;
  }
  if (cluster_ != nullptr) record.upstream_cluster = cluster_->config().name;
  if (route_ != nullptr && !route_->name.empty()) record.route_name = route_->name;
  record.downstream_direct_remote_address = session_.peer();
  record.downstream_local_address = context_.local_address;
  record.listener_name = context_.listener.name;
  record.connection_id = session_.connection_id();
  for (const auto& log : context_.access_logs) log->write(record);
}

}  // namespace holdfast::server
