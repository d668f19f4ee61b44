#include "base/log.hpp"

#include <fcntl.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <cerrno>
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
    const char* data = line.data();
    std::size_t left = line.size();
    while (left > 0) {
      const ssize_t written = ::write(fd_, data, left);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;  // A full disk or closed stderr: there is nowhere to report it to.
      data += written;
      left -= static_cast<std::size_t>(written);
    }
  }
  void flush_() override {}

 private:
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
