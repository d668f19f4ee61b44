#include "net/timer_wheel.hpp"

#include <random>
#include <vector>

#include "catch.hpp"

namespace holdfast::net {
namespace {

using std::chrono::milliseconds;

struct Probe final : Timer {
  void on_timer() noexcept override {
    ++fired;
    if (wheel != nullptr) wheel->set(*this, again);
  }
  int fired = 0;
  TimerWheel* wheel = nullptr;  ///< Set again to `again` when it fires.
  TimePoint again;
};

const TimePoint kStart{std::chrono::hours(1)};

TEST_CASE("a timer fires at its deadline, once, not before", "[net]") {
  TimerWheel wheel(kStart);
  Probe timer;
  wheel.set(timer, kStart + milliseconds(10));
  wheel.advance_to(kStart + milliseconds(9));
  CHECK(timer.fired == 0);
  wheel.advance_to(kStart + milliseconds(10));
  CHECK(timer.fired == 1);
  wheel.advance_to(kStart + milliseconds(1000));
  CHECK(timer.fired == 1);
  CHECK_FALSE(timer.armed());
}

TEST_CASE("a deadline in the past fires on the next tick", "[net]") {
  TimerWheel wheel(kStart);
  wheel.advance_to(kStart + milliseconds(500));
  Probe timer;
  wheel.set(timer, kStart);
  wheel.advance_to(kStart + milliseconds(500));
  CHECK(timer.fired == 0);
  wheel.advance_to(kStart + milliseconds(501));
  CHECK(timer.fired == 1);
}

TEST_CASE("setting replaces: later, earlier, cancelled", "[net]") {
  TimerWheel wheel(kStart);
  Probe later, earlier, cancelled;
  wheel.set(later, kStart + milliseconds(10));
  wheel.set(later, kStart + milliseconds(700));
  wheel.set(earlier, kStart + milliseconds(700));
  wheel.set(earlier, kStart + milliseconds(10));
  wheel.set(cancelled, kStart + milliseconds(10));
  TimerWheel::cancel(cancelled);
  wheel.advance_to(kStart + milliseconds(699));
  CHECK(later.fired == 0);
  CHECK(earlier.fired == 1);
  wheel.advance_to(kStart + milliseconds(700));
  CHECK(later.fired == 1);
  CHECK(cancelled.fired == 0);
}

TEST_CASE("a timer that dies unlinks itself", "[net]") {
  TimerWheel wheel(kStart);
  {
    Probe timer;
    wheel.set(timer, kStart + milliseconds(5));
  }
  wheel.advance_to(kStart + milliseconds(10));
  CHECK(wheel.next_wakeup() == TimePoint::max());
}

TEST_CASE("a timer may set itself again when it fires", "[net]") {
  TimerWheel wheel(kStart);
  Probe timer;
  timer.wheel = &wheel;
  timer.again = kStart + milliseconds(300'000);
  wheel.set(timer, kStart + milliseconds(3));
  wheel.advance_to(kStart + milliseconds(4));
  CHECK(timer.fired == 1);
  timer.wheel = nullptr;
  wheel.advance_to(kStart + milliseconds(299'999));
  CHECK(timer.fired == 1);
  wheel.advance_to(kStart + milliseconds(300'000));
  CHECK(timer.fired == 2);
}

TEST_CASE("next_wakeup is never later than the earliest deadline", "[net]") {
  TimerWheel wheel(kStart);
  CHECK(wheel.next_wakeup() == TimePoint::max());
  Probe timer;
  for (const int ms : {1, 255, 256, 257, 65'535, 65'536, 70'000, 16'777'216, 20'000'000}) {
    wheel.set(timer, kStart + milliseconds(ms));
    CHECK(wheel.next_wakeup() <= kStart + milliseconds(ms));
    CHECK(wheel.next_wakeup() > kStart);
    CHECK(wheel.take_earliest_request() <= kStart + milliseconds(ms));
    TimerWheel::cancel(timer);
  }
}

TEST_CASE("a deadline beyond the wheel's horizon is not lost", "[net]") {
  TimerWheel wheel(kStart);
  Probe timer;
  const TimePoint far = kStart + std::chrono::hours(24 * 100);  // Twice 2^32 ms.
  wheel.set(timer, far);
  wheel.advance_to(far - milliseconds(1));
  CHECK(timer.fired == 0);
  wheel.advance_to(far);
  CHECK(timer.fired == 1);
  wheel.set(timer, TimePoint::max());
  CHECK(timer.armed());
}

TEST_CASE("a thousand timers, moved about at random, fire exactly when they should", "[net]") {
  TimerWheel wheel(kStart);
  std::mt19937 random(7);
  std::vector<Probe> timers(1000);
  std::vector<std::uint64_t> due(timers.size());
  std::uint64_t now = 0;
  const auto delay = [&] {
    static constexpr std::array<std::uint32_t, 4> kScales = {10, 1'000, 100'000, 3'000'000};
    return 1 + random() % kScales[random() % kScales.size()];
  };
  for (std::size_t i = 0; i < timers.size(); ++i) {
    due[i] = delay();
    wheel.set(timers[i], kStart + milliseconds(due[i]));
  }
  for (int step = 0; step < 2000; ++step) {
    now += 1 + random() % 2500;
    wheel.advance_to(kStart + milliseconds(now));
    for (std::size_t i = 0; i < timers.size(); ++i) {
      const int expected = due[i] <= now ? 1 : 0;
      if (timers[i].fired != expected) FAIL("timer " << i << " due " << due[i] << " at " << now);
      if (timers[i].fired == 1 || random() % 16 == 0) {
        timers[i].fired = 0;
        due[i] = now + delay();
        wheel.set(timers[i], kStart + milliseconds(due[i]));
      }
    }
  }
  SUCCEED();
}

}  // namespace
}  // namespace holdfast::net
