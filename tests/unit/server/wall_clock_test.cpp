#include "server/wall_clock.hpp"

#include "catch.hpp"

namespace holdfast::server {
namespace {

TEST_CASE("the time of day is read once per turn", "[server]") {
  using std::chrono::system_clock;
  WallClock clock;
  net::TimePoint turn(std::chrono::seconds(5));
  const auto before = system_clock::now();
  const auto first = clock.now(turn);
  CHECK(first >= before);
  while (system_clock::now() == first) {  // until a second look could tell
  }
  CHECK(clock.now(turn) == first);
  turn += std::chrono::nanoseconds(1);
  CHECK(clock.now(turn) > first);
}

}  // namespace
}  // namespace holdfast::server
