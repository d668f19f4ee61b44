// POST /logging, /drain_listeners, /healthcheck/fail, /healthcheck/ok, /quitquitquit, /reopen_logs.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/endpoints.hpp"

namespace holdfast::admin {

namespace {

constexpr std::array<std::string_view, 7> kLevels{"trace", "debug",    "info", "warning",
                                                  "error", "critical", "off"};

using Changes = std::vector<std::pair<std::string, std::string>>;  ///< Logger (empty: all), level.

/// What the query asks for; or, in `error`, what is wrong with it, in Envoy's words.
Changes parse_changes(const Target& target, std::string& error) {
  Changes changes;
  if (target.query.empty()) return changes;
  if (target.query.size() > 1) {
    error = "invalid number of parameters";
    return changes;
  }
  const auto& [key, value] = target.query.front();
  if (key == "level") {
    if (!value.empty()) changes.emplace_back(std::string(), value);
    return changes;
  }
  std::string_view rest = value;
  if (key != "paths") {
    changes.emplace_back(key, value);
  } else {
    do {
      const std::string_view item = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), item.size() + 1));
      const std::size_t colon = item.find(':');
      changes.emplace_back(item.substr(0, colon), colon == std::string_view::npos
                                                      ? std::string_view()
                                                      : item.substr(colon + 1));
    } while (!rest.empty());
  }
  for (const auto& [name, level] : changes) {
    if (name.empty() || level.empty()) error = "empty logger name or empty logger level";
  }
  return changes;
}

std::string check(const Changes& changes, const std::vector<Logger>& loggers) {
  for (const auto& [name, level] : changes) {
    if (std::find(kLevels.begin(), kLevels.end(), level) == kLevels.end()) {
      return "unknown logger level";
    }
  }
  for (const auto& change : changes) {
    const auto is_named = [&](const Logger& logger) { return logger.name == change.first; };
    if (!change.first.empty() && std::none_of(loggers.begin(), loggers.end(), is_named)) {
      return "unknown logger name";
    }
  }
  return {};
}

}  // namespace

Response Endpoints::logging(const Target& target) const {
  std::string error;
  const Changes changes = parse_changes(target, error);
  // All or nothing: a mistake in one part of `paths` must not leave the rest applied.
  if (error.empty()) error = check(changes, hooks_.loggers());
  for (const auto& [name, level] : changes) {
    if (error.empty() && !hooks_.set_log_level(name, level)) error = "unknown logger name";
  }
  std::string out;
  if (!error.empty()) {
    out = "error: " + error +
          "\n\nusage: /logging?<name>=<level> (change single level)\n"
          "usage: /logging?paths=name1:level1,name2:level2,... (change multiple levels)\n"
          "usage: /logging?level=<level> (change all levels)\nlevels: ";
    for (const std::string_view level : kLevels) out.append(level).append(" ");
    out += '\n';
  }
  out += "active loggers:\n";
  for (const Logger& logger : hooks_.loggers())
    out += "  " + logger.name + ": " + logger.level + '\n';
  return {error.empty() ? 200U : 400U, out + '\n'};
}

Response Endpoints::drain_listeners(const Target& target) const {
  // No listener is inbound where listeners have no traffic_direction: Envoy drains none then.
  if (!target.has("inboundonly")) {
    hooks_.drain_listeners(target.has("skip_exit")  ? Drain::skip_exit
                           : target.has("graceful") ? Drain::graceful
                                                    : Drain::at_once);
  }
  return {200, "OK\n"};
}

Response Endpoints::healthcheck_fail(const Target&) const {
  hooks_.healthcheck_fail(true);
  return {200, "OK\n"};
}

Response Endpoints::healthcheck_ok(const Target&) const {
  hooks_.healthcheck_fail(false);
  return {200, "OK\n"};
}

Response Endpoints::quitquitquit(const Target&) const {
  return {200, "OK\n", kText, hooks_.quit};
}

Response Endpoints::reopen_logs(const Target&) const {
  hooks_.reopen_logs();
  return {200, "OK\n"};
}

}  // namespace holdfast::admin
