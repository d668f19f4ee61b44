#include "access_log/writer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <system_error>

#include "base/memory.hpp"

namespace holdfast::access_log {

namespace {

using Clock = std::chrono::steady_clock;

constexpr mode_t kFileMode = 0644;  // as Envoy
constexpr std::size_t kMaxSpares = 64;
constexpr std::chrono::seconds kKeepSpares{3};
constexpr std::size_t kMaxSpareCapacity = 256U * 1024;
constexpr std::chrono::seconds kReportInterval{60};
constexpr std::chrono::milliseconds kPollSlice{100};
constexpr std::chrono::seconds kLastWait{1};

// O_NONBLOCK: a FIFO without a reader is an error, not a hang.
int open_file(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, kFileMode);
}

std::string message_of(int error) {
  return std::generic_category().message(error);
}

/// An inherited pipe, socket or terminal: its descriptor is shared with others, so it is not made
/// non-blocking, and a write could last for ever.
bool may_block(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && !S_ISREG(status.st_mode);
}

}  // namespace

struct Sink {
  Sink(std::string sink_path, int sink_fd, bool is_owned)
      : path(std::move(sink_path)),
        fd(sink_fd),
        owned(is_owned),
        ask_first(!is_owned && may_block(sink_fd)) {}
  ~Sink() {
    if (owned) ::close(fd);
  }
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  // Constant after construction.
  const std::string path;
  // Touched only on the writer's thread.
  int fd;
  const bool owned;      ///< Opened by us, so closed and reopened by us.
  const bool ask_first;  ///< Written to only as far as poll() says that it takes.
  bool torn = false;     ///< The last text was cut in the middle of a line.
  int reported = 0;      ///< errno of the last report.
  Clock::time_point reported_at;
};

Writer::Writer(Report report, stats::AccessLogStats& stats, std::size_t max_backlog)
    : report_(std::move(report)),
      max_backlog_(max_backlog),
      stats_(stats),
      thread_([this] { run(); }) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    give_up_at_ = Clock::now() + kLastWait;
  }
  wake_.notify_one();
  thread_.join();
}

Writer::Opened Writer::open(const config::AccessLog& log) {
  using Kind = config::AccessLog::Sink;
  std::string path = log.path;
  if (log.sink == Kind::standard_output) path = "/dev/stdout";
  if (log.sink == Kind::standard_error) path = "/dev/stderr";
  const std::lock_guard lock(mutex_);
  for (const auto& sink : sinks_) {
    if (sink->path == path) return {sink.get(), {}};
  }
  int fd;
  bool owned = false;
  if (path ==
      "/dev/stdout") {  // by number: opening it by name fails for a socket, such as systemd's
    fd = STDOUT_FILENO;
  } else if (path == "/dev/stderr") {
    fd = STDERR_FILENO;
  } else {
    fd = open_file(path);
    owned = true;
    if (fd < 0) return {nullptr, "unable to open file '" + path + "': " + message_of(errno)};
  }
  sinks_.push_back(std::make_unique<Sink>(path, fd, owned));
  return {sinks_.back().get(), {}};
}

Writer::Taken Writer::take(Sink& sink, std::string& buffer, bool wait) {
  std::unique_lock lock(mutex_, std::defer_lock);
  if (wait) {
    lock.lock();
  } else if (!lock.try_lock()) {
    return Taken::busy;
  }
  if (backlog_ + buffer.size() > max_backlog_) return Taken::full;
  backlog_ += buffer.size();
  jobs_.push_back({&sink, std::move(buffer)});
  buffer.clear();
  if (!spare_.empty()) {
    buffer = std::move(spare_.back());
    spare_.pop_back();
  }
  lock.unlock();
  wake_.notify_one();
  return Taken::yes;
}

void Writer::reopen() {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back({nullptr, {}});
  }
  wake_.notify_one();
}

/// Buffers that nobody asks for are not kept.
void Writer::wait_for_jobs(std::unique_lock<std::mutex>& lock) {
  const auto awaited = [this] { return stop_ || !jobs_.empty(); };
  if (!spare_.empty() && !wake_.wait_for(lock, kKeepSpares, awaited)) {
    std::vector<std::string> unused;
    unused.swap(spare_);
    lock.unlock();
    unused = {};
    base::return_freed_memory();
    lock.lock();
  }
  wake_.wait(lock, awaited);
}

void Writer::run() {
  // A closed pipe is EPIPE to this thread, and no end to the process.
  sigset_t signals;
  sigfillset(&signals);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  std::unique_lock lock(mutex_);
  while (true) {
    wait_for_jobs(lock);
    if (jobs_.empty()) return;
    work_.swap(jobs_);
    lock.unlock();
    for (Job& job : work_) {
      perform(job);
      lock.lock();
      backlog_ -= job.text.size();
      if (spare_.size() < kMaxSpares && job.text.capacity() <= kMaxSpareCapacity &&
          job.sink != nullptr) {
        job.text.clear();
        spare_.push_back(std::move(job.text));
      }
      lock.unlock();
    }
    work_.clear();
    lock.lock();
  }
}

void Writer::perform(Job& job) {
  if (job.sink == nullptr) return reopen_files();
  write(*job.sink, job.text);
  stats_.write_total_buffered.sub(job.text.size());
}

int Writer::write_all(const Sink& sink, std::string_view& text) {
  const int fd = sink.fd;
  while (!text.empty()) {
    if (sink.ask_first && !wait_until_writable(fd)) return EAGAIN;
    // What poll() says of a pipe holds for PIPE_BUF bytes.
    const std::size_t size =
        sink.ask_first ? std::min<std::size_t>(text.size(), PIPE_BUF) : text.size();
    const ssize_t n = ::write(fd, text.data(), size);
    if (n > 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
    const int error = n < 0 ? errno : ENOSPC;
    if (error == EINTR) continue;
    if (error != EAGAIN || !wait_until_writable(fd)) return error;
  }
  return 0;
}

void Writer::write(Sink& sink, std::string_view text) {
  int error = 0;
  if (sink.torn) {  // end the cut line, so that the next one is whole
    std::string_view end_of_line = "\n";
    error = write_all(sink, end_of_line);
    sink.torn = error != 0;
  }
  const std::size_t whole = text.size();
  if (error == 0) {
    error = write_all(sink, text);
    sink.torn = error != 0 && text.size() < whole;
  }
  if (error == 0) {
    stats_.write_completed.add();
    return;
  }
  stats_.write_failed.add();
  report_once(sink, error, "write to");
}

bool Writer::wait_until_writable(int fd) {
  // While it waits the backlog fills up, and lines are dropped there; at the end it doesn't wait
  // for ever.
  while (true) {
    bool last_try = false;
    {
      const std::lock_guard lock(mutex_);
      last_try = stop_ && Clock::now() >= give_up_at_;
    }
    pollfd entry{fd, POLLOUT, 0};
    const int ready = ::poll(&entry, 1, last_try ? 0 : static_cast<int>(kPollSlice.count()));
    if (ready > 0) return true;
    if (last_try || (ready < 0 && errno != EINTR)) return false;
  }
}

void Writer::reopen_files() {
  std::vector<Sink*> sinks;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& sink : sinks_) sinks.push_back(sink.get());
  }
  for (Sink* sink : sinks) {
    if (!sink->owned) continue;
    const int fd = open_file(sink->path);
    if (fd < 0) {
      stats_.reopen_failed.add();
      report_once(*sink, errno, "reopen");
      continue;
    }
    ::close(sink->fd);
    sink->fd = fd;
    sink->torn = false;
    sink->reported = 0;
  }
}

void Writer::report_once(Sink& sink, int error, std::string_view doing) {
  const Clock::time_point now = Clock::now();
  if (error == sink.reported && now - sink.reported_at < kReportInterval) return;
  sink.reported = error;
  sink.reported_at = now;
  if (report_) {
    report_("unable to " + std::string(doing) + " access log '" + sink.path +
            "': " + message_of(error));
  }
}

}  // namespace holdfast::access_log
