// The clock of cluster sources: one-shot timers on the control thread, replaceable so that tests
// can drive them.
//
// Owner: whoever asked the factory for it; control thread only. Always: the callback runs at most
// once per start(), never from within it, and never after cancel() or destruction.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace boost::asio {
class io_context;
}

namespace holdfast::upstream {

class Timer {
 public:
  virtual ~Timer() = default;
  /// Runs `callback` once after `delay`; replaces what was started before.
  virtual void start(std::chrono::milliseconds delay, std::function<void()> callback) = 0;
  virtual void cancel() = 0;
};

using TimerFactory = std::function<std::unique_ptr<Timer>()>;

/// Real time on `io`, which must outlive the timers.
[[nodiscard]] TimerFactory asio_timers(boost::asio::io_context& io);

}  // namespace holdfast::upstream
