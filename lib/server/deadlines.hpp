// The clocks of one downstream connection: many deadlines, one timer.
//
// Owner: a Session. Thread: its worker's. Setting a deadline is a store (and a wheel operation only
// when it is the earliest), so per-request and per-event timeouts cost next to nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "net/reactor.hpp"

namespace holdfast::server {

enum class Deadline : std::uint8_t {
  request_head,         ///< request_headers_timeout: from the first byte of a head to its end.
  connection_idle,      ///< idle_timeout: no request under way.
  connection_duration,  ///< max_connection_duration
  linger,               ///< delayed_close_timeout: for the client to take the last bytes and close.
  stream_idle,          ///< stream_idle_timeout: no byte of request or response moved.
  request,              ///< request_timeout: for the whole request to arrive.
  route,                ///< route.timeout: from the end of the request to the end of the response.
  stream_duration,      ///< max_stream_duration
  hold,                 ///< A filter's hold.
  buffers,              ///< No request for a moment: what the last one took is given back.
  count_,
};

class Deadlines {
 public:
  Deadlines(net::Reactor& reactor, net::Timer& timer) : reactor_(reactor), timer_(timer) {
    clear_all();
  }
  ~Deadlines() { net::TimerWheel::cancel(timer_); }
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  void set(Deadline which, net::TimePoint at) noexcept {
    at_[index(which)] = at;
    if (at >= next_) return;
    next_ = at;
    reactor_.timers().set(timer_, at);
  }
  /// `delay` from now; 0 = off.
  void set_after(Deadline which, std::chrono::milliseconds delay) noexcept {
    if (delay.count() > 0) {
      set(which, reactor_.after(delay));
    } else {
      clear(which);
    }
  }
  void clear(Deadline which) noexcept { at_[index(which)] = net::TimePoint::max(); }
  [[nodiscard]] bool is_set(Deadline which) const noexcept {
    return at_[index(which)] != net::TimePoint::max();
  }
  void clear_all() noexcept {
    at_.fill(net::TimePoint::max());
    next_ = net::TimePoint::max();
    net::TimerWheel::cancel(timer_);
  }

  /// The timer has fired: calls `expired(Deadline)` for each that is due, as long as it returns
  /// true, then sets the timer anew.
  template <class F>
  void fire(F&& expired) {
    next_ = net::TimePoint::max();
    for (std::size_t i = 0; i < at_.size(); ++i) {
      if (at_[i] > reactor_.now()) continue;
      at_[i] = net::TimePoint::max();
      if (!expired(static_cast<Deadline>(i))) return;
    }
    const net::TimePoint earliest = *std::ranges::min_element(at_);
    if (earliest >= next_) return;
    next_ = earliest;
    reactor_.timers().set(timer_, earliest);
  }

 private:
  static std::size_t index(Deadline which) noexcept { return static_cast<std::size_t>(which); }
  net::Reactor& reactor_;
  net::Timer& timer_;
  std::array<net::TimePoint, static_cast<std::size_t>(Deadline::count_)> at_;
  net::TimePoint next_ = net::TimePoint::max();  ///< What the timer is set to, at the latest.
};

}  // namespace holdfast::server
