#include "wasm/ticker.hpp"

#include <algorithm>

namespace holdfast::wasm {
namespace {
/// So many periods without a running VM, and the thread sleeps until one runs: an idle process does
/// not wake up.
constexpr int kIdlePeriods = 200;
}  // namespace

Ticker::Ticker(std::chrono::milliseconds period, std::function<void()> tick)
    : period_(period), tick_(std::move(tick)), thread_([this] { run(); }) {}

Ticker::~Ticker() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Ticker::add(Runner& runner) {
  const std::lock_guard lock(mutex_);
  runners_.push_back(&runner);
}

void Ticker::remove(Runner& runner) {
  const std::lock_guard lock(mutex_);
  std::erase(runners_, &runner);
}

bool Ticker::anyone_runs() const noexcept {
  return std::any_of(runners_.begin(), runners_.end(), [](const Runner* runner) {
    return runner->running.load(std::memory_order_seq_cst);
  });
}

void Ticker::run() {
  std::unique_lock lock(mutex_);
  int idle = 0;
  while (!stop_) {
    idle = anyone_runs() ? 0 : idle + 1;
    if (idle >= kIdlePeriods) {
      asleep_.store(true, std::memory_order_seq_cst);
      if (!anyone_runs()) changed_.wait(lock, [this] { return stop_ || !asleep_.load(); });
      asleep_.store(false, std::memory_order_seq_cst);
      idle = 0;
    }
    changed_.wait_for(lock, period_, [this] { return stop_; });
    tick_();
  }
}

void Ticker::wake() noexcept {
  {
    const std::lock_guard lock(mutex_);
    asleep_.store(false, std::memory_order_seq_cst);
  }
  changed_.notify_one();
}

}  // namespace holdfast::wasm
