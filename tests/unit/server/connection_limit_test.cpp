#include "server/connection_limit.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include "catch.hpp"

namespace holdfast::server {
namespace {

TEST_CASE("a place is taken, refused and counted, and given back", "[server]") {
  ConnectionLimit limit(2);
  stats::ListenerStats stats;
  ConnectionGate gate(&limit, stats);
  CHECK(gate.enter());
  CHECK(gate.enter());
  CHECK_FALSE(gate.enter());
  CHECK_FALSE(gate.enter());
  CHECK(stats.downstream_global_cx_overflow.get() == 2);
  gate.leave();
  CHECK(gate.enter());
  ConnectionGate open(nullptr, stats);
  for (int i = 0; i < 10; ++i) CHECK(open.enter());
  open.leave();
  CHECK_FALSE(gate.enter());
}

TEST_CASE("workers together never pass the limit", "[server]") {
  ConnectionLimit limit(3);
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      for (int turn = 0; turn < 20'000; ++turn) {
        if (!limit.try_take()) continue;
        const int now = ++inside;
        if (now > most) most = now;
        --inside;
        limit.give_back();
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  CHECK(most <= 3);
  for (int i = 0; i < 3; ++i) CHECK(limit.try_take());
  CHECK_FALSE(limit.try_take());
}

}  // namespace
}  // namespace holdfast::server
