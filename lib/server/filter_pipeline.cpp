#include "server/filter_pipeline.hpp"

#include <algorithm>
#include <cassert>

namespace holdfast::server {

using filters::BodyVerdict;
using filters::Verdict;

void FilterPipeline::start(bool ends_with_head) noexcept {
  stages_.resize(hooks_.size());
  for (Stage& stage : stages_) {
    stage.queue.clear();
    stage.state = State::flowing;
    stage.head_passed = stage.end = stage.asked = false;
    stage.unseen = stage.trailers_seen = false;
    stage.deadline = net::TimePoint::max();
  }
  incoming_.clear();
  moving_.clear();
  passed_.clear();
  active_ = true;
  ends_with_head_ = ends_with_head;
  head_passed_ = end_passed_ = interrupted_ = false;
  running_ = kNone;
  bytes_passed_ = 0;
}

void FilterPipeline::stop() noexcept {
  if (!active_) return;
  active_ = false;
  for (Stage& stage : stages_) {
    stage.queue.clear();
    stage.state = State::flowing;
    stage.asked = false;
  }
  incoming_.clear();
  moving_.clear();
  passed_.clear();
}

std::size_t FilterPipeline::release(std::size_t keep) {
  std::size_t released = incoming_.release(keep) + moving_.release(keep) + passed_.release(keep);
  for (Stage& stage : stages_) released += stage.queue.release(keep);
  return released;
}

// --- Moving -------------------------------------------------------------------------------------

FilterPipeline::Outcome FilterPipeline::run_head() noexcept {
  return run_heads(0);
}

FilterPipeline::Outcome FilterPipeline::run_heads(std::size_t first) noexcept {
  for (std::size_t i = first; i < stages_.size(); ++i) {
    Stage& stage = stages_[i];
    exchange_.set_hold_limit({});
    running_ = i;
    const Verdict verdict = direction_ == Direction::request ? hooks_[i]->on_request(exchange_)
                                                             : hooks_[i]->on_response(exchange_);
    running_ = kNone;
    if (interrupted_) return Outcome::interrupted;
    if (verdict == Verdict::respond && direction_ == Direction::request) return Outcome::respond;
    if (verdict == Verdict::hold || verdict == Verdict::hold_head) {
      stop_at(stage, verdict == Verdict::hold ? State::held : State::buffering);
      return Outcome::ok;
    }
    stage.head_passed = true;
    stage.asked = false;
  }
  head_passed_ = true;
  end_passed_ = ends_with_head_;
  return Outcome::ok;
}

FilterPipeline::Outcome FilterPipeline::run_body(bool end) noexcept {
  moving_.take(incoming_);
  return pass_body(0, end);
}

/// Hand what is in moving_ to the filter at `first`, and the next ones.
FilterPipeline::Outcome FilterPipeline::pass_body(std::size_t first, bool end) noexcept {
  for (std::size_t i = first; i < stages_.size(); ++i) {
    Stage& stage = stages_[i];
    stage.unseen = stage.unseen || !moving_.empty();
    stage.queue.take(moving_);
    stage.end = stage.end || end;
    if (stage.state == State::held) return Outcome::ok;
    const bool trailers = stage.end && has_trailers();
    Outcome shown = Outcome::ok;
    if (stage.unseen || !trailers) shown = show_body(i, stage.end && !trailers);
    if (shown == Outcome::ok && trailers && !stage.trailers_seen) shown = show_trailers(i);
    if (shown != Outcome::ok) return shown;
    if (stage.state != State::flowing) return Outcome::ok;
    if (!stage.head_passed) {
      stage.head_passed = true;
      const Outcome headed = run_heads(i + 1);
      if (headed != Outcome::ok) return headed;
    }
    moving_.take(stage.queue);
    end = stage.end;
  }
  bytes_passed_ += moving_.size();
  passed_.take(moving_);
  end_passed_ = end_passed_ || end;
  return Outcome::ok;
}

bool FilterPipeline::has_trailers() const noexcept {
  return (direction_ == Direction::request ? exchange_.request_trailers()
                                           : exchange_.response_trailers())
      .present();
}

/// The filter's body hook, with all that waits there. It then flows, or not.
FilterPipeline::Outcome FilterPipeline::show_body(std::size_t index, bool end) noexcept {
  Stage& stage = stages_[index];
  stage.unseen = false;
  exchange_.set_hold_limit({});
  running_ = index;
  return settle(index, direction_ == Direction::request
                           ? hooks_[index]->on_request_body(exchange_, stage.queue, end)
                           : hooks_[index]->on_response_body(exchange_, stage.queue, end));
}

/// The same for what ends the message.
FilterPipeline::Outcome FilterPipeline::show_trailers(std::size_t index) noexcept {
  stages_[index].trailers_seen = true;
  exchange_.set_hold_limit({});
  running_ = index;
  return settle(index, direction_ == Direction::request
                           ? hooks_[index]->on_request_trailers(exchange_)
                           : hooks_[index]->on_response_trailers(exchange_));
}

FilterPipeline::Outcome FilterPipeline::settle(std::size_t index, BodyVerdict verdict) noexcept {
  Stage& stage = stages_[index];
  running_ = kNone;
  if (interrupted_) return Outcome::interrupted;
  if (verdict == BodyVerdict::proceed) {
    stage.state = State::flowing;
    stage.asked = false;
    stage.deadline = net::TimePoint::max();
    return Outcome::ok;
  }
  stop_at(stage, State::buffering);
  return limit_ != 0 && stage.queue.size() > limit_ ? Outcome::too_large : Outcome::ok;
}

void FilterPipeline::stop_at(Stage& stage, State state) noexcept {
  if (stage.state == State::flowing) {
    stage.deadline = net::TimePoint::max();
    stage.limit = {};
  }
  stage.state = state;
  if (exchange_.hold_limit().count() > 0) {
    stage.limit = exchange_.hold_limit();
    stage.deadline = net::TimePoint::max();  // Counted anew.
  }
}

FilterPipeline::Outcome FilterPipeline::run_continued() noexcept {
  // The last first: what waits there is the oldest.
  for (std::size_t i = stages_.size(); i-- > 0;) {
    if (!stages_[i].asked) continue;
    stages_[i].asked = false;
    if (stages_[i].state == State::flowing) continue;
    const Outcome outcome = resume(i);
    if (outcome != Outcome::ok) return outcome;
  }
  return Outcome::ok;
}

FilterPipeline::Outcome FilterPipeline::resume(std::size_t index) noexcept {
  Stage& stage = stages_[index];
  const bool was_held = stage.state == State::held;
  stage.state = State::flowing;
  stage.deadline = net::TimePoint::max();
  if (!stage.head_passed) {
    stage.head_passed = true;
    const Outcome headed = run_heads(index + 1);
    if (headed != Outcome::ok) return headed;
  }
  if (stage.queue.empty() && !stage.end) return Outcome::ok;
  if (was_held) return pass_body(index, stage.end);
  moving_.take(stage.queue);
  return pass_body(index + 1, stage.end);
}

void FilterPipeline::replace(base::ByteQueue& body) noexcept {
  ends_with_head_ = body.empty();
  if (running_ != kNone) return;  // In the head's hook: the body follows, from the exchange.
  const auto blocked =
      std::ranges::find_if(stages_, [](const Stage& stage) { return !stage.head_passed; });
  if (blocked == stages_.end()) return;
  for (auto stage = stages_.begin(); stage != blocked; ++stage) {
    stage->queue.clear();
    stage->state = State::flowing;
  }
  blocked->queue.clear();
  blocked->queue.take(body);
  blocked->end = !ends_with_head_;
}

// --- Holding ------------------------------------------------------------------------------------

bool FilterPipeline::ask_to_continue(std::size_t filter) noexcept {
  if (!active_) return false;
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    if (hooks_[i]->index() != filter) continue;
    if (stages_[i].state == State::flowing && running_ != i) return false;
    stages_[i].asked = true;
    return true;
  }
  return false;
}

void FilterPipeline::ask_blocked_to_continue() noexcept {
  const auto blocked = std::ranges::find_if(stages_, [](const Stage& stage) {
    return !stage.head_passed && stage.state != State::flowing;
  });
  if (blocked != stages_.end()) blocked->asked = true;
}

bool FilterPipeline::has_asked() const noexcept {
  return active_ && std::ranges::any_of(stages_, &Stage::asked);
}

bool FilterPipeline::is_blocked() const noexcept {
  return active_ && std::ranges::any_of(stages_, [](const Stage& stage) {
           return !stage.head_passed && stage.state != State::flowing && !stage.asked;
         });
}

bool FilterPipeline::waits() const noexcept {
  if (!active_) return false;
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    if (needs_limit(stages_[i]) && !hooks_[i]->idle_ends_hold()) return true;
  }
  return false;
}

bool FilterPipeline::is_full() const noexcept {
  return active_ && limit_ != 0 && std::ranges::any_of(stages_, [&](const Stage& stage) {
           return stage.state == State::held && stage.queue.size() >= limit_;
         });
}

net::TimePoint FilterPipeline::arm(net::TimePoint now, std::chrono::milliseconds longest) noexcept {
  net::TimePoint earliest = net::TimePoint::max();
  if (!active_) return earliest;
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    Stage& stage = stages_[i];
    if (!needs_limit(stage)) continue;
    const bool idle_counts = direction_ == Direction::request && hooks_[i]->idle_ends_hold();
    if (idle_counts && stage.limit.count() <= 0) continue;
    if (stage.deadline == net::TimePoint::max()) {
      stage.deadline = now + (stage.limit.count() > 0 ? stage.limit : longest);
    }
    earliest = std::min(earliest, stage.deadline);
  }
  return earliest;
}

bool FilterPipeline::expire(net::TimePoint now) noexcept {
  bool head_let_go = false;
  if (!active_) return head_let_go;
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    Stage& stage = stages_[i];
    if (!needs_limit(stage) || stage.deadline > now || stage.asked) continue;
    const std::chrono::milliseconds more = hooks_[i]->on_hold_expired(exchange_);
    stage.asked = stage.asked || more.count() <= 0;
    stage.deadline = now + more;
    head_let_go = head_let_go || (stage.asked && !stage.head_passed);
  }
  return head_let_go;
}

void FilterPipeline::cancel_holds() noexcept {
  if (!active_) return;
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    if (stages_[i].state == State::flowing) continue;
    stages_[i].state = State::flowing;
    stages_[i].asked = false;
    if (exchange_.slot(hooks_[i]->index()) != nullptr) hooks_[i]->on_hold_cancelled(exchange_);
  }
}

}  // namespace holdfast::server
