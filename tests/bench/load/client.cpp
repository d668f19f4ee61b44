#include "client.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace bench {

namespace {

constexpr std::size_t kConnectingAtOnce = 128;
constexpr std::size_t kPrimedAtOnce = 64;
constexpr std::uint64_t kStdin = ~std::uint64_t{0};
constexpr std::int64_t kPatience = 20'000'000'000;  // For what must come: connections, answers.
constexpr int kEvents = 512;

std::int64_t nanoseconds(double seconds) {
  return static_cast<std::int64_t>(seconds * 1e9);
}

}  // namespace

Client::Client(const Options& options)
    : options_(options),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      connections_(options.connections),
      buffer_(256 * 1024) {}

// Connections
// -----------------------------------------------------------------------------------------------------

void Client::open(std::size_t at) {
  Connection& connection = connections_[at];
  connection.fd = connect_to(options_.port);
  if (connection.fd < 0) {
    die("cannot connect");
  }
  ++outcome_.connects;
  ++connecting_;
  connection.stage = Stage::connecting;
  watch(epoll_, connection.fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, at);
}

void Client::close(std::size_t at) {
  Connection& connection = connections_[at];
  connecting_ -= connection.stage == Stage::connecting;
  busy_ -= connection.stage == Stage::busy;
  ::close(connection.fd);
  connection.fd = -1;
  connection.stage = Stage::closed;
  connection.reader.reset();
}

void Client::connect_all(std::size_t at_once) {
  const std::int64_t patience = now() + kPatience;
  for (std::size_t at = 0; at < connections_.size();) {
    while (at < connections_.size() && connecting_ < at_once) {
      open(at++);
    }
    turn(patience);
    if (now() >= patience || outcome_.failed > connections_.size()) {
      errno = ETIMEDOUT;
      die("not all connections were made");
    }
  }
  while (connecting_ > 0 && now() < patience) {
    turn(patience);
  }
}

void Client::send_on(std::size_t at, std::int64_t start) {
  Connection& connection = connections_[at];
  connection.stage = Stage::busy;
  connection.start = start;
  connection.sent = 0;
  ++busy_;
  write(at);
}

void Client::write(std::size_t at) {
  Connection& connection = connections_[at];
  const ssize_t sent = ::send(connection.fd, options_.request.data() + connection.sent,
                              options_.request.size() - connection.sent, MSG_NOSIGNAL);
  if (sent > 0) {
    connection.sent += static_cast<std::size_t>(sent);
  }  // A failure shows when the connection is read.
}

void Client::event(std::size_t at, std::uint32_t events) {
  Connection& connection = connections_[at];
  if (connection.stage == Stage::connecting) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
      broken(at);
      return;
    }
    if ((events & EPOLLOUT) == 0) {
      return;
    }
    --connecting_;
    connection.stage = Stage::idle;
    free_again(at);
  } else if (connection.stage == Stage::busy && connection.sent < options_.request.size()) {
    write(at);
  }
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 && connection.fd >= 0) {
    read(at, (events & EPOLLRDHUP) != 0);
  }
}

void Client::read(std::size_t at, bool ending) {
  Connection& connection = connections_[at];
  while (connection.fd >= 0) {
    const ssize_t count = recv(connection.fd, buffer_.data(), buffer_.size(), 0);
    if (count < 0 && errno == EAGAIN) {
      return;
    }
    if (count <= 0) {
      ended(at);
      return;
    }
    const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(count));
    const auto state = connection.stage == Stage::busy ? connection.reader.feed(bytes)
                                                       : ResponseReader::State::broken;
    if (state == ResponseReader::State::broken) {
      broken(at);
      return;
    }
    if (state == ResponseReader::State::done) {
      answered(at);
    }
    // A short read has emptied the socket, unless its end came in the same edge.
    if (bytes.size() < buffer_.size() && !ending) {
      return;
    }
  }
}

/// The proxy has closed: the end of a response, a request lost, or an idle connection that is made
/// anew.
void Client::ended(std::size_t at) {
  Connection& connection = connections_[at];
  if (connection.stage == Stage::busy) {
    if (connection.reader.end() == ResponseReader::State::done) {
      answered(at);
    } else {
      broken(at);
    }
    return;
  }
  std::erase(idle_, at);
  close(at);
  if (!stopping_) {
    open(at);
  }
}

void Client::answered(std::size_t at) {
  Connection& connection = connections_[at];
  --busy_;
  connection.stage = Stage::idle;
  ++outcome_.total;
  ++outcome_.requests;
  outcome_.bad += connection.reader.status() / 100 != 2;
  outcome_.latency.add(now() - connection.start);
  if (options_.churn || connection.reader.closes()) {
    close(at);
    if (!stopping_) {
      open(at);
    }
    return;
  }
  connection.reader.reset();
  if (!one_each_) {
    free_again(at);
  }
}

void Client::broken(std::size_t at) {
  ++outcome_.failed;
  close(at);
  if (!stopping_ && outcome_.failed < 1000) {
    open(at);
  }
}

/// Connected, or answered: what goes on this connection next?
void Client::free_again(std::size_t at) {
  if (go_on_) {
    send_on(at, now());
  } else if (!queue_.empty()) {
    send_on(at, queue_.front());
    queue_.pop_front();
  } else {
    idle_.push_back(at);
  }
}

// Loops
// -----------------------------------------------------------------------------------------------------------

void Client::turn(std::int64_t deadline) {
  epoll_event events[kEvents];
  const int count = wait_until(epoll_, events, kEvents, deadline);
  for (int i = 0; i < count; ++i) {
    if (events[i].data.u64 != kStdin) {
      event(events[i].data.u64, events[i].events);
    }
  }
}

void Client::send_due(std::int64_t time) {
  while (next_due_ <= time) {
    if (idle_.empty()) {
      queue_.push_back(next_due_);
      outcome_.backlog = std::max(outcome_.backlog, queue_.size());
    } else {
      outcome_.late = std::max(outcome_.late, time - next_due_);
      const std::size_t at = idle_.front();
      idle_.pop_front();
      send_on(at, next_due_);
    }
    next_due_ += interval_;
  }
}

void Client::run_until(std::int64_t end) {
  for (std::int64_t time = now(); time < end; time = now()) {
    if (interval_ > 0) {
      send_due(time);
    }
    turn(interval_ > 0 ? std::min(end, next_due_) : end);
  }
}

void Client::begin_window() {
  outcome_.requests = 0;
  outcome_.backlog = 0;
  outcome_.late = 0;
  outcome_.latency.clear();
  outcome_.cpu = cpu_time(options_.pids);
  window_begin_ = now();
}

void Client::end_window() {
  outcome_.cpu = cpu_time(options_.pids) - outcome_.cpu;
  outcome_.seconds = static_cast<double>(now() - window_begin_) / 1e9;
}

void Client::closed_or_open_loop() {
  connect_all(kConnectingAtOnce);
  if (options_.rate > 0) {
    interval_ = nanoseconds(1 / options_.rate);
    next_due_ = now();
  } else {
    go_on_ = true;
    for (; !idle_.empty(); idle_.pop_front()) {
      send_on(idle_.front(), now());
    }
  }
  run_until(now() + nanoseconds(options_.warmup));
  begin_window();
  run_until(window_begin_ + nanoseconds(options_.seconds));
  end_window();
  const Outcome measured = outcome_;
  interval_ = 0;
  go_on_ = false;
  stopping_ = true;
  queue_.clear();
  // What is under way is waited for, so that the upstream's count of requests can be compared with
  // ours.
  const std::int64_t patience = now() + kPatience;
  while (busy_ > 0 && now() < patience) {
    turn(patience);
  }
  const std::uint64_t total = outcome_.total;
  const std::uint64_t failed = outcome_.failed + busy_;
  outcome_ = measured;
  outcome_.total = total;
  outcome_.failed = failed;
  print();
}

/// All connections at once; each sends one request, and its latency counts from the storm's first
/// connect.
void Client::storm() {
  stopping_ = true;  // A connection that fails stays so.
  one_each_ = true;
  for (int number = 0; number < options_.storms; ++number) {
    const std::int64_t cpu = cpu_time(options_.pids);
    const std::int64_t begin = now();
    const std::uint64_t before = outcome_.requests + outcome_.failed;
    queue_.assign(connections_.size(), begin);
    for (std::size_t at = 0; at < connections_.size(); ++at) {
      open(at);
    }
    while (outcome_.requests + outcome_.failed < before + connections_.size() &&
           now() < begin + kPatience) {
      turn(begin + kPatience);
    }
    outcome_.seconds += static_cast<double>(now() - begin) / 1e9;
    for (std::size_t at = 0; at < connections_.size(); ++at) {
      if (connections_[at].fd >= 0) {
        outcome_.failed += connections_[at].stage != Stage::idle;
        close(at);
      }
    }
    run_until(now() + nanoseconds(0.1));  // The proxy sees the ends.
    outcome_.cpu += cpu_time(options_.pids) - cpu;
  }
  print();
}

/// One request on each idle connection, `at_once` under way at most and at --rate; returns when all
/// are answered.
void Client::send_on_all(std::size_t at_once) {
  const std::int64_t patience = now() + 3 * kPatience;
  const std::int64_t interval = options_.rate > 0 ? nanoseconds(1 / options_.rate) : 0;
  std::int64_t due = now();
  std::size_t left = idle_.size();
  while ((left > 0 || busy_ > 0) && now() < patience) {
    for (; left > 0 && busy_ < at_once && !idle_.empty() && now() >= due; --left, due += interval) {
      const std::size_t at = idle_.front();
      idle_.pop_front();
      send_on(at, now());
    }
    turn(left > 0 && interval > 0 ? std::min(due, patience) : patience);
  }
}

void Client::hold() {
  connect_all(kConnectingAtOnce);
  if (options_.prime) {
    send_on_all(kPrimedAtOnce);
  }
  std::printf("{\"ready\": %zu}\n", idle_.size());
  std::fflush(stdout);
  watch(epoll_, STDIN_FILENO, EPOLLIN, kStdin);
  for (;;) {
    epoll_event events[kEvents];
    const int count = wait_until(epoll_, events, kEvents, -1);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 != kStdin) {
        event(events[i].data.u64, events[i].events);
        continue;
      }
      char line[64];
      if (::read(STDIN_FILENO, line, sizeof line) <= 0) {
        return;
      }
      begin_window();
      send_on_all(connections_.size());
      outcome_.failed += busy_;
      end_window();
      print();
    }
  }
}

void Client::print() const {
  const Histogram& latency = outcome_.latency;
  std::printf(
      "{\"requests\": %lu, \"total\": %lu, \"seconds\": %.6f, \"cpu_ns\": %ld, \"failed\": %lu, "
      "\"bad\": %lu, \"connects\": %lu, \"backlog\": %zu, \"late_us\": %.1f, \"p50_us\": %.1f, "
      "\"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f}\n",
      outcome_.requests, outcome_.total, outcome_.seconds, outcome_.cpu, outcome_.failed,
      outcome_.bad, outcome_.connects, outcome_.backlog, static_cast<double>(outcome_.late) / 1000,
      latency.percentile(0.5), latency.percentile(0.99), latency.percentile(0.999),
      latency.largest());
  std::fflush(stdout);
}

}  // namespace bench
