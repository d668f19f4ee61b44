// The second half of exchange.hpp: from the response's head to the end of the exchange.
#include <array>
#include <cassert>

#include "http/serialize.hpp"
#include "router/header_mutations.hpp"
#include "server/exchange.hpp"
#include "server/http_context.hpp"
#include "server/request_headers.hpp"
#include "server/response_headers.hpp"
#include "server/session.hpp"

namespace holdfast::server {

using access_log::Flag;

// --- Head ---------------------------------------------------------------------------------------

void Exchange::on_response_head(const http::HeadResult& result) noexcept {
  assert(phase_ == Phase::waiting);
  response_framing_ = result.framing;
  response_ends_with_head_ =
      result.framing == http::Framing::none ||
      (result.framing == http::Framing::content_length && result.content_length == 0);
  response_start_ = session_.loop().now();
  touch();
  strip_response(response_);
  if (!request_complete_) context_.stats.downstream_rq_response_before_rq_complete.add();
  if (request_whole_) {
    add_service_time(response_, response_start_ - request_passed_);
  }
  if (!route_->response_headers.empty()) router::apply(route_->response_headers, response_);
  details_ = "via_upstream";
  count_upstream_response();
  if (bodies_ != nullptr) return filter_response_head(response_ends_with_head_);
  upstream_turn_ = true;
  run_response_filters(0);
  upstream_turn_ = false;
}

void Exchange::count_upstream_response() noexcept {
  auto& stats = cluster_->stats();
  const stats::Histogram::Value elapsed(response_start_ - request_passed_);
  stats.upstream_rq.add(response_.status);
  stats.external_upstream_rq.add(response_.status);
  stats.upstream_rq_time.record(elapsed);
  stats.external_upstream_rq_time.record(elapsed);
  auto& host = upstream_->host().stats(cluster_->worker());
  (response_.status >= 500 ? host.rq_error : host.rq_success).add();
  if (retried_) stats.upstream_rq_retry_success.add();
}

/// Whether this answer ends the connection.
bool Exchange::decide_close() noexcept {
  const bool drains = session_.drains();
  if (drains) context_.stats.downstream_cx_drain_close.add();
  return drains || session_.worn_out() || !keep_alive_ || !request_complete_;
}

void Exchange::stage_response_head(Origin origin, http::Framing framing) noexcept {
  if (!request_complete_ && upstream_ == nullptr) session_.resume_body();
  const bool last = decide_close();
  const ClientRequest client{.is_head = head_request_,
                             .http_10 = request_.version == http::Version::http_1_0};
  framing_ = frame_response(response_, client, origin, framing);
  framing_.close = framing_.close || last;
  finish_response_headers(response_, request_, context_.config, session_.loop().date());
  end_response_head(response_, request_, framing_);
  base::Buffer& buffer = session_.loop().write_buffer();
  buffer.clear();
  http::append_response_head(buffer, response_, request_.version, framing_.chunked,
                             framing_.says_empty);
  staged_ = Staged::response;
  phase_ = Phase::responding;
}

void Exchange::send_response_head() noexcept {
  stage_response_head(local_ ? Origin::local : Origin::upstream, response_framing_);
  if (upstream_ != nullptr && !upstream_complete_) {
    if (!session_.deadlines().is_set(Deadline::route)) arm_route_deadline();
    // What came with the head follows in this turn, or on_response_pause() does.
    if (upstream_turn_ && response_stash_.empty()) return;
    upstream_->resume_reading();
  }
  if (!response_stash_.empty()) body_ = response_stash_.span();
  send_response(upstream_complete_);
  response_stash_.clear();
  response_stash_.release();
  if (upstream_complete_) {
    finish(/*cut_short=*/false);
  } else if (!session_.can_send()) {
    upstream_->pause_reading();
  }
}

// --- Body ---------------------------------------------------------------------------------------

http::Trailers* Exchange::kept_trailers() noexcept {
  return cluster_->config().enable_trailers ? &response_trailers_ : nullptr;
}

void Exchange::on_response_body(std::span<char> bytes) noexcept {
  touch();
  if (bodies_ != nullptr) return bodies_->response.incoming().append({bytes.data(), bytes.size()});
  if (phase_ == Phase::response_held) {
    response_stash_.append({bytes.data(), bytes.size()});
    const std::size_t limit = context_.listener.per_connection_buffer_limit_bytes;
    if (limit != 0 && response_stash_.size() >= limit) {
      upstream_->pause_reading();
    }
    return;
  }
  if (!body_.empty()) send_response(false);
  body_ = bytes;
}

void Exchange::on_response_pause() noexcept {
  if (bodies_ != nullptr) return filter_response_pause();
  if (phase_ != Phase::responding) return;
  send_response(false);
  if (!session_.can_send()) upstream_->pause_reading();
}

/// Nobody looks at the body: no filter has a hook for it.
bool Exchange::can_splice() noexcept {
  return bodies_ == nullptr && phase_ == Phase::responding && staged_ == Staged::nothing &&
         body_.empty() && !framing_.chunked && !head_request_ && session_.can_splice();
}

net::Stream::ReadResult Exchange::splice_body(net::Stream& upstream, std::size_t most) noexcept {
  const net::Stream::ReadResult result = session_.splice(upstream, most);
  if (result.state != net::Stream::ReadState::data) return result;
  touch();
  bytes_sent_ += result.size;
  if (!session_.can_send()) upstream_->pause_reading();
  return result;
}

void Exchange::on_response_end() noexcept {
  upstream_ = nullptr;
  upstream_complete_ = true;
  response_end_ = session_.loop().now();
  if (bodies_ != nullptr) return filter_response_end();
  if (phase_ != Phase::responding) {  // Held; what came is in response_stash_.
    return session_.deadlines().clear(Deadline::route);
  }
  send_response(true);
  finish(/*cut_short=*/false);
}

void Exchange::on_downstream_drained() noexcept {
  touch();
  if (bodies_ != nullptr) return pace_response();
  if (phase_ == Phase::responding && upstream_ != nullptr && session_.can_send()) {
    upstream_->resume_reading();
  }
}

/// Send what is staged, the body of this turn, and the end if it is the end.
void Exchange::send_response(bool end) noexcept {
  std::array<iovec, 5> pieces;
  std::size_t count = 0;
  std::array<char, 20> size;
  std::string trailers;
  if (staged_ == Staged::response)
    pieces[count++] = net::piece(session_.loop().write_buffer().view());
  staged_ = Staged::nothing;
  const bool chunked = framing_.chunked && !head_request_;
  if (!body_.empty() && !head_request_) {
    if (chunked) {
      pieces[count++] = net::piece({size.data(), http::chunk_header(body_.size(), size.data())});
    }
    pieces[count++] = net::piece({body_.data(), body_.size()});
    if (chunked) pieces[count++] = net::piece("\r\n");
    bytes_sent_ += body_.size();
  }
  if (end && chunked) {
    const bool enabled = context_.config.enable_trailers;
    pieces[count++] = net::piece(http::end_of_chunks(response_trailers_, enabled, trailers));
  }
  body_ = {};
  if (count != 0) session_.send(std::span(pieces).first(count));
}

// --- Time ---------------------------------------------------------------------------------------

void Exchange::on_deadline(Deadline which) noexcept {
  auto& stats = context_.stats;
  const std::uint16_t status = request_complete_ ? 504 : 408;
  if (which == Deadline::hold) return hold_expired();
  if (which == Deadline::stream_idle && filter_holds())
    return touch();  // A hold has a limit of its own.
  LocalReply timeout{status, "stream timeout", Flag::stream_idle_timeout, "stream_idle_timeout"};
  switch (which) {
    case Deadline::route:
      cluster_->stats().upstream_rq_timeout.add();
      if (upstream_ != nullptr) upstream_->host().stats(cluster_->worker()).rq_timeout.add();
      timeout = {upstream::kTimeoutReply.status, upstream::kTimeoutReply.body,
                 Flag::upstream_request_timeout, upstream::kTimeoutReply.details};
      break;
    case Deadline::request:
      stats.downstream_rq_timeout.add();
      timeout = {408, "request timeout", Flag::none, "request_overall_timeout"};
      break;
    case Deadline::stream_duration:
      stats.downstream_rq_max_duration_reached.add();
      timeout = {status, "downstream duration timeout", Flag::none, "max_duration_timeout"};
      break;
    default:
      stats.downstream_rq_idle_timeout.add();
      break;
  }
  if (phase_ == Phase::responding) return cut(timeout.flag, timeout.details);
  if (timeout.status == 408) keep_alive_ = false;
  const bool response_held = response_waits();
  cancel_holds();
  if (cluster_ != nullptr && timeout.status == 504) {
    cluster_->stats().upstream_rq.add(504);
    cluster_->stats().external_upstream_rq.add(504);
  }
  if (!response_held)
    return local_reply(timeout.status, timeout.body, timeout.flag, timeout.details);
  drop_upstream();  // As Envoy: the filters have had their turn.
  flags_.set(timeout.flag);
  details_ = timeout.details;
  make_local_response(timeout.status, timeout.body);
  send_response_head();
}

// --- The end ------------------------------------------------------------------------------------

/// The response has begun and can't be completed.
void Exchange::cut(Flag flag, std::string_view details) noexcept {
  if (staged_ == Staged::response) send_response(false);
  drop_upstream();
  context_.stats.downstream_rq_tx_reset.add();
  context_.stats.rq_reset_after_downstream_response_started.add();
  flags_.set(flag);
  details_ = details;
  finish(/*cut_short=*/true);
  session_.abort_response();
}

void Exchange::finish(bool cut_short) noexcept {
  ending_ = true;
  end_filters();
  if (retried_) cluster_->circuit_breaker().retries.give_back();
  auto& deadlines = session_.deadlines();
  for (const Deadline each : {Deadline::stream_idle, Deadline::request, Deadline::route,
                              Deadline::stream_duration, Deadline::hold}) {
    deadlines.clear(each);
  }
  auto& stats = context_.stats;
  stats.downstream_rq_active.sub();
  if (response_.status != 0) stats.downstream_rq.add(response_.status);
  stats.downstream_rq_time.record(session_.loop().now() - start_);
  if (!context_.access_logs.empty()) write_access_log();
  phase_ = Phase::idle;
  ending_ = false;
  if (!cut_short)
    session_.end_exchange(framing_.close ? Session::After::close : Session::After::keep);
}

}  // namespace holdfast::server
