// A cluster's limits, counted over all workers, as Envoy's resource manager does.
//
// Owner: the server, one per cluster; shared by the workers, hence atomics: one uncontended add per
// request. As in Envoy the check and the count are two steps, so several workers at once may pass a
// limit by their number.
#pragma once

#include <atomic>
#include <cstdint>

#include "config/config.hpp"

namespace holdfast::upstream {

class Limit {
 public:
  explicit Limit(std::uint32_t max) : max_(max) {}
  [[nodiscard]] bool can_take() const noexcept { return count() < max_; }
  void take(std::uint32_t n = 1) noexcept { count_.fetch_add(n, std::memory_order_relaxed); }
  void give_back(std::uint32_t n = 1) noexcept { count_.fetch_sub(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t count() const noexcept {
    return count_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint32_t remaining() const noexcept {
    const std::uint32_t used = count();
    return used < max_ ? max_ - used : 0;
  }

 private:
  const std::uint32_t max_;
  std::atomic<std::uint32_t> count_{0};
};

struct alignas(64) CircuitBreaker {
  explicit CircuitBreaker(const config::CircuitBreakers& limits)
      : connections(limits.max_connections),
        pending(limits.max_pending_requests),
        requests(limits.max_requests),
        retries(limits.max_retries) {}
  Limit connections;
  Limit pending;
  Limit requests;
  Limit retries;
};

}  // namespace holdfast::upstream
