#include "net/timer_wheel.hpp"

#include <algorithm>

namespace holdfast::net {

using std::chrono::milliseconds;

TimerWheel::TimerWheel(TimePoint start) : start_(start) {}

std::uint64_t TimerWheel::tick_of(TimePoint t, bool round_up) const noexcept {
  if (t <= start_) return 0;
  const auto elapsed = t - start_;
  const auto ms = round_up ? std::chrono::ceil<milliseconds>(elapsed)
                           : std::chrono::floor<milliseconds>(elapsed);
  return static_cast<std::uint64_t>(ms.count());
}

void TimerWheel::set(Timer& timer, TimePoint deadline) noexcept {
  const std::uint64_t tick =
      deadline == TimePoint::max() ? UINT64_MAX : tick_of(deadline, /*round_up=*/true);
  timer.deadline_ = std::max(tick, tick_ + 1);
  if (timer.armed() && timer.slot_tick_ <= timer.deadline_ && timer.slot_tick_ > tick_) return;
  timer.unlink();
  insert(timer);
}

void TimerWheel::insert(Timer& timer) noexcept {
  constexpr std::uint64_t kHorizon = (1ULL << (kBits * kLevels)) - kSlots;
  const std::uint64_t at = std::min(std::max(timer.deadline_, tick_ + 1), tick_ + kHorizon);
  timer.slot_tick_ = at;
  const std::uint64_t difference = at ^ tick_;
  unsigned level = 0;
  while (level + 1 < kLevels && (difference >> (kBits * (level + 1))) != 0) ++level;
  levels_[level][(at >> (kBits * level)) & (kSlots - 1)].push_back(timer);
  earliest_request_ = std::min(earliest_request_, (at >> (kBits * level)) << (kBits * level));
}

TimePoint TimerWheel::take_earliest_request() noexcept {
  const std::uint64_t tick = earliest_request_;
  earliest_request_ = UINT64_MAX;
  return tick == UINT64_MAX ? TimePoint::max() : start_ + milliseconds(tick);
}

void TimerWheel::cascade(unsigned level) noexcept {
  Slot moved;
  moved.splice(levels_[level][(tick_ >> (kBits * level)) & (kSlots - 1)]);
  while (Timer* timer = moved.pop_front()) {
    if (timer->slot_tick_ <= tick_) {
      timer->slot_tick_ = tick_;
      levels_[0][tick_ & (kSlots - 1)].push_back(*timer);
    } else {
      insert(*timer);
    }
  }
}

void TimerWheel::fire_slot(Slot& slot) noexcept {
  Slot due;
  due.splice(slot);
  while (Timer* timer = due.pop_front()) {
    if (timer->deadline_ > tick_) {
      insert(*timer);  // Its deadline was moved later since it was put here.
    } else {
      timer->on_timer();
    }
  }
}

void TimerWheel::advance_to(TimePoint now) noexcept {
  const std::uint64_t target = tick_of(now, /*round_up=*/false);
  while (tick_ < target) {
    // Jump over empty ground: nothing can fire before the next wake-up.
    const TimePoint wakeup = next_wakeup();
    if (wakeup == TimePoint::max()) {
      tick_ = target;
      return;
    }
    tick_ = std::min(target, std::max(tick_ + 1, tick_of(wakeup, /*round_up=*/true)));
    for (unsigned level = 1; level < kLevels; ++level) {
      if ((tick_ & ((1ULL << (kBits * level)) - 1)) != 0) break;
      cascade(level);
    }
    fire_slot(levels_[0][tick_ & (kSlots - 1)]);
  }
}

TimePoint TimerWheel::next_wakeup() const noexcept {
  // Level 0 knows its ticks exactly; a higher level's slot comes up when the tick enters it.
  for (unsigned level = 0; level < kLevels; ++level) {
    const unsigned shift = kBits * level;
    const std::uint64_t base = tick_ >> shift;
    for (std::uint64_t i = 1; i < kSlots - (base & (kSlots - 1)); ++i) {
      if (!levels_[level][(base + i) & (kSlots - 1)].empty()) {
        return start_ + milliseconds((base + i) << shift);
      }
    }
    // The slots past this level's wrap belong to the next level's next slot, where insert() put
    // them.
  }
  // Only the top level wraps: what lies past its end.
  const unsigned shift = kBits * (kLevels - 1);
  const std::uint64_t base = tick_ >> shift;
  for (std::uint64_t i = kSlots - (base & (kSlots - 1)); i < kSlots; ++i) {
    if (!levels_[kLevels - 1][(base + i) & (kSlots - 1)].empty()) {
      return start_ + milliseconds((base + i) << shift);
    }
  }
  return TimePoint::max();
}

}  // namespace holdfast::net
