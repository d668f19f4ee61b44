// The time of day, read once per turn of the loop: it is for the log, whose requests have the clock
// of their turn, too.
//
// Owner: the worker's context. Thread: the worker's.
#pragma once

#include <chrono>

#include "net/reactor.hpp"

namespace holdfast::server {

class WallClock {
 public:
  /// `turn` is the reactor's clock of this turn.
  [[nodiscard]] std::chrono::system_clock::time_point now(net::TimePoint turn) noexcept {
    if (turn != turn_) {
      turn_ = turn;
      now_ = std::chrono::system_clock::now();
    }
    return now_;
  }

 private:
  net::TimePoint turn_{};
  std::chrono::system_clock::time_point now_;
};

}  // namespace holdfast::server
