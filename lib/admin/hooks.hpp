// What the admin server asks of the rest of the process, and what it may order: a struct of
// functions.
//
// Owner: the server room fills it before AdminServer::start(); all functions run on the control
// thread, must not block, and must be set (the admin server calls them unchecked), except where it
// says optional.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stats/registry.hpp"

namespace holdfast::admin {

/// Envoy's ServerInfo.State, with its numbers (also server.state).
enum class ServerState : std::uint8_t {
  live = 0,
  draining = 1,
  pre_initializing = 2,
  initializing = 3
};

struct ListenerInfo {
  std::string name;
  std::string address;     ///< An IP literal, IPv6 without brackets.
  std::uint16_t port = 0;  ///< The port really bound.
};

/// Sums over the workers of a host's stats::HostStats.
struct HostCounts {
  std::uint64_t cx_active = 0;
  std::uint64_t cx_connect_fail = 0;
  std::uint64_t cx_total = 0;
  std::uint64_t rq_active = 0;
  std::uint64_t rq_error = 0;
  std::uint64_t rq_pending_active = 0;
  std::uint64_t rq_success = 0;
  std::uint64_t rq_timeout = 0;
  std::uint64_t rq_total = 0;

  void add(const stats::HostStats& worker) noexcept;
};

struct HostInfo {
  std::string address;  ///< An IP literal, IPv6 without brackets.
  std::uint16_t port = 0;
  std::string hostname;  ///< The name that was resolved; empty for an endpoint given by address.
  std::uint32_t weight = 1;
  bool healthy = true;
  HostCounts counts;
};

struct CircuitBreakerLimits {
  std::uint32_t max_connections = 1024;
  std::uint32_t max_pending_requests = 1024;
  std::uint32_t max_requests = 1024;
  std::uint32_t max_retries = 3;
};

struct ClusterInfo {
  std::string name;
  bool added_via_api = false;
  CircuitBreakerLimits limits;
  std::vector<HostInfo> hosts;
};

struct ServerInfo {
  std::string version;  ///< E.g. "holdfast/0.1.0/RELEASE".
  std::chrono::seconds uptime{0};
  std::string node_id;
  std::string node_cluster;
  /// command_line_options: name and JSON text of its value, in the order to print.
  std::vector<std::pair<std::string, std::string>> options;
};

struct Logger {
  std::string name;
  std::string level;  ///< trace, debug, info, warning, error, critical, off.
};

enum class Drain : std::uint8_t { at_once, graceful, skip_exit };

/// One admin request, for the admin access log.
struct RequestFacts {
  std::chrono::system_clock::time_point start;
  std::chrono::nanoseconds duration{0};
  std::string_view method;
  std::string_view path;  ///< With the query.
  std::string_view user_agent;
  std::string_view authority;
  std::string_view client_address;  ///< "127.0.0.1:50000"
  unsigned status = 0;
  std::uint64_t bytes_received = 0;  ///< Body.
  std::uint64_t bytes_sent = 0;      ///< Body.
};

struct AdminHooks {
  stats::Registry* registry = nullptr;
  /// Optional: called before the registry is read, to bring gauges up to date.
  std::function<void()> refresh;
  std::function<ServerState()> ready_state;
  std::function<std::vector<ListenerInfo>()> listeners;
  std::function<std::vector<ClusterInfo>()> clusters;
  std::function<ServerInfo()> server_info;
  std::function<std::string()> config_dump_json;
  std::function<std::vector<Logger>()> loggers;
  /// `level` is one of Logger::level's words; false = no such logger. An empty name sets all.
  std::function<bool(std::string_view name, std::string_view level)> set_log_level;
  std::function<void(Drain)> drain_listeners;
  std::function<void(bool fail)> healthcheck_fail;
  /// Called after the answer is on its way to the client.
  std::function<void()> quit;
  std::function<void()> reopen_logs;
  std::function<void(const RequestFacts&)> access_log;  ///< Optional.
};

}  // namespace holdfast::admin
