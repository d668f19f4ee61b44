// How many connections from clients the process holds at once: the overload manager's
// global_downstream_max_connections.
//
// Owner: the server; one for the process, shared by the workers, hence an atomic. It is touched
// when a connection opens and closes, never by a request. Always holds: no more than `max` places
// are taken (Envoy's workers together may pass its limit for a moment).
#pragma once

#include <atomic>
#include <cstdint>

#include "stats/scopes.hpp"

namespace holdfast::server {

class ConnectionLimit {
 public:
  explicit ConnectionLimit(std::uint64_t max) : max_(max) {}
  [[nodiscard]] bool try_take() noexcept {
    if (count_.fetch_add(1, std::memory_order_relaxed) < max_) return true;
    give_back();
    return false;
  }
  void give_back() noexcept { count_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  const std::uint64_t max_;
  alignas(stats::kCacheLine) std::atomic<std::uint64_t> count_{0};
};

/// The limit as one listener of one worker sees it. Thread: the worker's.
class ConnectionGate {
 public:
  /// `limit` null: this listener lets everybody in.
  ConnectionGate(ConnectionLimit* limit, stats::ListenerStats& stats)
      : limit_(limit), stats_(stats) {}

  /// False, and counted: there is no place. Who got one gives it back by leave().
  [[nodiscard]] bool enter() noexcept {
    if (limit_ == nullptr || limit_->try_take()) return true;
    stats_.downstream_global_cx_overflow.add();
    return false;
  }
  void leave() noexcept {
    if (limit_ != nullptr) limit_->give_back();
  }

 private:
  ConnectionLimit* const limit_;
  stats::ListenerStats& stats_;
};

}  // namespace holdfast::server
