// One direction of an exchange on its way through filters that look at bodies: whose hook comes
// next, who holds what, and what has come out at the end.
//
// Owner: an Exchange of a listener whose chain has body hooks; recycled with it. Thread: the
// worker's. Knows neither sockets nor routes: the exchange puts bytes in (incoming()), calls one of
// the run_* functions, and takes what has passed. Always holds: each filter sees a head before its
// body, and all bytes in order; what waits at a filter lies in that filter's own queue. The order
// of calls is that of Envoy's FilterManager.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "base/byte_queue.hpp"
#include "filters/filter.hpp"
#include "net/timer_wheel.hpp"

namespace holdfast::server {

class FilterPipeline {
 public:
  enum class Direction : std::uint8_t { request, response };
  enum class Outcome : std::uint8_t {
    ok,           ///< As far as it goes: passed on, or waiting at a filter.
    interrupted,  ///< After interrupt(): a hook asked for something else than going on.
    respond,      ///< Verdict::respond
    too_large,    ///< A filter keeps more than the limit.
  };

  /// `limit`: bytes that may wait at one filter; 0 = any number. REQUIRES: `exchange` and `hooks`
  /// outlive this.
  FilterPipeline(Direction direction, filters::Exchange& exchange,
                 const std::vector<filters::Filter*>& hooks, std::size_t limit)
      : direction_(direction), exchange_(exchange), hooks_(hooks), limit_(limit) {}

  /// A new message; `ends_with_head`: there is no body.
  void start(bool ends_with_head) noexcept;
  /// Nobody wants the rest of the message: forget it.
  void stop() noexcept;
  /// Between messages: give memory of more than `keep` bytes per buffer back.
  std::size_t release(std::size_t keep);

  /// Show the head to the first filter, and the next ones.
  [[nodiscard]] Outcome run_head() noexcept;
  /// Show what is in incoming(); `end`: and that it was the last, or the trailers that the exchange
  /// has then.
  [[nodiscard]] Outcome run_body(bool end) noexcept;
  /// Let go what was asked for with ask_to_continue().
  [[nodiscard]] Outcome run_continued() noexcept;
  /// Tell the filter at which the head waits that the message is replaced by another with `body`,
  /// whole; or have it so in the hook that runs.
  void replace(base::ByteQueue& body) noexcept;

  /// Where new body bytes go.
  [[nodiscard]] base::ByteQueue& incoming() noexcept { return incoming_; }
  /// What has come out: of the body, since it was last taken.
  [[nodiscard]] base::ByteQueue& passed() noexcept { return passed_; }
  [[nodiscard]] bool head_passed() const noexcept { return head_passed_; }
  [[nodiscard]] bool end_passed() const noexcept { return end_passed_; }
  [[nodiscard]] std::uint64_t bytes_passed() const noexcept { return bytes_passed_; }
  [[nodiscard]] bool active() const noexcept { return active_; }
  [[nodiscard]] bool ends_with_head() const noexcept { return ends_with_head_; }

  /// The filter with that index wants what waits at it to go on. False: nothing waits there.
  [[nodiscard]] bool ask_to_continue(std::size_t filter) noexcept;
  /// The same for the filter at which the head waits.
  void ask_blocked_to_continue() noexcept;
  /// Show nothing more after the hook that runs.
  void interrupt() noexcept { interrupted_ = true; }

  /// Something that waits may go on.
  [[nodiscard]] bool has_asked() const noexcept;
  /// The head waits at a filter that has not asked to go on.
  [[nodiscard]] bool is_blocked() const noexcept;
  /// A filter's own limit, and not the peer's pace, says how long this takes.
  [[nodiscard]] bool waits() const noexcept;
  /// So much waits behind a held head that no more should be read.
  [[nodiscard]] bool is_full() const noexcept;

  /// Begin to count the time of those who hold (but for requests that the idle time ends); the next
  /// instant at which one has held for too long
  /// (TimePoint::max() = none).
  [[nodiscard]] net::TimePoint arm(net::TimePoint now, std::chrono::milliseconds longest) noexcept;
  /// Ask those whose time has come; who lets go continues with run_continued(). Returns whether
  /// that is the one at which the head waits.
  [[nodiscard]] bool expire(net::TimePoint now) noexcept;
  /// Tell those who hold that it is in vain.
  void cancel_holds() noexcept;

 private:
  enum class State : std::uint8_t {
    flowing,
    buffering,  ///< Stopped, but its body hook is called: the body waits, perhaps the head, too.
    held,       ///< Stopped altogether.
  };
  struct Stage {
    base::ByteQueue queue;
    State state = State::flowing;
    bool head_passed = false;
    bool end = false;     ///< Of the message has come here.
    bool asked = false;   ///< To continue.
    bool unseen = false;  ///< Bytes have come that its hook has not been shown.
    bool trailers_seen = false;
    std::chrono::milliseconds limit{0};
    net::TimePoint deadline = net::TimePoint::max();
  };

  [[nodiscard]] Outcome run_heads(std::size_t first) noexcept;
  [[nodiscard]] Outcome pass_body(std::size_t first, bool end) noexcept;
  [[nodiscard]] Outcome show_body(std::size_t stage, bool end) noexcept;
  [[nodiscard]] Outcome show_trailers(std::size_t stage) noexcept;
  [[nodiscard]] Outcome settle(std::size_t stage, filters::BodyVerdict verdict) noexcept;
  [[nodiscard]] bool has_trailers() const noexcept;
  [[nodiscard]] Outcome resume(std::size_t stage) noexcept;
  void stop_at(Stage& stage, State state) noexcept;
  [[nodiscard]] static bool needs_limit(const Stage& stage) noexcept {
    return stage.state != State::flowing && (!stage.head_passed || stage.end);
  }

  // Constant after construction.
  const Direction direction_;
  filters::Exchange& exchange_;
  const std::vector<filters::Filter*>& hooks_;
  const std::size_t limit_;
  // Touched only on the worker.
  bool active_ = false;
  bool ends_with_head_ = false;
  bool head_passed_ = false;
  bool end_passed_ = false;
  bool interrupted_ = false;
  std::size_t running_ = kNone;  ///< Whose hook runs.
  std::uint64_t bytes_passed_ = 0;
  base::ByteQueue incoming_;
  base::ByteQueue moving_;  ///< From one filter to the next.
  base::ByteQueue passed_;
  std::vector<Stage> stages_;  ///< As hooks_.

  static constexpr std::size_t kNone = filters::Exchange::kMaxFilters;
};

}  // namespace holdfast::server
