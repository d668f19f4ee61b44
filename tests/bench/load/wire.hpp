// Sockets, clocks and HTTP/1.1 responses for the load generator.
#pragma once

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// CLOCK_MONOTONIC in nanoseconds.
std::int64_t now();

/// User and system time of these processes so far, ended threads included, in nanoseconds. (The
/// process clocks are exact, unlike the ticks in /proc/PID/stat.)
std::int64_t cpu_time(const std::vector<int>& pids);

/// Non-blocking sockets on 127.0.0.1; -1 = failed, see errno.
int connect_to(int port);
int listen_on_any();
int port_of(int fd);

/// epoll_pwait2 until `deadline` (of now(); negative = none); 0 = the time came first.
int wait_until(int epoll, epoll_event* events, int most, std::int64_t deadline);
void watch(int epoll, int fd, std::uint32_t events, std::uint64_t data);

/// Says what failed with errno's text and ends the program.
[[noreturn]] void die(const std::string& what);

/// Reads the responses of one connection, one at a time.
class ResponseReader {
 public:
  enum class State { more, done, broken };

  /// Takes bytes; those after a whole response are a broken answer, since nothing is pipelined.
  State feed(std::string_view bytes);
  /// The peer has closed.
  [[nodiscard]] State end() const { return until_close_ ? State::done : State::broken; }
  /// For the next response.
  void reset();

  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] bool closes() const { return closes_; }

 private:
  enum class Chunk { size, data, line_end, trailer };

  bool parse_head(std::string_view head);
  State body(std::string_view bytes);
  State chunks(std::string_view bytes);
  State chunk_line(char byte);

  std::string partial_;  // A head, or a chunk's size, that is not whole yet.
  std::uint64_t left_ = 0;
  int status_ = 0;
  bool in_body_ = false;
  bool chunked_ = false;
  bool until_close_ = false;
  bool closes_ = false;
  Chunk chunk_ = Chunk::size;
};

}  // namespace bench
