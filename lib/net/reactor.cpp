#include "net/reactor.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <ctime>
#include <system_error>

namespace holdfast::net {
namespace {

/// While there is something to do the worker waits in its own epoll, so that a wake-up costs one
/// system call instead of three. Asio (posts, timers) gets its turn when the bell rings, when one
/// of its timers is due, and when nothing has come for so long.
constexpr std::chrono::milliseconds kQuiet{10};
/// A handler that schedules itself for ever must not starve the sockets and timers: so many rounds
/// in a turn, and after the first ones only while the turn is short (a peer that sends chunks of
/// one byte as fast as they are read kept a worker for 64 rounds of 4 MiB).
constexpr int kScheduleRounds = 64;
constexpr int kFreeRounds = 2;
constexpr std::chrono::milliseconds kLongestTurn{5};

int make_epoll() {
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  return fd;
}

int make_bell() {
  const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  return fd;
}

}  // namespace

Reactor::Bell::Bell() : fd_(make_bell()) {}

Reactor::Bell::~Bell() {
  ::close(fd_);
}

Reactor::Reactor(asio::io_context& io)
    : descriptor_(io),
      timer_(io),
      io_(io),
      epoll_fd_(make_epoll()),
      now_(Clock::now()),
      timers_(now_),
      read_buffer_(std::make_unique_for_overwrite<char[]>(kReadBufferSize)) {
  descriptor_.assign(epoll_fd_);
  if (!add(bell_.fd(), bell_)) throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

Reactor::~Reactor() {
  end_turn();
}

void Reactor::start() {
  wait_io();
  arm_timer();
}

void Reactor::stop() {
  stopped_ = true;
  boost::system::error_code ignored;
  descriptor_.cancel(ignored);
  timer_.cancel();
}

bool Reactor::add(int fd, IoHandler& handler) noexcept {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &handler;
  return ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void Reactor::remove(int fd, IoHandler& handler) noexcept {
  ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
  forget(handler);
}

void Reactor::forget(IoHandler& handler) noexcept {
  for (std::size_t i = event_next_; i < event_count_; ++i) {
    if (events_[i].data.ptr == &handler) events_[i].data.ptr = nullptr;
  }
  handler.base::ListNode<ScheduleTag>::unlink();
}

void Reactor::schedule(IoHandler& handler) noexcept {
  if (!handler.linked()) scheduled_.push_back(handler);
  if (!in_turn_) wake_later();
}

void Reactor::dispose(Disposable& object) noexcept {
  if (!object.linked()) disposed_.push_back(object);
  if (!in_turn_) wake_later();
}

void Reactor::wake_later() {
  if (wake_pending_) return;
  wake_pending_ = true;
  asio::post(io_, [this] {
    wake_pending_ = false;
    if (stopped_) return;
    run_turn([] {});
  });
}

void Reactor::wait_io() {
  descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                         [this](const boost::system::error_code& error) {
                           if (error || stopped_) return;
                           on_ready();
                           wait_io();
                         });
}

void Reactor::on_ready() {
  int timeout = 0;  // The first ones are there.
  while (!stopped_ && !wake_pending_ && !bell_.take()) {
    const int n =
        ::epoll_wait(epoll_fd_, events_.data(), static_cast<int>(events_.size()), timeout);
    if (n <= 0) break;
    event_count_ = static_cast<std::size_t>(n);
    run_batch();
    arm_timer();
    timeout = patience();
  }
}

/// How long nobody needs Asio, in milliseconds.
int Reactor::patience() const noexcept {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(armed_ - now_);
  return static_cast<int>(std::clamp(left, std::chrono::milliseconds(0), kQuiet).count());
}

void Reactor::ring() noexcept {
  const std::uint64_t one = 1;
  const ssize_t written = ::write(bell_.fd(), &one, sizeof one);
  static_cast<void>(written);  // It fails only if the counter is full: then it rings, too.
}

void Reactor::Bell::on_io(std::uint32_t /*events*/) noexcept {
  std::uint64_t count = 0;
  if (::read(fd_, &count, sizeof count) == sizeof count) rung_ = true;
}

void Reactor::run_batch() noexcept {
  begin_turn();
  for (event_next_ = 0; event_next_ < event_count_;) {
    const epoll_event& event = events_[event_next_++];
    if (event.data.ptr != nullptr) static_cast<IoHandler*>(event.data.ptr)->on_io(event.events);
  }
  event_count_ = 0;
  end_turn();
}

void Reactor::begin_turn() noexcept {
  in_turn_ = true;
  now_ = Clock::now();
}

void Reactor::end_turn() noexcept {
  timers_.advance_to(now_);
  for (int round = 0; round < kScheduleRounds && !scheduled_.empty(); ++round) {
    if (round >= kFreeRounds && Clock::now() - now_ > kLongestTurn) break;
    base::List<IoHandler, ScheduleTag> now;
    now.splice(scheduled_);
    while (IoHandler* handler = now.pop_front()) handler->on_io(0);
  }
  while (Disposable* object = disposed_.pop_front()) object->on_dispose();
  in_turn_ = false;
  if (!scheduled_.empty()) wake_later();
}

void Reactor::arm_timer() {
  const TimePoint asked = timers_.take_earliest_request();
  if (stopped_ || asked >= armed_) return;
  wait_timer(asked);
}

void Reactor::wait_timer(TimePoint wakeup) {
  armed_ = wakeup;
  timer_.expires_at(wakeup);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || stopped_) return;  // Replaced by an earlier wait, or the end.
    begin_turn();
    end_turn();
    static_cast<void>(timers_.take_earliest_request());  // next_wakeup() sees those, too.
    armed_ = TimePoint::max();
    const TimePoint next = timers_.next_wakeup();
    if (next != TimePoint::max()) wait_timer(next);
  });
}

std::string_view Reactor::date() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != date_second_) {
    date_second_ = now.tv_sec;
    std::tm utc{};
    ::gmtime_r(&now.tv_sec, &utc);
    char text[30];
    ::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    std::copy_n(text, date_.size(), date_.begin());
  }
  return {date_.data(), date_.size()};
}

}  // namespace holdfast::net
