// The filters of exchange.hpp: whose hook runs, who holds, what they ask for. Chains in which one
// looks at bodies run in exchange_body.cpp instead.
#include <algorithm>
#include <cassert>
#include <utility>

#include "base/text.hpp"
#include "server/exchange.hpp"
#include "server/http_context.hpp"
#include "server/session.hpp"

namespace holdfast::server {

using access_log::Flag;
using http::HeaderId;

// --- Running ------------------------------------------------------------------------------------

void Exchange::run_request_filters(std::size_t next) noexcept {
  const auto& hooks = context_.filters.request_hooks();
  phase_ = Phase::request_filters;
  for (filter_ = next; filter_ < hooks.size(); ++filter_) {
    resumed_ = false;
    const filters::Verdict verdict = hooks[filter_]->on_request(*this);
    if (asked_ != Asked::nothing) return do_asked();
    switch (verdict) {
      case filters::Verdict::proceed:
        continue;
      case filters::Verdict::hold:
      case filters::Verdict::hold_head:
        phase_ = Phase::request_held;
        if (resumed_) return;  // Inside the hook.
        return session_.deadlines().set_after(Deadline::hold,
                                              hold_limit_.count() > 0 ? hold_limit_ : kLongestHold);
      case filters::Verdict::respond:
        return run_response_filters(0);
    }
  }
  route();
}

void Exchange::run_response_filters(std::size_t next) noexcept {
  if (bodies_ != nullptr) return filter_local_response();
  const auto& hooks = context_.filters.response_hooks();
  phase_ = Phase::response_filters;
  for (filter_ = next; filter_ < hooks.size(); ++filter_) {
    hold_limit_ = {};
    resumed_ = false;
    const filters::Verdict verdict = hooks[filter_]->on_response(*this);
    if (asked_ != Asked::nothing) return do_asked();
    if (verdict != filters::Verdict::hold && verdict != filters::Verdict::hold_head) continue;
    phase_ = Phase::response_held;
    // The route's clock stops with the end of the response; then only the hold's own limit counts,
    // as in Envoy.
    if (upstream_complete_) session_.deadlines().clear(Deadline::route);
    if (resumed_) return;  // Inside the hook.
    return session_.deadlines().set_after(Deadline::hold,
                                          hold_limit_.count() > 0 ? hold_limit_ : kLongestHold);
  }
  send_response_head();
}

bool Exchange::response_ends_with_head() const noexcept {
  if (bodies_ != nullptr && bodies_->response.active()) return bodies_->response.ends_with_head();
  return local_ ? response_stash_.empty() : response_ends_with_head_;
}

// --- Holding ------------------------------------------------------------------------------------

bool Exchange::is_held() const noexcept {
  if (bodies_ != nullptr) {
    return response_waits() ? bodies_->response.is_blocked() : bodies_->request.is_blocked();
  }
  return !resumed_ && (phase_ == Phase::response_held || phase_ == Phase::request_held);
}

/// The time that this takes is a filter's affair.
bool Exchange::filter_holds() const noexcept {
  if (bodies_ == nullptr) return is_held();
  return bodies_->request.waits() || bodies_->response.waits();
}

/// From inside another connection's handler: the session goes on in a turn of its own.
void Exchange::resume() noexcept {
  assert(is_held());
  ++generation_;
  if (Bodies* const bodies = bodies_.get(); bodies != nullptr) {
    (response_waits() ? bodies->response : bodies->request).ask_blocked_to_continue();
  }
  take_turn();
}

void Exchange::take_turn() noexcept {
  resumed_ = true;
  session_.wake();
}

void Exchange::continue_request(std::size_t filter) noexcept {
  if (bodies_ != nullptr) {
    if (bodies_->request.ask_to_continue(filter)) take_turn();
    return;
  }
  const auto& hooks = context_.filters.request_hooks();
  const bool here = phase_ == Phase::request_held || phase_ == Phase::request_filters;
  if (here && filter_ < hooks.size() && hooks[filter_]->index() == filter) take_turn();
}

void Exchange::continue_response(std::size_t filter) noexcept {
  if (bodies_ != nullptr) {
    if (bodies_->response.ask_to_continue(filter)) take_turn();
    return;
  }
  const auto& hooks = context_.filters.response_hooks();
  if (response_waits() && filter_ < hooks.size() && hooks[filter_]->index() == filter) take_turn();
}

void Exchange::continue_after_hold() noexcept {
  resumed_ = false;
  if (asked_ != Asked::nothing) return do_asked();
  touch();
  if (bodies_ != nullptr) return continue_filtered();
  if (phase_ == Phase::request_held) {
    ++generation_;
    session_.deadlines().clear(Deadline::hold);
    run_request_filters(filter_ + 1);
    return on_request_pause();
  }
  if (phase_ != Phase::response_held) return;  // The hook that asked has not held.
  ++generation_;
  session_.deadlines().clear(Deadline::hold);
  run_response_filters(filter_ + 1);
}

void Exchange::hold_expired() noexcept {
  if (bodies_ != nullptr) return expire_holds();
  if (resumed_) return;
  const auto& hooks = phase_ == Phase::request_held ? context_.filters.request_hooks()
                                                    : context_.filters.response_hooks();
  const std::chrono::milliseconds more = hooks[filter_]->on_hold_expired(*this);
  if (asked_ != Asked::nothing) return do_asked();
  if (more.count() > 0) return session_.deadlines().set_after(Deadline::hold, more);
  continue_after_hold();
}

/// What is held is about to be replaced by another answer.
void Exchange::cancel_holds() noexcept {
  if (bodies_ != nullptr) {
    bodies_->request.cancel_holds();
    bodies_->response.cancel_holds();
  } else if (phase_ == Phase::request_held || phase_ == Phase::response_held) {
    const auto& hooks = phase_ == Phase::request_held ? context_.filters.request_hooks()
                                                      : context_.filters.response_hooks();
    filters::Filter& holder = *hooks[filter_];
    if (slots_[holder.index()] != nullptr) holder.on_hold_cancelled(*this);
  }
  ++generation_;
  session_.deadlines().clear(Deadline::hold);
  if (asked_ == Asked::nothing) resumed_ = false;
}

void Exchange::end_filters() noexcept {
  for (const auto& filter : context_.filters.all()) {
    if (slots_[filter->index()] != nullptr) filter->on_complete(*this);
  }
  for (const auto& filter : context_.filters.all()) {
    if (slots_[filter->index()] != nullptr) filter->on_end(*this);
  }
  ++generation_;
  resumed_ = false;
  asked_ = Asked::nothing;
  if (bodies_ == nullptr) return;
  bodies_->request.stop();
  bodies_->response.stop();
}

// --- Answering ----------------------------------------------------------------------------------

void Exchange::replace_response(std::uint16_t status, std::string_view body) noexcept {
  if (bodies_ != nullptr && phase_ == Phase::responding) return;
  drop_upstream();
  make_local_response(status, body);
  if (bodies_ != nullptr && bodies_->response.active()) {
    bodies_->response.incoming().clear();
    bodies_->response.replace(response_stash_);
  }
}

void Exchange::send_local_reply(filters::LocalReplyRequest reply) noexcept {
  if (asked_ != Asked::nothing || phase_ == Phase::idle || ending_) return;
  reply_ = std::move(reply);
  ask(Asked::reply);
}

void Exchange::reset_stream() noexcept {
  if (phase_ == Phase::idle || ending_) return;
  ask(Asked::reset);
}

void Exchange::ask(Asked what) noexcept {
  asked_ = what;
  if (bodies_ != nullptr) {
    bodies_->request.interrupt();
    bodies_->response.interrupt();
  }
  take_turn();
}

void Exchange::do_asked() noexcept {
  resumed_ = false;
  if (std::exchange(asked_, Asked::nothing) == Asked::reply) {
    filters::LocalReplyRequest reply = std::exchange(reply_, {});
    std::ranges::replace(reply.details, ' ', '_');  // As Envoy: it is one word in a log.
    return answer_instead({reply.status, reply.body, Flag::none, reply.details}, reply.headers);
  }
  if (phase_ == Phase::responding) return cut(Flag::none, details_);
  drop_upstream();
  context_.stats.downstream_rq_tx_reset.add();
  finish(/*cut_short=*/true);
  session_.abort_response();
}

/// Whatever is under way, the client is told this; or, if it has begun to get another answer, not.
void Exchange::answer_instead(const LocalReply& reply, const ReplyFields& fields) noexcept {
  details_text_ = reply.details;
  if (phase_ == Phase::responding) return cut(reply.flag, details_text_);
  const bool replaces = response_waits();
  cancel_holds();
  drop_upstream();
  flags_.set(reply.flag);
  details_ = details_text_;
  make_local_response(reply.status, reply.body);
  if (!fields.empty()) add_reply_fields(reply.body, fields);
  if (replaces) return send_response_head();  // As Envoy: the filters have had their turn.
  run_response_filters(0);
}

/// A filter's own fields come first, and its content-type counts.
void Exchange::add_reply_fields(std::string_view body, const ReplyFields& fields) noexcept {
  const std::uint16_t status = response_.status;
  response_.clear();
  response_.status = status;
  mutate_local_response();
  for (const auto& [name, value] : fields) response_.add(name, value);
  if (body.empty()) {
    response_.remove(HeaderId::content_length);
    response_.remove(HeaderId::content_type);
    return;
  }
  response_.set(HeaderId::content_length, base::Decimal(body.size()).view());
  if (response_.find(HeaderId::content_type) == nullptr) {
    response_.add(HeaderId::content_type, "text/plain");
  }
}

}  // namespace holdfast::server
