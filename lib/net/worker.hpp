// One worker: one thread, one io_context, one reactor. Everything mutable at run time hangs below
// exactly one worker.
//
// Owner: the Server. post() and stop() may be called from any thread; all else on the worker's own.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <optional>
#include <thread>

#include "net/reactor.hpp"

namespace holdfast::net {

class Worker {
 public:
  explicit Worker(unsigned index);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  [[nodiscard]] unsigned index() const noexcept { return index_; }
  [[nodiscard]] Reactor& reactor() noexcept { return reactor_; }
  [[nodiscard]] asio::io_context& io() noexcept { return io_; }

  void start();  ///< Start the thread.
  /// Run `task` on the worker, as a turn of its own (schedule, dispose and timers work inside it).
  /// Any thread.
  void post(std::function<void()> task);
  /// Post `task` and wait until it has run. Any thread but the worker's own. REQUIRES: started, not
  /// stopped.
  void run_and_wait(std::function<void()> task);
  [[nodiscard]] bool running() const noexcept { return thread_.joinable(); }
  void stop_and_join();  ///< End the loop after what is posted already. Any other thread.

 private:
  const unsigned index_;
  asio::io_context io_;
  Reactor reactor_;
  std::optional<asio::executor_work_guard<Executor>> work_;
  std::thread thread_;
};

}  // namespace holdfast::net
