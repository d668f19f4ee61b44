#include "wire.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace bench {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool is_field(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         strncasecmp(line.data(), name.data(), name.size()) == 0;
}

std::string_view value_of(std::string_view line) {
  line.remove_prefix(line.find(':') + 1);
  while (!line.empty() && line.front() == ' ') {
    line.remove_prefix(1);
  }
  return line;
}

}  // namespace

std::int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

std::int64_t cpu_time(const std::vector<int>& pids) {
  std::int64_t sum = 0;
  for (const int pid : pids) {
    clockid_t clock{};
    timespec time{};
    if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &time) == 0) {
      sum += time.tv_sec * kSecond + time.tv_nsec;
    }
  }
  return sum;
}

int connect_to(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return -1;
  }
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const sockaddr_in address = loopback(port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 &&
      errno != EINPROGRESS) {
    return -1;  // Only where descriptors or ports are exhausted: the run is over anyway.
  }
  return fd;
}

int listen_on_any() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(0);
  if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      listen(fd, 8192) < 0) {
    die("cannot listen");
  }
  return fd;
}

int port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

int wait_until(int epoll, epoll_event* events, int most, std::int64_t deadline) {
  timespec time{};
  if (deadline >= 0) {
    const std::int64_t left = std::max<std::int64_t>(deadline - now(), 0);
    time = {.tv_sec = left / kSecond, .tv_nsec = left % kSecond};
  }
  const int count = epoll_pwait2(epoll, events, most, deadline >= 0 ? &time : nullptr, nullptr);
  if (count < 0 && errno != EINTR) {
    die("epoll_pwait2");
  }
  return std::max(count, 0);
}

void watch(int epoll, int fd, std::uint32_t events, std::uint64_t data) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = data;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
    die("epoll_ctl");
  }
}

void die(const std::string& what) {
  std::fprintf(stderr, "bench_load: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

ResponseReader::State ResponseReader::feed(std::string_view bytes) {
  if (in_body_) {
    return body(bytes);
  }
  std::string_view head = bytes;
  const std::size_t old = partial_.size();
  if (old > 0) {
    partial_ += bytes;
    head = partial_;
  }
  const std::size_t end = head.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (old == 0) {
      partial_ = bytes;
    }
    return State::more;
  }
  if (!parse_head(head.substr(0, end + 2))) {
    return State::broken;
  }
  in_body_ = true;
  bytes.remove_prefix(end + 4 - old);
  partial_.clear();
  return body(bytes);
}

bool ResponseReader::parse_head(std::string_view head) {
  if (head.size() < 14 || !head.starts_with("HTTP/1.")) {
    return false;
  }
  std::from_chars(head.data() + 9, head.data() + 12, status_);
  until_close_ = status_ != 204 && status_ != 304;
  head.remove_prefix(head.find("\r\n") + 2);
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(line.size() + 2);
    if (is_field(line, "content-length")) {
      const std::string_view value = value_of(line);
      until_close_ = false;
      std::from_chars(value.data(), value.data() + value.size(), left_);
    } else if (is_field(line, "transfer-encoding")) {
      chunked_ = true;
      until_close_ = false;
    } else if (is_field(line, "connection")) {
      closes_ = strncasecmp(value_of(line).data(), "close", 5) == 0;
    }
  }
  closes_ = closes_ || until_close_;
  return true;
}

ResponseReader::State ResponseReader::body(std::string_view bytes) {
  if (until_close_) {
    return State::more;
  }
  if (chunked_) {
    return chunks(bytes);
  }
  if (bytes.size() > left_) {
    return State::broken;
  }
  left_ -= bytes.size();
  return left_ == 0 ? State::done : State::more;
}

ResponseReader::State ResponseReader::chunks(std::string_view bytes) {
  while (!bytes.empty()) {
    if (chunk_ == Chunk::data) {
      const std::size_t take = std::min<std::uint64_t>(left_, bytes.size());
      left_ -= take;
      bytes.remove_prefix(take);
      if (left_ == 0) {
        chunk_ = Chunk::line_end;
      }
      continue;
    }
    const State state = chunk_line(bytes.front());
    bytes.remove_prefix(1);
    if (state != State::more) {
      return bytes.empty() ? state : State::broken;
    }
  }
  return State::more;
}

ResponseReader::State ResponseReader::chunk_line(char byte) {
  if (byte != '\n') {
    if (byte != '\r') {
      partial_ += byte;
    }
    return State::more;
  }
  const std::string line = std::move(partial_);
  partial_.clear();
  if (chunk_ == Chunk::line_end) {
    chunk_ = Chunk::size;
  } else if (chunk_ == Chunk::trailer) {
    return line.empty() ? State::done : State::more;
  } else {
    if (std::from_chars(line.data(), line.data() + line.size(), left_, 16).ec != std::errc()) {
      return State::broken;
    }
    chunk_ = left_ == 0 ? Chunk::trailer : Chunk::data;
  }
  return State::more;
}

void ResponseReader::reset() {
  partial_.clear();
  left_ = 0;
  status_ = 0;
  in_body_ = chunked_ = until_close_ = closes_ = false;
  chunk_ = Chunk::size;
}

}  // namespace bench
