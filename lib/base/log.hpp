// Diagnostics: one named logger per part of the program, as Envoy names them, over spdlog.
//
// Owner: the process; the loggers live from the first use until exit. Before configure_log() they
// write to stderr at level info. Any thread may log, ask for or set a level; configure_log() runs
// before other threads start. This is for people who look for a fault: nothing on the path of a
// request logs above debug. The access log is another thing (lib/access_log).
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spdlog {
class logger;
}

namespace holdfast::base {

/// Same order and values as spdlog::level::level_enum.
enum class LogLevel : std::uint8_t { trace, debug, info, warning, error, critical, off };

enum class Component : std::uint8_t {
  access_log,
  admin,
  config,
  connection,
  dns,
  filter,
  http,
  main,
  pool,
  router,
  stats,
  upstream,
  wasm,
  count_  ///< Not a component: their number.
};

struct LogOptions {
  LogLevel level = LogLevel::info;
  std::vector<std::pair<Component, LogLevel>> component_levels;
  std::string path;  ///< Empty = stderr.
  std::string
      format;  ///< spdlog's pattern; empty = Envoy's default pattern, in colour on a terminal.
};

/// Envoy's `--log-format` default.
inline constexpr std::string_view kDefaultLogFormat = "[%Y-%m-%d %T.%e][%t][%l][%n] [%g:%#] %v";

/// Returns an empty string, or why the file cannot be opened.
std::string configure_log(const LogOptions& options);

/// Opens the file of `--log-path` anew (after logrotate moved it). Keeps the old one if that fails,
/// and says so.
void reopen_log();

/// For SPDLOG_LOGGER_* with a formatted message; includes of spdlog stay in .cpp files.
spdlog::logger& logger(Component component);

/// Writes an already made message; needs no spdlog header. Ask log_enabled() first where making it
/// costs.
void log(Component component, LogLevel level, std::string_view message,
         std::source_location where = std::source_location::current());
bool log_enabled(Component component, LogLevel level);

/// Lines that could not be written: disk full, pipe closed, or nobody reads it.
[[nodiscard]] std::uint64_t log_lines_lost() noexcept;

/// For trouble that would be told with each connection: lets one message a minute through, over all
/// threads.
class LogGate {
 public:
  [[nodiscard]] bool try_pass() noexcept;

 private:
  std::atomic<std::int64_t> closed_until_{0};  ///< Seconds of the steady clock.
};

LogLevel log_level(Component component);
void set_log_level(Component component, LogLevel level);
void set_log_level(LogLevel level);  ///< All components.

/// Envoy's words: trace, debug, info, warning or warn, error or err, critical, off.
std::optional<LogLevel> parse_log_level(std::string_view word);
std::optional<Component> parse_component(std::string_view name);
std::string_view to_string(LogLevel level);
std::string_view to_string(Component component);

}  // namespace holdfast::base
