#include "upstream.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string_view>

#include "wire.hpp"

namespace bench {

namespace {

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: application/json\r\nContent-Length: "
    "12\r\n\r\n"
    "{\"ok\": true}";
constexpr std::uint64_t kListener = std::uint64_t{1} << 32;
constexpr int kEvents = 512;

}  // namespace

Upstream::Upstream(int delayed, std::int64_t delay)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), delay_(delay) {
  for (int i = 0; i <= delayed; ++i) {
    listeners_.push_back({listen_on_any(), i > 0});
    watch(epoll_, listeners_.back().fd, EPOLLIN, kListener | static_cast<unsigned>(i));
  }
}

void Upstream::run(const volatile std::sig_atomic_t* stop) {
  std::printf("{\"plain\": %d, \"delayed\": [", port_of(listeners_[0].fd));
  for (std::size_t i = 1; i < listeners_.size(); ++i) {
    std::printf("%s%d", i > 1 ? ", " : "", port_of(listeners_[i].fd));
  }
  std::printf("]}\n");
  std::fflush(stdout);
  while (*stop == 0) {
    epoll_event events[kEvents];
    const int count = wait_until(epoll_, events, kEvents, due_.empty() ? -1 : due_.front().time);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t data = events[i].data.u64;
      if ((data & kListener) != 0) {
        accept_from(listeners_[data & ~kListener]);
      } else {
        read(static_cast<int>(data));
      }
    }
    answer_due(now());
  }
  std::printf("{\"requests\": %lu, \"connections\": %lu, \"peak\": %zu, \"lost\": %lu}\n",
              requests_, accepted_, peak_, lost_);
}

void Upstream::accept_from(const Listener& listener) {
  for (;;) {
    const int fd = accept4(listener.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno != EAGAIN) {
        die("accept");
      }
      return;
    }
    const auto at = static_cast<std::size_t>(fd);
    connections_.resize(std::max(connections_.size(), at + 1));
    connections_[at].delayed = listener.delayed;
    ++accepted_;
    watch(epoll_, fd, EPOLLIN, at);
  }
}

void Upstream::read(int fd) {
  static char buffer[64 * 1024];
  Connection& connection = connections_[static_cast<std::size_t>(fd)];
  const ssize_t count = recv(fd, buffer, sizeof buffer, 0);
  if (count < 0 && errno == EAGAIN) {
    return;
  }
  if (count <= 0) {
    ++connection.generation;
    connection.partial.clear();
    close(fd);
    return;
  }
  connection.partial.append(buffer, static_cast<std::size_t>(count));
  std::size_t end = 0;
  for (std::size_t found = 0;
       (found = connection.partial.find("\r\n\r\n", end)) != std::string::npos; end = found + 4) {
    ++requests_;
    if (!connection.delayed) {
      answer(fd);
      continue;
    }
    due_.push_back({now() + delay_, fd, connection.generation});
    peak_ = std::max(peak_, due_.size());
  }
  connection.partial.erase(0, end);
}

void Upstream::answer(int fd) {
  if (send(fd, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(kAnswer.size())) {
    ++lost_;  // Its reader reads, or it has gone.
  }
}

void Upstream::answer_due(std::int64_t time) {
  for (; !due_.empty() && due_.front().time <= time; due_.pop_front()) {
    const Due& due = due_.front();
    if (connections_[static_cast<std::size_t>(due.fd)].generation == due.generation) {
      answer(due.fd);
    } else {
      ++lost_;
    }
  }
}

}  // namespace bench
