// The thread that writes access logs, and the files it writes to.
//
// Owner: the server; outlives all Logs. Threads: open() on the control thread before the first Log;
// take() on any worker; reopen() anywhere but in a signal handler; all write(2)s on the writer's
// own thread. Always holds: at most kMaxBacklog bytes wait; what is beyond is dropped and counted,
// and no worker waits for a disk. A sink that fails (ENOSPC, EPIPE, ...) costs its buffers and one
// message, never the process.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "config/config.hpp"
#include "stats/scopes.hpp"

namespace holdfast::access_log {

struct Sink;

class Writer {
 public:
  static constexpr std::size_t kMaxBacklog = 16U * 1024 * 1024;

  /// Gets one line of text for each kind of trouble (not for each failed write). Called on the
  /// writer's thread.
  using Report = std::function<void(std::string_view message)>;

  /// `stats` is written by the writer's thread alone.
  Writer(Report report, stats::AccessLogStats& stats, std::size_t max_backlog = kMaxBacklog);
  /// Writes all that was handed over (for at most a second where the reader of a pipe doesn't
  /// read).
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  struct Opened {
    Sink* sink = nullptr;  ///< Null exactly when there is an error.
    std::string error;
  };
  /// The file (created if need be, always appended to), standard output or standard error. Logs
  /// with one path share one sink.
  [[nodiscard]] Opened open(const config::AccessLog& log);

  enum class Taken : std::uint8_t { yes, busy, full };
  /// Take over the text in `buffer`, which comes back empty, with the capacity of another. busy
  /// (only if not `wait`): another thread is in here, try later. full: the backlog is; nothing is
  /// taken.
  [[nodiscard]] Taken take(Sink& sink, std::string& buffer, bool wait);

  /// Open all files anew (after logrotate moved them). Text that was taken before still goes to the
  /// old ones. A file that can't be opened is kept as it was, reported and counted.
  void reopen();

 private:
  struct Job {
    Sink* sink;  ///< Null: reopen.
    std::string text;
  };
  void run();
  void wait_for_jobs(std::unique_lock<std::mutex>& lock);
  void perform(Job& job);
  void write(Sink& sink, std::string_view text);
  /// 0, or the errno that ended it; `text` is then what is left.
  [[nodiscard]] int write_all(const Sink& sink, std::string_view& text);
  void reopen_files();
  void report_once(Sink& sink, int error, std::string_view doing);
  [[nodiscard]] bool wait_until_writable(int fd);

  // Constant after construction.
  const Report report_;
  const std::size_t max_backlog_;
  // Under mutex_.
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job> jobs_;
  std::vector<std::string> spare_;  ///< Empty buffers with capacity.
  std::vector<std::unique_ptr<Sink>> sinks_;
  std::size_t backlog_ = 0;
  bool stop_ = false;
  std::chrono::steady_clock::time_point give_up_at_;  ///< With stop_: for pipes that nobody reads.
  // Touched only on the writer's thread.
  stats::AccessLogStats& stats_;
  std::vector<Job> work_;
  std::thread thread_;  ///< Last: starts when all else stands.
};

}  // namespace holdfast::access_log
