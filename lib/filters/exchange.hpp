// One request and its response as a filter sees it.
//
// Owner: the server's session, which recycles exchanges and never frees them while its worker
// lives; that is why a Hold may safely point to one that has ended (generation check). Thread: the
// worker's.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "http/head.hpp"

namespace holdfast::filters {

class Exchange;

/// The right to let a held message go. Move-free value: copyable, but resumes at most once; inert
/// once the exchange has ended or has been resumed.
class Hold {
 public:
  Hold() = default;
  Hold(Exchange& exchange, std::uint32_t generation)
      : exchange_(&exchange), generation_(generation) {}

  /// The exchange, if it is still held by this; else null.
  [[nodiscard]] Exchange* exchange() const noexcept;
  /// Go on with the next filter. REQUIRES: exchange() != null.
  void resume() const noexcept;

 private:
  Exchange* exchange_ = nullptr;
  std::uint32_t generation_ = 0;
};

class Exchange {
 public:
  static constexpr std::size_t kMaxFilters = 16;  ///< Filters with hooks in one chain.

  Exchange() = default;
  virtual ~Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  [[nodiscard]] http::Head& request() noexcept { return request_; }
  /// REQUIRES: in or after the response stage.
  [[nodiscard]] http::Head& response() noexcept { return response_; }
  /// The timeout of the route that was taken; 0 = off, or no route.
  [[nodiscard]] std::chrono::milliseconds route_timeout() const noexcept { return route_timeout_; }

  /// A token for resuming; call from the hook that returns Verdict::hold.
  [[nodiscard]] Hold hold() noexcept { return {*this, generation_}; }
  /// Have Filter::on_hold_expired() called when the hold has lasted that long. 0 = the server's own
  /// limit.
  void set_hold_limit(std::chrono::milliseconds limit) noexcept { hold_limit_ = limit; }
  /// Make the response a local reply instead of what the upstream sends. Response stage only.
  virtual void replace_response(std::uint16_t status, std::string_view body) noexcept = 0;
  /// Note for the access log: %RESPONSE_CODE_DETAILS%. REQUIRES: a string literal.
  virtual void set_details(std::string_view details) noexcept = 0;

  /// A word of memory for each filter of the chain; null when the exchange begins.
  [[nodiscard]] void*& slot(std::size_t filter_index) noexcept { return slots_[filter_index]; }

 protected:
  friend class Hold;
  [[nodiscard]] virtual bool is_held() const noexcept = 0;
  virtual void resume() noexcept = 0;

  http::Head request_;
  http::Head response_;
  std::chrono::milliseconds route_timeout_{0};
  std::chrono::milliseconds hold_limit_{0};
  std::array<void*, kMaxFilters> slots_{};
  std::uint32_t generation_ =
      0;  ///< Changes with each resume and at the end: old Holds become inert.
};

inline Exchange* Hold::exchange() const noexcept {
  const bool live =
      exchange_ != nullptr && exchange_->generation_ == generation_ && exchange_->is_held();
  return live ? exchange_ : nullptr;
}

inline void Hold::resume() const noexcept {
  exchange_->resume();
}

}  // namespace holdfast::filters
