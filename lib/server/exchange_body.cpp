// exchange.hpp where a filter has body hooks: both messages go through a FilterPipeline each, and
// what comes out is sent. A head goes out with what is known of its body at that moment; so it is
// written as late as the pieces that have arrived allow, and content-length is made true where the
// whole body is there (Envoy would send what the filters have left of it).
#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.hpp"
#include "server/exchange.hpp"
#include "server/http_context.hpp"
#include "server/session.hpp"

namespace holdfast::server {

using access_log::Flag;
using http::HeaderId;
using Outcome = FilterPipeline::Outcome;

namespace {

/// What filters have left of content-length. What is no length, or several, is removed: the message
/// must not be ambiguous to the next hop.
std::optional<std::uint64_t> sane_content_length(http::Head& head) {
  const http::Field* const field = head.find(HeaderId::content_length);
  if (field == nullptr) return std::nullopt;
  std::size_t count = 0;
  for (const http::Field& each : head.fields()) {
    count += !each.removed && each.id == HeaderId::content_length ? 1 : 0;
  }
  const std::string_view text = head.value(*field);
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (count == 1 && error == std::errc{} && end == text.data() + text.size()) return length;
  head.remove(HeaderId::content_length);
  return std::nullopt;
}

/// Take `size` of what may still be sent. False: it is too much, or the end comes too early.
bool spend(std::uint64_t& left, std::uint64_t size, bool end) {
  if (left == UINT64_MAX) return true;
  if (size > left) return false;
  left -= size;
  return !end || left == 0;
}

}  // namespace

// --- Request ------------------------------------------------------------------------------------

void Exchange::filter_request_head() noexcept {
  phase_ = Phase::request_filters;
  bodies_->head_due = bodies_->request_end_sent = bodies_->drops_body = false;
  request_whole_ = false;
  bodies_->request.start(request_ends_with_head_);
  const Outcome outcome = bodies_->request.run_head();
  if (outcome != Outcome::ok || request_complete_) return settle_request(outcome);
  arm_holds();
  if (bodies_->request.head_passed()) route_filtered();  // What follows, or a pause, comes now.
}

void Exchange::filter_request_body(std::span<char> bytes, bool end) noexcept {
  FilterPipeline& filters = bodies_->request;
  if (!filters.active()) return;  // The answer is on its way already.
  filters.incoming().append({bytes.data(), bytes.size()});
  if (!end) return;
  Outcome outcome = Outcome::ok;
  if (!filters.incoming().empty()) outcome = filters.run_body(/*end=*/false);
  if (outcome == Outcome::ok) outcome = filters.run_body(/*end=*/true);
  settle_request(outcome);
}

void Exchange::filter_request_pause() noexcept {
  FilterPipeline& filters = bodies_->request;
  if (!filters.active()) return;
  settle_request(filters.incoming().empty() ? Outcome::ok : filters.run_body(/*end=*/false));
}

void Exchange::settle_request(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::interrupted:
      return do_asked();
    case Outcome::respond:
      return run_response_filters(0);
    case Outcome::too_large:
      context_.stats.downstream_rq_too_large.add();
      return answer_instead({413, "Payload Too Large", Flag::none, "request_payload_too_large"});
    case Outcome::ok:
      break;
  }
  arm_holds();
  pass_request();
}

/// Send on what has passed the filters.
void Exchange::pass_request() noexcept {
  FilterPipeline& filters = bodies_->request;
  if (!filters.head_passed()) return pace_request();
  request_stash_.take(filters.passed());
  if (filters.end_passed() && !request_whole_) {
    request_whole_ = true;
    request_passed_ = session_.loop().now();
    arm_route_deadline();
  }
  if (phase_ == Phase::request_filters) route_filtered();
  if (phase_ == Phase::idle) return;
  if (upstream_ != nullptr) return send_filtered_request();
  if (phase_ != Phase::connecting) request_stash_.clear();  // The answer is on its way already.
  pace_request();
}

void Exchange::send_filtered_request() noexcept {
  if (bodies_->head_due) {
    write_filtered_request_head();
  } else if (bodies_->request_end_sent || (request_stash_.empty() && !request_whole_)) {
    return pace_request();
  }
  if (!spend(bodies_->request_left, request_stash_.size(), request_whole_)) {
    return answer_instead({502, "", Flag::none, "request_content_length_mismatch"});
  }
  bodies_->request_end_sent = request_whole_;
  send_request(request_stash_.span(), request_whole_);
  request_stash_.clear();
  pace_request();
}

/// Read the client as far as there is room for it.
void Exchange::pace_request() noexcept {
  if (request_complete_) return;
  const bool behind = upstream_ != nullptr ? upstream_->backlog() != 0 : !request_stash_.empty();
  if (behind || bodies_->request.is_full()) {
    session_.pause_body();
  } else {
    session_.resume_body();
  }
}

/// As behind the last hook of a chain without bodies.
void Exchange::route_filtered() noexcept {
  run_request_filters(context_.filters.request_hooks().size());
}

/// Before the head is made ready for an upstream.
void Exchange::frame_filtered_request() noexcept {
  const bool known = sane_content_length(request_).has_value();
  chunked_request_ = !known && !request_ends_with_head_;
}

/// There is a connection. The head goes out with what there is of the body by then.
void Exchange::begin_filtered_request() noexcept {
  bodies_->method = request_.method();
  bodies_->head_due = true;
  upstream_host_ = upstream_->host().text();
  upstream_local_ = upstream_->local_address();
  upstream_->begin(*this, bodies_->method);
  if (request_whole_ || !request_stash_.empty()) send_filtered_request();
}

void Exchange::write_filtered_request_head() noexcept {
  bodies_->head_due = false;
  bodies_->request_left = kAnyLength;
  const std::uint64_t size = request_stash_.size();
  if (const auto length = sane_content_length(request_); length.has_value() && !chunked_request_) {
    bodies_->request_left = *length;
    if (request_whole_ && *length != size) {
      request_.set(HeaderId::content_length, base::Decimal(size).view());
      bodies_->request_left = size;
    } else if (size > *length) {  // And more to come.
      request_.remove(HeaderId::content_length);
      chunked_request_ = true;
      bodies_->request_left = kAnyLength;
    }
  }
  stage_request_head();
}

// --- Response -----------------------------------------------------------------------------------

void Exchange::filter_response_head(bool ends) noexcept {
  phase_ = Phase::response_filters;
  bodies_->response.start(ends);
  const Outcome outcome = bodies_->response.run_head();
  if (outcome == Outcome::ok && !local_)
    return arm_holds();                                      // What follows, or a pause, comes now.
  if (outcome == Outcome::ok) return filter_response_end();  // Replaced inside a hook.
  settle_response(outcome);
}

void Exchange::filter_local_response() noexcept {
  bodies_->request.cancel_holds();
  bodies_->request.stop();
  ++generation_;
  request_stash_.clear();
  phase_ = Phase::response_filters;
  bodies_->response.start(response_stash_.empty());
  const Outcome outcome = bodies_->response.run_head();
  if (outcome != Outcome::ok) return settle_response(outcome);
  filter_response_end();
}

void Exchange::filter_response_pause() noexcept {
  FilterPipeline& filters = bodies_->response;
  if (!filters.active()) return;  // Half a head.
  settle_response(filters.incoming().empty() ? Outcome::ok : filters.run_body(/*end=*/false));
}

/// All of the response is there. Ours has its end with it; an upstream's comes by itself, as from
/// Envoy's codec.
void Exchange::filter_response_end() noexcept {
  FilterPipeline& filters = bodies_->response;
  session_.deadlines().clear(Deadline::route);
  if (local_) filters.incoming().take(response_stash_);
  Outcome outcome = Outcome::ok;
  if (!filters.ends_with_head()) {
    if (!local_ && !filters.incoming().empty()) outcome = filters.run_body(/*end=*/false);
    if (outcome == Outcome::ok) outcome = filters.run_body(/*end=*/true);
  }
  settle_response(outcome);
}

void Exchange::settle_response(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::interrupted:
      return do_asked();
    case Outcome::too_large:
      context_.stats.rs_too_large.add();
      return answer_instead(
          {500, "Internal Server Error", Flag::none, "response_payload_too_large"});
    case Outcome::respond:
    case Outcome::ok:
      break;
  }
  arm_holds();
  pass_response();
}

/// Send on what has passed the filters.
void Exchange::pass_response() noexcept {
  FilterPipeline& filters = bodies_->response;
  if (!filters.head_passed()) return pace_response();
  if (phase_ != Phase::responding) {
    stage_filtered_head();
    if (upstream_ != nullptr && !session_.deadlines().is_set(Deadline::route)) {
      arm_route_deadline();
    }
  }
  const bool end = filters.end_passed() && upstream_complete_;
  if (bodies_->drops_body) filters.passed().clear();
  if (!spend(bodies_->response_left, filters.passed().size(), end)) {
    return cut(Flag::none, "response_content_length_mismatch");
  }
  body_ = filters.passed().span();
  send_response(end);
  filters.passed().clear();
  if (end) return finish(/*cut_short=*/false);
  pace_response();
}

/// Read the upstream as far as there is room for it.
void Exchange::pace_response() noexcept {
  if (upstream_ == nullptr || !(response_waits() || phase_ == Phase::responding)) return;
  if (!session_.can_send() || bodies_->response.is_full()) {
    upstream_->pause_reading();
  } else {
    upstream_->resume_reading();
  }
}

void Exchange::stage_filtered_head() noexcept {
  const FilterPipeline& filters = bodies_->response;
  if (response_.status < 200) response_.status = 502;  // A filter's: it would answer nothing.
  const bool bodiless = response_.status == 204 || response_.status == 304;
  const bool nothing = filters.ends_with_head();
  const bool whole = filters.end_passed() && upstream_complete_;
  bodies_->drops_body = head_request_ || bodiless;
  bodies_->response_left = kAnyLength;
  if (response_.status == 204) response_.remove(HeaderId::content_length);  // RFC 9110 8.6
  std::optional<std::uint64_t> length = sane_content_length(response_);
  if (!bodies_->drops_body && length.has_value()) {
    const std::uint64_t size = bodies_->response.passed().size();
    if ((whole || nothing) && *length != size) {
      length = size;
      response_.set(HeaderId::content_length, base::Decimal(size).view());
    } else if (size > *length) {  // And more to come.
      length.reset();
      response_.remove(HeaderId::content_length);
    }
    bodies_->response_left = length.value_or(kAnyLength);
  }
  http::Framing framing = nothing ? http::Framing::none : http::Framing::chunked;
  if (!nothing && length.has_value()) framing = http::Framing::content_length;
  stage_response_head(local_ && nothing ? Origin::local : Origin::upstream, framing);
}

// --- Holding ------------------------------------------------------------------------------------

/// What filters have asked for goes on; in a turn of its own.
void Exchange::continue_filtered() noexcept {
  if (bodies_->request.active()) {
    settle_request(bodies_->request.run_continued());
    if (phase_ == Phase::idle) return;
  }
  if (bodies_->response.active()) settle_response(bodies_->response.run_continued());
}

void Exchange::arm_holds() noexcept {
  const net::TimePoint now = session_.loop().now();
  const net::TimePoint at =
      std::min(bodies_->request.arm(now, kLongestHold), bodies_->response.arm(now, kLongestHold));
  if (at == net::TimePoint::max()) {
    session_.deadlines().clear(Deadline::hold);
  } else {
    session_.deadlines().set(Deadline::hold, at);
  }
}

void Exchange::expire_holds() noexcept {
  const net::TimePoint now = session_.loop().now();
  const bool request_let_go = bodies_->request.expire(now);
  const bool response_let_go = bodies_->response.expire(now);
  if (request_let_go || response_let_go) ++generation_;
  if (asked_ != Asked::nothing) return do_asked();
  resumed_ = false;
  // Who only holds on is as idle as before.
  if (bodies_->request.has_asked() || bodies_->response.has_asked()) touch();
  continue_filtered();
}

}  // namespace holdfast::server
