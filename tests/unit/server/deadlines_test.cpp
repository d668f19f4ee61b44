#include "server/deadlines.hpp"

#include <vector>

#include "catch.hpp"

namespace holdfast::server {
namespace {

using std::chrono::milliseconds;

/// The wheel is driven by hand; the reactor only lends its clock.
struct Fixture {
  struct Wake final : net::Timer {
    void on_timer() noexcept override { ++fired; }
    int fired = 0;
  };
  void advance(milliseconds by) {
    at += by;
    reactor.timers().advance_to(at);
  }
  boost::asio::io_context io{1};
  net::Reactor reactor{io};
  net::TimePoint at = reactor.now();
  Wake timer;
  Deadlines deadlines{reactor, timer};
};

TEST_CASE("the timer is set to the earliest deadline", "[server]") {
  Fixture f;
  f.deadlines.set(Deadline::route, f.at + milliseconds(500));
  f.deadlines.set(Deadline::stream_idle, f.at + milliseconds(100));
  f.deadlines.set(Deadline::stream_duration, f.at + milliseconds(900));
  f.advance(milliseconds(99));
  CHECK(f.timer.fired == 0);
  f.advance(milliseconds(2));
  CHECK(f.timer.fired == 1);
}

TEST_CASE("only what is due expires, and what is cleared never does", "[server]") {
  Fixture f;
  std::vector<Deadline> expired;
  const auto fire = [&] {
    f.deadlines.fire([&](Deadline which) {
      expired.push_back(which);
      return true;
    });
  };
  f.deadlines.set(Deadline::route, f.reactor.now());
  f.deadlines.set(Deadline::linger, f.reactor.now());
  f.deadlines.set(Deadline::hold, f.reactor.now() + std::chrono::hours(1));
  f.deadlines.clear(Deadline::linger);
  fire();
  CHECK(expired == std::vector<Deadline>{Deadline::route});
  CHECK_FALSE(f.deadlines.is_set(Deadline::route));
  CHECK(f.deadlines.is_set(Deadline::hold));
  CHECK(f.timer.armed());  // For the hold.
  fire();
  CHECK(expired.size() == 1);
}

TEST_CASE("0 is off", "[server]") {
  Fixture f;
  f.deadlines.set_after(Deadline::request, milliseconds(0));
  CHECK_FALSE(f.deadlines.is_set(Deadline::request));
  f.deadlines.set_after(Deadline::request, milliseconds(5));
  CHECK(f.deadlines.is_set(Deadline::request));
  f.deadlines.clear_all();
  CHECK_FALSE(f.timer.armed());
}

TEST_CASE("an expiry that ends the connection stops the round", "[server]") {
  Fixture f;
  int calls = 0;
  f.deadlines.set(Deadline::route, f.reactor.now());
  f.deadlines.set(Deadline::stream_idle, f.reactor.now());
  f.deadlines.fire([&](Deadline) { return ++calls, false; });
  CHECK(calls == 1);
}

}  // namespace
}  // namespace holdfast::server
