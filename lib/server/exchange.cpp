#include "server/exchange.hpp"

#include <array>
#include <cassert>
#include <memory>

#include "base/text.hpp"
#include "http/serialize.hpp"
#include "router/header_mutations.hpp"
#include "server/http_context.hpp"
#include "server/request_headers.hpp"
#include "server/response_headers.hpp"
#include "server/session.hpp"

namespace holdfast::server {

using access_log::Flag;
using http::HeaderId;
using upstream::ResetReason;

Exchange::Exchange(Session& session, HttpContext& context) : session_(session), context_(context) {
  if (!context.filters.has_body_hooks()) return;
  bodies_ = std::make_unique<Bodies>(*this, context.filters,
                                     context.listener.per_connection_buffer_limit_bytes);
}

void Exchange::reset_state() noexcept {
  staged_ = Staged::nothing;
  resumed_ = local_ = rejected_ = false;
  keep_alive_ = true;
  request_complete_ = request_whole_ = upstream_complete_ = false;
  route_stale_ = false;
  chunked_request_ = false;
  framing_ = {};
  retried_ = sent_body_ = false;
  route_ = nullptr;
  cluster_ = nullptr;
  request_stash_.clear();
  response_stash_.clear();
  body_ = {};
  bytes_received_ = bytes_sent_ = 0;
  connect_error_ = 0;
  flags_ = {};
  details_ = {};
  upstream_start_ = response_end_ = {};
  upstream_host_.clear();
  upstream_local_.clear();
  route_timeout_ = hold_limit_ = {};
  response_.clear();
  request_trailers_.clear();
  response_trailers_.clear();
  start_ = request_end_ = request_passed_ = response_start_ = session_.loop().now();
  wall_start_ = {};
  if (!context_.access_logs.empty()) wall_start_ = context_.worker.wall_clock.now(start_);
  context_.stats.downstream_rq_total.add();
  context_.stats.downstream_rq_http1_total.add();
  context_.stats.downstream_rq_active.add();
}

std::size_t Exchange::release_buffers(std::size_t keep) noexcept {
  assert(!active());
  request_stash_.clear();
  response_stash_.clear();
  std::size_t released = request_.release(keep) + response_.release(keep) +
                         request_stash_.release(keep) + response_stash_.release(keep);
  if (bodies_ != nullptr)
    released += bodies_->request.release(keep) + bodies_->response.release(keep);
  return released;
}

/// Something moved: the stream is not idle.
void Exchange::touch() noexcept {
  auto idle = context_.config.stream_idle_timeout;
  if (route_ != nullptr) {
    if (const auto* cluster = std::get_if<config::ClusterRoute>(&route_->action)) {
      idle = cluster->idle_timeout.value_or(idle);
    }
  }
  session_.deadlines().set_after(Deadline::stream_idle, idle);
}

// --- Request ------------------------------------------------------------------------------------

void Exchange::begin(const http::HeadResult& result) noexcept {
  reset_state();
  phase_ = Phase::request_filters;
  keep_alive_ = result.keep_alive;
  head_request_ = request_.method_id() == http::Method::head;
  chunked_request_ = result.framing == http::Framing::chunked;
  request_complete_ =
      result.framing == http::Framing::none ||
      (result.framing == http::Framing::content_length && result.content_length == 0);
  request_whole_ = request_ends_with_head_ = request_complete_;
  auto& deadlines = session_.deadlines();
  deadlines.set_after(Deadline::stream_duration, context_.config.max_stream_duration);
  if (request_complete_) {
    deadlines.clear(Deadline::request);
  } else if (!deadlines.is_set(Deadline::request)) {
    deadlines.set_after(Deadline::request, context_.config.request_timeout);
  }
  touch();
  if (result.expect_continue) {
    request_.remove(HeaderId::expect);
    const std::array<iovec, 1> interim{net::piece("HTTP/1.1 100 Continue\r\n\r\n")};
    session_.send(interim);
  }
  if (request_.find(HeaderId::host) == nullptr) {  // HTTP/1.0 only: the parser saw to it.
    if (context_.config.default_host_for_http_10.empty()) {
      return reject(400, "", Flag::none, "missing_host_header");
    }
    request_.add(HeaderId::host, context_.config.default_host_for_http_10);
  }
  // What follows may be a tunnel's, whoever answers, and whatever a filter makes of the method.
  if (request_.method_id() == http::Method::connect) keep_alive_ = false;
  const HopByHop hop_by_hop = strip_hop_by_hop(request_);
  if (refuse_options(hop_by_hop)) return;
  if (request_.method_id() == http::Method::options && request_.target() == "*") {
    context_.stats.downstream_rq_non_relative_path.add();
    keep_alive_ = keep_alive_ && !result.upgrade;
    return answer_early(404, "", Flag::none, "absolute_path_rejected");
  }
  add_forwarding_headers(
      request_, context_.config,
      {.peer = session_.peer_ip(),
       .xff_append =
           session_.peer_is_loopback() ? context_.worker.interface_address : session_.peer_ip()},
      context_.worker.request_ids);
  choose_route();
  if (hop_by_hop == HopByHop::upgrade) {
    if (route_ != nullptr) return refuse_upgrade();
    keep_alive_ = false;
    request_.remove(HeaderId::connection);
    request_.remove(HeaderId::upgrade);
  }
  if (bodies_ != nullptr) return filter_request_head();
  run_request_filters(0);
}

bool Exchange::refuse_options(HopByHop found) noexcept {
  switch (found) {
    case HopByHop::host_nominated:
      request_.remove(HeaderId::host);
      reject(400, "", Flag::none, "missing_host_header");
      return true;
    case HopByHop::proxy_nominated:
    case HopByHop::too_many_options:
      reject(400, "Bad Request", Flag::none, "invalid_connection_header");
      return true;
    case HopByHop::upgrade:  // Later, as Envoy: when it has a route.
    case HopByHop::removed:
      break;
  }
  return false;
}

void Exchange::choose_route() noexcept {
  route_stale_ = false;
  route_ = context_.routes.match(request_.get(HeaderId::host), request_.target());
  if (route_ == nullptr) return;
  if (const auto* cluster = std::get_if<config::ClusterRoute>(&route_->action)) {
    route_timeout_ = cluster->timeout;
    if (cluster->idle_timeout) touch();
  }
}

void Exchange::refuse_upgrade() noexcept {
  context_.stats.downstream_rq_ws_on_non_ws_route.add();
  reject(403, "", Flag::none, "upgrade_failed");
}

/// A filter has changed what the route is chosen by.
void Exchange::choose_again() noexcept {
  route_timeout_ = {};
  choose_route();
  touch();
}

void Exchange::route() noexcept {
  if (route_stale_) choose_again();
  if (route_ == nullptr) {
    context_.stats.no_route.add();
    return local_reply(404, "", Flag::no_route_found, "route_not_found");
  }
  context_.stats.rq_total.add();
  if (const auto* direct = std::get_if<config::DirectResponse>(&route_->action)) {
    return direct_response(*direct);
  }
  forward(std::get<config::ClusterRoute>(route_->action));
}

void Exchange::direct_response(const config::DirectResponse& direct) noexcept {
  context_.stats.rq_direct_response.add();
  local_reply(direct.status, direct.has_body ? direct.body : std::string_view{}, Flag::none,
              "direct_response");
}

void Exchange::forward(const config::ClusterRoute& route) noexcept {
  cluster_ = &context_.worker.clusters.at(route.cluster_index);
  if (route.timeout.count() > 0) {
    request_.set(HeaderId::x_envoy_expected_rq_timeout_ms,
                 base::Decimal(route.timeout.count()).view());
  }
  if (!route_->request_headers.empty()) router::apply(route_->request_headers, request_);
  if (bodies_ != nullptr) frame_filtered_request();
  frame_request(request_, chunked_request_);
  upstream_asked_ = session_.loop().now();
  if (request_whole_) request_passed_ = upstream_asked_;
  arm_route_deadline();
  acquire(/*fresh=*/false);
}

void Exchange::acquire(bool fresh) noexcept {
  const upstream::Acquired acquired = cluster_->acquire(*this, fresh);
  if (acquired.connection != nullptr) return attach(*acquired.connection);
  if (acquired.waiting_in == nullptr) return upstream_failed(acquired.failure);
  waiting_in_ = acquired.waiting_in;
  phase_ = Phase::connecting;
}

void Exchange::on_connection_ready(upstream::ClientConnection& connection) noexcept {
  attach(connection);
  on_request_pause();
}

void Exchange::on_connection_failed(ResetReason reason, int error) noexcept {
  upstream_host_ = waiting_in_->host()->text();
  waiting_in_ = nullptr;
  connect_error_ = error;
  upstream_failed(reason);
}

void Exchange::attach(upstream::ClientConnection& connection) noexcept {
  waiting_in_ = nullptr;
  upstream_ = &connection;
  phase_ = Phase::waiting;
  upstream_start_ = session_.loop().now();
  if (!context_.access_logs.empty()) upstream_host_ = connection.host().text();
  if (bodies_ != nullptr) return begin_filtered_request();
  connection.begin(*this, request_.method());
  stage_request_head();
  if (!request_stash_.empty()) {
    send_request(request_stash_.span(), request_whole_);
    request_stash_.clear();
    request_stash_.release();
  } else if (request_whole_) {
    send_request({}, true);
  } else {
    session_.resume_body();
  }
}

void Exchange::stage_request_head() noexcept {
  base::Buffer& buffer = session_.loop().write_buffer();
  buffer.clear();
  http::append_request_head(buffer, request_, chunked_request_);
  staged_ = Staged::request;
}

/// Send what is staged, `body`, and the end if it is the end.
void Exchange::send_request(std::span<char> body, bool end) noexcept {
  std::array<iovec, 5> pieces;
  std::size_t count = 0;
  std::array<char, 20> size;
  std::string trailers;
  if (staged_ == Staged::request)
    pieces[count++] = net::piece(session_.loop().write_buffer().view());
  staged_ = Staged::nothing;
  if (!body.empty()) {
    sent_body_ = true;
    if (chunked_request_) {
      pieces[count++] = net::piece({size.data(), http::chunk_header(body.size(), size.data())});
    }
    pieces[count++] = net::piece({body.data(), body.size()});
    if (chunked_request_) pieces[count++] = net::piece("\r\n");
  }
  if (end && chunked_request_) {
    const bool enabled = cluster_->config().enable_trailers;
    pieces[count++] = net::piece(http::end_of_chunks(request_trailers_, enabled, trailers));
  }
  if (count != 0) upstream_->send(std::span(pieces).first(count));
  if (end) {
    upstream_->finish_request();
  } else if (upstream_->backlog() != 0) {
    session_.pause_body();
  } else {
    session_.resume_body();
  }
}

void Exchange::on_request_body(std::span<char> bytes, bool end) noexcept {
  bytes_received_ += bytes.size();
  request_complete_ = end;
  touch();
  if (end) {
    request_end_ = session_.loop().now();
    session_.deadlines().clear(Deadline::request);
  }
  if (bodies_ != nullptr) return filter_request_body(bytes, end);
  if (end) {
    request_whole_ = true;
    request_passed_ = request_end_;
    arm_route_deadline();
  }
  if (upstream_ != nullptr) return send_request(bytes, end);
  if (phase_ == Phase::connecting || phase_ == Phase::request_held) {
    request_stash_.append({bytes.data(), bytes.size()});
    if (!end) session_.pause_body();
  }
  // Else the answer is on its way already: the rest of the request is dropped.
}

void Exchange::on_request_pause() noexcept {
  if (bodies_ != nullptr) return filter_request_pause();
  if (staged_ == Staged::request && upstream_ != nullptr) send_request({}, false);
}

void Exchange::on_request_drained() noexcept {
  if (bodies_ != nullptr) return pace_request();
  if (!request_complete_) session_.resume_body();
}

void Exchange::on_request_error() noexcept {
  keep_alive_ = false;
  if (phase_ == Phase::responding) return cut(Flag::downstream_protocol_error, "http1.codec_error");
  if (bodies_ != nullptr) {  // As Envoy: plugins see this answer, too.
    return answer_instead(
        {400, "Bad Request", Flag::downstream_protocol_error, "http1.codec_error"});
  }
  drop_upstream();
  cancel_holds();
  reject(400, "Bad Request", Flag::downstream_protocol_error, "http1.codec_error");
}

void Exchange::arm_route_deadline() noexcept {
  if (request_whole_ && cluster_ != nullptr && !response_waits()) {
    if (route_timeout_.count() > 0) {
      session_.deadlines().set(Deadline::route, request_passed_ + route_timeout_);
    }
  }
}

// --- Failures -----------------------------------------------------------------------------------

/// A reused connection that closed before a byte came back: the upstream may have closed it before
/// it saw the request. Repeating is safe for idempotent methods (RFC 9110 9.2.2), and possible
/// while no body was sent.
bool Exchange::may_retry(ResetReason reason) const noexcept {
  using enum http::Method;
  const http::Method method = request_.method_id();
  const bool idempotent = method == get || method == head || method == put || method == delete_ ||
                          method == options || method == trace;
  return reason == ResetReason::connection_termination && idempotent && !retried_ && !sent_body_ &&
         request_whole_ && upstream_->earlier_requests() > 0 && !upstream_->response_begun();
}

void Exchange::on_reset(ResetReason reason) noexcept {
  const bool retry = phase_ == Phase::waiting && may_retry(reason);
  upstream_ = nullptr;
  if (retry) {
    if (cluster_->circuit_breaker().retries.can_take()) {
      retried_ = true;
      cluster_->circuit_breaker().retries.take();
      cluster_->stats().upstream_rq_retry.add();
      return acquire(/*fresh=*/true);
    }
    cluster_->stats().upstream_rq_retry_overflow.add();
  }
  if (phase_ == Phase::responding && staged_ != Staged::response) {
    return cut(Flag::upstream_protocol_error,
               "upstream_reset_after_response_started{protocol_error}");
  }
  if (response_waits()) cancel_holds();
  // A response that broke off is malformed, as for Envoy once it has begun.
  if (response_begun() && reason == ResetReason::connection_termination) {
    reason = ResetReason::protocol_error;
  }
  upstream_failed(reason);
}

void Exchange::upstream_failed(ResetReason reason) noexcept {
  const bool begun = response_begun();
  const LocalReply failure = describe(reason);
  drop_upstream();
  flags_.set(failure.flag);
  details_ = failure.details;
  if (connect_error_ != 0) {
    details_text_ = connect_failure_details(connect_error_);
    details_ = details_text_;
  }
  if (!begun) {  // Else it has been counted, with the status that it came with. As Envoy.
    cluster_->stats().upstream_rq.add(failure.status);
    cluster_->stats().external_upstream_rq.add(failure.status);
  }
  make_local_response(failure.status, failure.body, reason == ResetReason::overflow);
  if (begun) return send_response_head();  // The filters have had their turn.
  run_response_filters(0);
}

void Exchange::drop_upstream() noexcept {
  if (upstream_ != nullptr) {
    upstream_->cancel();
    upstream_ = nullptr;
  } else if (waiting_in_ != nullptr) {
    cluster_->withdraw(*this, *waiting_in_);
    waiting_in_ = nullptr;
  }
  staged_ = Staged::nothing;
  body_ = {};
}

void Exchange::reject(std::uint16_t status, std::string_view body, Flag flag,
                      std::string_view details) noexcept {
  if (phase_ == Phase::idle) {  // Not even a head that could be served.
    reset_state();
    head_request_ = request_.method_id() == http::Method::head;
  }
  keep_alive_ = false;
  answer_early(status, body, flag, details);
}

void Exchange::answer_early(std::uint16_t status, std::string_view body, Flag flag,
                            std::string_view details) noexcept {
  rejected_ = true;
  flags_.set(flag);
  details_ = details;
  for (const auto& filter : context_.filters.all()) filter->on_answered_early(*this);
  make_local_response(status, body);
  send_response_head();
}

void Exchange::local_reply(std::uint16_t status, std::string_view body, Flag flag,
                           std::string_view details) noexcept {
  drop_upstream();
  flags_.set(flag);
  details_ = details;
  make_local_response(status, body);
  run_response_filters(0);
}

/// What the route adds to answers of ours: a direct response's to itself only. As Envoy.
void Exchange::mutate_local_response() noexcept {
  if (route_ == nullptr || route_->response_headers.empty()) return;
  const bool direct = std::holds_alternative<config::DirectResponse>(route_->action);
  if (direct && details_ != "direct_response") return;
  router::apply(route_->response_headers, response_);
}

void Exchange::make_local_response(std::uint16_t status, std::string_view body,
                                   bool overloaded) noexcept {
  local_ = true;
  upstream_complete_ = true;
  response_.clear();
  response_trailers_.clear();
  response_.status = status;
  const bool redirect = status == 201 || (status >= 300 && status < 400);
  if (redirect && details_ == "direct_response") add_location(response_, request_);  // As Envoy.
  mutate_local_response();
  if (overloaded) response_.add("x-envoy-overloaded", "true");
  add_local_body(response_, body);
  response_stash_.clear();
  if (!head_request_) response_stash_.append(body);
}

/// The client is gone (or we are): nothing more can be said, only cleaned up.
void Exchange::abandon(Flag flag, std::string_view details) noexcept {
  drop_upstream();
  flags_.set(flag);
  details_ = details;
  finish(/*cut_short=*/true);
}

}  // namespace holdfast::server
