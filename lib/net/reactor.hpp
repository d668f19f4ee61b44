// The readiness set of one worker: an edge-triggered epoll inside Asio, and the worker's clock,
// timers and scratch.
//
// Owner: the Worker. Thread: the worker's, for everything. Sockets are registered once for their
// whole life (EPOLLIN|EPOLLOUT|EPOLLRDHUP|EPOLLET), so waiting costs no system call and no
// operation object per read, and a FIN is never lost (docs/adr/0002). Asio sees one descriptor: the
// epoll itself, and has the thread only while nothing is to be done there. Always holds: handlers
// run one after the other, never nested; who wants to be called again later in this turn uses
// schedule(). read_buffer() may be used only inside on_io(), and its contents die with that call.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/buffer.hpp"
#include "base/intrusive_list.hpp"
#include "net/pipe.hpp"
#include "net/timer_wheel.hpp"

namespace holdfast::net {

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;

struct ScheduleTag;
struct DisposeTag;

/// Something with a file descriptor in the readiness set.
class IoHandler : public base::ListNode<ScheduleTag> {
 public:
  virtual ~IoHandler() = default;
  /// `events`: EPOLL* bits; 0 when called because of schedule().
  virtual void on_io(std::uint32_t events) noexcept = 0;
};

/// Something that may be given up in the middle of a turn: destroyed or recycled at its end.
class Disposable : public base::ListNode<DisposeTag> {
 public:
  virtual ~Disposable() = default;
  virtual void on_dispose() noexcept = 0;  ///< Runs at the end of the turn; may delete this.
};

class Reactor {
 public:
  /// The largest single read; large bodies move in pieces of this size (perf: 64 KiB body 69 -> 41
  /// us with 256 KiB).
  static constexpr std::size_t kReadBufferSize = 256 * 1024;

  explicit Reactor(asio::io_context& io);
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  /// Begin to wait. Keeps the io_context busy until stop().
  void start();
  void stop();

  /// Something was posted to the io_context: let it have its turn soon. Any thread.
  void ring() noexcept;

  /// Register `fd` for its life. False when the kernel refuses (ENOMEM, ENOSPC).
  [[nodiscard]] bool add(int fd, IoHandler& handler) noexcept;
  /// Take `fd` out, and drop what was not delivered yet. REQUIRES: called before close(fd).
  void remove(int fd, IoHandler& handler) noexcept;
  /// The same without a system call. REQUIRES: the caller closes the descriptor now, which takes it
  /// out of the set (epoll(7), questions and answers), as there is no duplicate of it.
  void forget(IoHandler& handler) noexcept;

  /// Run `task` as a turn of its own. REQUIRES: on the worker, not inside a turn (posted tasks are
  /// not).
  template <class Task>
  void run_turn(Task&& task) {
    begin_turn();
    task();
    end_turn();
    arm_timer();
  }

  /// Call handler.on_io(0) later in this turn (or in the next one when none is running).
  void schedule(IoHandler& handler) noexcept;
  void dispose(Disposable& object) noexcept;

  [[nodiscard]] TimerWheel& timers() noexcept { return timers_; }
  /// The clock of this turn: read once per batch of events.
  [[nodiscard]] TimePoint now() const noexcept { return now_; }
  /// `now() + after`, saturating; for timeouts straight from the configuration.
  [[nodiscard]] TimePoint after(std::chrono::milliseconds delay) const noexcept {
    return now_ + delay;
  }

  [[nodiscard]] std::span<char> read_buffer() noexcept {
    return {read_buffer_.get(), kReadBufferSize};
  }
  [[nodiscard]] PipePool& pipes() noexcept { return pipes_; }
  /// Recycled buffer to build a head in before it is sent. Cleared by whoever takes it.
  [[nodiscard]] base::Buffer& write_buffer() noexcept { return write_buffer_; }
  /// `date` header value of the current second (RFC 9110 6.6.1); valid until the next turn.
  [[nodiscard]] std::string_view date() noexcept;

 private:
  class Bell final : public IoHandler {
   public:
    Bell();
    ~Bell() override;
    [[nodiscard]] int fd() const noexcept { return fd_; }
    /// Whether it has rung since the last time.
    [[nodiscard]] bool take() noexcept { return std::exchange(rung_, false); }

   private:
    void on_io(std::uint32_t events) noexcept override;
    const int fd_;
    bool rung_ = false;
  };

  void wait_io();
  void on_ready();
  [[nodiscard]] int patience() const noexcept;
  void run_batch() noexcept;
  void begin_turn() noexcept;
  void end_turn() noexcept;
  void arm_timer();
  void wait_timer(TimePoint wakeup);
  void wake_later();

  asio::posix::basic_stream_descriptor<Executor> descriptor_;
  asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor> timer_;
  asio::io_context& io_;
  int epoll_fd_;
  Bell bell_;
  bool stopped_ = false;
  bool wake_pending_ = false;
  TimePoint now_;
  TimePoint armed_ = TimePoint::max();
  TimerWheel timers_;
  base::List<IoHandler, ScheduleTag> scheduled_;
  base::List<Disposable, DisposeTag> disposed_;
  std::array<epoll_event, 256> events_;
  std::size_t event_count_ = 0;  ///< Of the batch being delivered.
  std::size_t event_next_ = 0;
  bool in_turn_ = false;
  std::unique_ptr<char[]> read_buffer_;
  base::Buffer write_buffer_;
  PipePool pipes_;
  std::int64_t date_second_ = 0;
  std::array<char, 29> date_;
};

}  // namespace holdfast::net
