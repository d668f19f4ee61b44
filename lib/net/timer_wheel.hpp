// Deadlines of one worker: a hierarchical wheel of intrusive nodes, 1 ms ticks, O(1) to set and to
// cancel.
//
// Owner: the worker's Reactor. Thread: that worker. Time is handed in (advance_to), so tests drive
// the clock. Always holds: a timer fires at or after its deadline, once, unless cancelled or
// destroyed. A deadline that moves later costs two stores only: the node stays where it is and is
// looked at again when its slot comes up, which is why a per-request timeout costs nothing
// (Varghese & Lauck, "Hashed and Hierarchical Timing Wheels", scheme 7).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "base/intrusive_list.hpp"

namespace holdfast::net {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

struct TimerTag;

/// What fires. Derive or embed; `on_timer` runs on the worker, outside any other handler, and may
/// set the timer again.
class Timer : public base::ListNode<TimerTag> {
 public:
  virtual ~Timer() = default;
  [[nodiscard]] bool armed() const noexcept { return linked(); }

 private:
  friend class TimerWheel;
  virtual void on_timer() noexcept = 0;
  std::uint64_t deadline_ = 0;   ///< Tick at which to fire.
  std::uint64_t slot_tick_ = 0;  ///< Tick at which its slot comes up; <= deadline_.
};

/// A Timer that calls a member function of its owner: `MemberTimer<&Session::on_timeout>
/// timer_{*this};`
template <auto Method>
class MemberTimer;
template <class Owner, void (Owner::*Method)() noexcept>
class MemberTimer<Method> final : public Timer {
 public:
  explicit MemberTimer(Owner& owner) : owner_(owner) {}

 private:
  void on_timer() noexcept override { (owner_.*Method)(); }
  Owner& owner_;
};

class TimerWheel {
 public:
  explicit TimerWheel(TimePoint start);

  /// Fire `timer` at `deadline` (or on the next tick if that has passed); replaces an earlier
  /// setting.
  void set(Timer& timer, TimePoint deadline) noexcept;
  static void cancel(Timer& timer) noexcept { timer.unlink(); }

  /// Fire all that is due at `now`. Timers set meanwhile fire in a later call.
  void advance_to(TimePoint now) noexcept;

  /// The earliest wake-up that set() and cascades asked for since the last call; TimePoint::max()
  /// if none. Lets the loop see cheaply whether it must be woken earlier than planned;
  /// next_wakeup() scans.
  [[nodiscard]] TimePoint take_earliest_request() noexcept;

  /// When advance_to must be called next: never later than the earliest deadline; TimePoint::max()
  /// if none.
  [[nodiscard]] TimePoint next_wakeup() const noexcept;

 private:
  static constexpr unsigned kBits = 8;
  static constexpr unsigned kSlots = 1U << kBits;
  static constexpr unsigned kLevels =
      4;  ///< 2^32 ms = 49 days; later deadlines are clamped and looked at again.
  using Slot = base::List<Timer, TimerTag>;

  [[nodiscard]] std::uint64_t tick_of(TimePoint t, bool round_up) const noexcept;
  void insert(Timer& timer) noexcept;
  void cascade(unsigned level) noexcept;
  void fire_slot(Slot& slot) noexcept;

  std::array<std::array<Slot, kSlots>, kLevels> levels_;
  TimePoint start_;
  std::uint64_t earliest_request_ = UINT64_MAX;
  std::uint64_t tick_ = 0;  ///< All slots up to and including this tick have been fired.
};

}  // namespace holdfast::net
