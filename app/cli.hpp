// The command line: Envoy's flags, Holdfast's subcommands, the environment, and the exit codes.
//
// parse_command_line() is the only door. It prints help, version and usage errors itself; CLI11's
// own exit codes (100 and up) never leave it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/log.hpp"

namespace holdfast::app {

enum class ExitCode : int {
  ok = 0,
  runtime = 1,     ///< The configuration is right, but e.g. an address cannot be bound.
  usage = 2,       ///< The command line is wrong.
  bad_config = 78  ///< EX_CONFIG of sysexits.h; systemd shows it by name.
};

enum class Command : std::uint8_t { serve, validate, check, schema, docs, healthcheck, run };

struct TryOut {  ///< `holdfast run`
  std::string listen = ":18000";
  std::string to;  ///< HOST:PORT, or "staticreply".
  std::uint16_t dispatch = 3;
  std::string admin;  ///< Empty = no admin server.
  bool print = false;
};

struct Arguments {
  Command command = Command::serve;
  std::string config_path;
  std::string config_yaml;
  unsigned concurrency = 1;
  unsigned drain_time_s = 30;
  std::string admin_address_path;
  std::string service_cluster;
  std::string service_node;
  base::LogOptions log;
  bool dump = false;           ///< check --dump
  std::string health_address;  ///< healthcheck --admin; empty = the one of the configuration.
  TryOut try_out;
  std::vector<std::string> ignored;  ///< Envoy's flags that were given and mean nothing here.
  std::string command_line;          ///< As given, for /server_info.
};

/// The arguments, or the code to exit with because everything that was asked for is done or wrong.
std::variant<Arguments, ExitCode> parse_command_line(int argc, const char* const* argv);

}  // namespace holdfast::app
