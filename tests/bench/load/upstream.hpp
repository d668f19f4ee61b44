// An upstream that answers GETs at once or after a fixed time, for tens of thousands of requests
// under way.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace bench {

class Upstream {
 public:
  /// One port that answers at once, and `delayed` ports that answer after `delay` nanoseconds.
  /// (Several, because two addresses and one port allow no more connections than there are
  /// ephemeral ports.)
  Upstream(int delayed, std::int64_t delay);

  /// Prints {"plain": PORT, "delayed": [PORT, ...]}, serves until `*stop`, prints what came.
  void run(const volatile std::sig_atomic_t* stop);

 private:
  struct Listener {
    int fd;
    bool delayed;
  };
  struct Connection {
    std::uint32_t generation = 0;
    bool delayed = false;
    std::string partial;
  };
  struct Due {
    std::int64_t time;
    int fd;
    std::uint32_t generation;
  };

  void accept_from(const Listener& listener);
  void read(int fd);
  void answer(int fd);
  void answer_due(std::int64_t time);

  int epoll_;
  std::int64_t delay_;
  std::vector<Listener> listeners_;
  std::vector<Connection> connections_;  // By descriptor.
  std::deque<Due> due_;                  // In order: the delay is the same for all.
  std::uint64_t requests_ = 0;
  std::uint64_t accepted_ = 0;
  std::uint64_t lost_ = 0;  // Connections that closed before they were answered.
  std::size_t peak_ = 0;
};

}  // namespace bench
