// Moves the epoch while any VM runs, so that a callback that takes too long is interrupted.
//
// Owner: the Runtime. Thread: its own, which sleeps when no VM has run for a while; enter() and
// leave() are called on the thread of the VM and cost two stores.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace holdfast::wasm {

class Ticker {
 public:
  /// One VM: whether it runs now.
  struct alignas(64) Runner {
    std::atomic<bool> running{false};
  };

  /// `tick` is called on the ticker's thread each `period`, and must not block.
  Ticker(std::chrono::milliseconds period, std::function<void()> tick);
  ~Ticker();
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

  void add(Runner& runner);
  void remove(Runner& runner);

  void enter(Runner& runner) noexcept {
    // Both in one order with run()'s: either it sees `running`, or this sees `asleep_`.
    runner.running.store(true, std::memory_order_seq_cst);
    if (asleep_.load(std::memory_order_seq_cst)) wake();
  }
  void leave(Runner& runner) noexcept { runner.running.store(false, std::memory_order_release); }
  [[nodiscard]] bool asleep_for_test() const noexcept { return asleep_.load(); }

 private:
  void run();
  void wake() noexcept;
  [[nodiscard]] bool anyone_runs() const noexcept;

  const std::chrono::milliseconds period_;
  const std::function<void()> tick_;
  std::atomic<bool> asleep_{false};
  std::mutex mutex_;
  // Guarded by mutex_.
  std::condition_variable changed_;
  std::vector<Runner*> runners_;
  bool stop_ = false;
  std::thread thread_;  ///< Last: it uses the others.
};

}  // namespace holdfast::wasm
