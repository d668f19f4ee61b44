// The load generator: one thread, one epoll, many connections to one port on loopback.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "histogram.hpp"
#include "wire.hpp"

namespace bench {

struct Options {
  int port = 0;
  std::string request;  // As it is sent.
  std::size_t connections = 1;
  double rate = 0;  // Requests per second whatever the answers do; 0 = closed loop.
  double warmup = 0;
  double seconds = 1;
  bool churn = false;     // A new connection for each request.
  bool prime = false;     // hold: one request on each connection before it counts as idle.
  int storms = 1;         // storm: how many, one after the other.
  std::vector<int> pids;  // Whose CPU time is taken over the measured window.
};

/// What came of it. Errors count from the first connect to the last answer; the rest is of the
/// measured window.
struct Outcome {
  std::uint64_t total = 0;     // Whole responses, warm-up included.
  std::uint64_t requests = 0;  // Whole responses in the window.
  std::uint64_t failed = 0;    // Connections that broke under a request, or could not be made.
  std::uint64_t bad = 0;       // Responses that are not 2xx.
  std::uint64_t connects = 0;  // Of the whole run.
  std::size_t backlog = 0;     // Open loop: most requests that were due and had no connection.
  std::int64_t late =
      0;  // Open loop: the latest that one was sent after its time, with a connection free.
  double seconds = 0;
  std::int64_t cpu = 0;
  Histogram latency;
};

class Client {
 public:
  explicit Client(const Options& options);

  /// Each prints one JSON object and returns.
  void closed_or_open_loop();
  void storm();
  /// Opens all, prints {"ready": N}; each "go" line of stdin sends one request on every connection
  /// at once and prints when all are answered. Ends with stdin.
  void hold();

 private:
  enum class Stage { closed, connecting, idle, busy };
  struct Connection {
    int fd = -1;
    Stage stage = Stage::closed;
    std::int64_t start = 0;
    std::size_t sent = 0;
    ResponseReader reader;
  };

  void open(std::size_t at);
  void close(std::size_t at);
  void connect_all(std::size_t at_once);
  void send_on(std::size_t at, std::int64_t start);
  void write(std::size_t at);
  void event(std::size_t at, std::uint32_t events);
  void read(std::size_t at, bool ending);
  void ended(std::size_t at);
  void answered(std::size_t at);
  void broken(std::size_t at);
  void free_again(std::size_t at);
  void turn(std::int64_t deadline);
  void run_until(std::int64_t end);
  void send_due(std::int64_t time);
  void begin_window();
  void end_window();
  void print() const;
  void send_on_all(std::size_t at_once);

  Options options_;
  int epoll_;
  std::vector<Connection> connections_;
  std::deque<std::size_t>
      idle_;  // Open loop: connections without a request, the longest idle first.
  std::deque<std::int64_t> queue_;  // Open loop: times of requests that wait for a connection.
  std::int64_t interval_ = 0;
  std::int64_t next_due_ = -1;
  std::int64_t window_begin_ = 0;
  std::size_t connecting_ = 0;
  std::size_t busy_ = 0;
  bool go_on_ = false;     // Closed loop: the next request follows its predecessor's answer.
  bool stopping_ = false;  // No connection is made anew.
  bool one_each_ = false;  // storm: one request on each connection.
  std::vector<char> buffer_;
  Outcome outcome_;
};

}  // namespace bench
