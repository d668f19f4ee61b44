#include "base/log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>

namespace holdfast::base {
namespace {

constexpr std::size_t kComponents = static_cast<std::size_t>(Component::count_);
constexpr std::array<std::string_view, kComponents> kComponentNames = {
    "access_log", "admin", "config", "connection", "dns",      "filter", "http",
    "main",       "pool",  "router", "stats",      "upstream", "wasm"};
constexpr std::array<std::string_view, 7> kLevelNames = {"trace", "debug",    "info", "warning",
                                                         "error", "critical", "off"};

spdlog::level::level_enum to_spdlog(LogLevel level) {
  return static_cast<spdlog::level::level_enum>(level);
}

using Clock = std::chrono::steady_clock;

/// A reader that stalls, or a full disk, must not hold up whoever has something to say: so much
/// patience for a line, and after one that was lost none are tried for a while.
constexpr std::chrono::milliseconds kPatience{20};
constexpr std::chrono::seconds kPause{1};

std::atomic<std::uint64_t> lines_lost{0};

/// One write(2) per line on a descriptor: no buffer to lose, and the file can be opened anew.
class DescriptorSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  ~DescriptorSink() override { close_own(); }

  /// Empty path = stderr. Returns why it failed, else an empty string.
  std::string open(const std::string& path) {
    const std::lock_guard lock(mutex_);
    int fd = STDERR_FILENO;
    if (!path.empty()) {
      fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
      if (fd < 0) return path + ": " + std::strerror(errno);
    }
    close_own();
    fd_ = fd;
    path_ = path;
    torn_ = false;
    paused_until_ = {};
    return {};
  }

  std::string reopen() {
    std::string path;
    {
      const std::lock_guard lock(mutex_);
      path = path_;
    }
    return open(path);
  }

  void colour(bool on) { colour_ = on; }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (colour_ && message.color_range_end > message.color_range_start) {
      paint(message, line);
    }
    if (Clock::now() >= paused_until_ && (!torn_ || write_all("\n")) &&
        write_all({line.data(), line.size()})) {
      return;
    }
    lines_lost.fetch_add(1, std::memory_order_relaxed);  // Where else could it be told?
  }
  void flush_() override {}

 private:
  /// False: could not be written whole; `torn_` tells whether part of it was.
  bool write_all(std::string_view text) {
    const std::size_t whole = text.size();
    while (!text.empty()) {
      pollfd entry{fd_, POLLOUT, 0};
      const int ready = ::poll(&entry, 1, static_cast<int>(kPatience.count()));
      if (ready < 0 && errno == EINTR) continue;
      // What poll() says of a pipe holds for PIPE_BUF bytes.
      const ssize_t written =
          ready > 0 ? ::write(fd_, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF)) : -1;
      if (ready > 0 && written < 0 && errno == EINTR) continue;
      if (written <= 0) {
        paused_until_ = Clock::now() + kPause;
        torn_ = torn_ || text.size() != whole;
        return false;
      }
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    torn_ = false;
    return true;
  }

  static void paint(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line) {
    static constexpr std::array<std::string_view, 7> kColours = {
        "\033[37m", "\033[36m", "\033[32m", "\033[33;1m", "\033[31;1m", "\033[1;41m", ""};
    static constexpr std::string_view kReset = "\033[m";
    const std::string_view plain(line.data(), line.size());
    std::string painted(plain.substr(0, message.color_range_start));
    painted += kColours.at(static_cast<std::size_t>(message.level));
    painted += plain.substr(message.color_range_start,
                            message.color_range_end - message.color_range_start);
    painted += kReset;
    painted += plain.substr(message.color_range_end);
    line.clear();
    line.append(painted.data(), painted.data() + painted.size());
  }

  void close_own() {
    if (fd_ > STDERR_FILENO) ::close(fd_);
  }

  int fd_ = STDERR_FILENO;
  bool colour_ = false;
  bool torn_ = false;  ///< A line was cut in its middle.
  Clock::time_point paused_until_;
  std::string path_;
};

struct Loggers {
  std::shared_ptr<DescriptorSink> sink = std::make_shared<DescriptorSink>();
  std::array<std::unique_ptr<spdlog::logger>, kComponents> all;

  Loggers() {
    sink->set_formatter(
        std::make_unique<spdlog::pattern_formatter>(std::string(kDefaultLogFormat)));
    for (std::size_t i = 0; i < kComponents; ++i) {
      all.at(i) = std::make_unique<spdlog::logger>(std::string(kComponentNames.at(i)), sink);
    }
  }
};

Loggers& loggers() {
  static Loggers instance;
  return instance;
}

bool wants_colour(const LogOptions& options) {
  const char* no_color = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe): before threads
  const char* terminal = std::getenv("TERM");      // NOLINT(concurrency-mt-unsafe)
  return options.path.empty() && (no_color == nullptr || *no_color == '\0') &&
         terminal != nullptr && std::string_view(terminal) != "dumb" &&
         ::isatty(STDERR_FILENO) != 0;
}

}  // namespace

std::string configure_log(const LogOptions& options) {
  Loggers& log = loggers();
  if (std::string problem = log.sink->open(options.path); !problem.empty()) return problem;
  const bool colour = wants_colour(options);
  std::string format = options.format;
  if (format.empty()) {
    format = colour ? "[%Y-%m-%d %T.%e][%t][%^%l%$][%n] [%g:%#] %v" : kDefaultLogFormat;
  }
  log.sink->colour(colour);
  log.sink->set_formatter(std::make_unique<spdlog::pattern_formatter>(format));
  set_log_level(options.level);
  for (const auto& [component, level] : options.component_levels) set_log_level(component, level);
  return {};
}

void reopen_log() {
  if (const std::string problem = loggers().sink->reopen(); !problem.empty()) {
    log(Component::main, LogLevel::error, "cannot open the log file again: " + problem);
  }
}

spdlog::logger& logger(Component component) {
  return *loggers().all.at(static_cast<std::size_t>(component));
}

void log(Component component, LogLevel level, std::string_view message,
         std::source_location where) {
  const spdlog::source_loc location{where.file_name(), static_cast<int>(where.line()),
                                    where.function_name()};
  logger(component).log(location, to_spdlog(level),
                        spdlog::string_view_t(message.data(), message.size()));
}

bool LogGate::try_pass() noexcept {
  constexpr std::int64_t kClosed = 60;
  const std::int64_t now =
      std::chrono::duration_cast<std::chrono::seconds>(Clock::now().time_since_epoch()).count() + 1;
  std::int64_t until = closed_until_.load(std::memory_order_relaxed);
  return now > until && closed_until_.compare_exchange_strong(until, now + kClosed);
}

std::uint64_t log_lines_lost() noexcept {
  return lines_lost.load(std::memory_order_relaxed);
}

bool log_enabled(Component component, LogLevel level) {
  return logger(component).should_log(to_spdlog(level));
}

LogLevel log_level(Component component) {
  return static_cast<LogLevel>(logger(component).level());
}

void set_log_level(Component component, LogLevel level) {
  logger(component).set_level(to_spdlog(level));
}

void set_log_level(LogLevel level) {
  for (const auto& one : loggers().all) one->set_level(to_spdlog(level));
}

std::optional<LogLevel> parse_log_level(std::string_view word) {
  if (word == "warn") return LogLevel::warning;
  if (word == "err") return LogLevel::error;
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames.at(i) == word) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

std::optional<Component> parse_component(std::string_view name) {
  for (std::size_t i = 0; i < kComponents; ++i) {
    if (kComponentNames.at(i) == name) return static_cast<Component>(i);
  }
  return std::nullopt;
}

std::string_view to_string(LogLevel level) {
  return kLevelNames.at(static_cast<std::size_t>(level));
}

std::string_view to_string(Component component) {
  return kComponentNames.at(static_cast<std::size_t>(component));
}

}  // namespace holdfast::base
