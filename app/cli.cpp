#include "cli.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <deque>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "version.hpp"

namespace holdfast::app {
namespace {

constexpr unsigned kMaxWorkers = 512;

constexpr std::string_view kHelp =
    R"(Holdfast: an HTTP proxy that holds each response for its side requests.

  holdfast -c FILE                 serve it: a strict subset of Envoy's YAML
  holdfast check FILE [--dump]     list all that is wrong; --dump: print as JSON
  holdfast run --to HOST:PORT|staticreply [--listen :18000] [--dispatch 3]
               [--admin :18001] [--print]                 try it without a file
  holdfast schema                  JSON Schema of the configuration, for editors
  holdfast healthcheck [--admin HOST:PORT]       ask /ready of the one that runs

  -c, --config-path FILE        or HOLDFAST_CONFIG
      --config-yaml TEXT        instead of FILE, or merged over it
      --mode serve|validate     validate: read the configuration, say OK, exit
      --concurrency N           workers, or HOLDFAST_CONCURRENCY; default: cores
  -l, --log-level LEVEL         trace debug info warning error critical off,
                                or HOLDFAST_LOG_LEVEL
      --component-log-level L   for example dns:debug,upstream:trace
      --log-path FILE           diagnostics; default: stderr
      --log-format PATTERN      as spdlog's; default: as Envoy's
      --drain-time-s N          at SIGTERM, time for requests in flight (30)
      --version, -h, --help     Envoy's other flags are accepted without effect
Exit codes: 0 done, 1 failed at run time, 2 wrong usage, 78 wrong configuration.
Signals: TERM, INT drain (a second one ends at once); USR1 opens log files anew.
)";

// Envoy's flags without meaning here: hot restart, process layout, xDS. Accepted so that a command
// line written for Envoy starts Holdfast, too; each is noted at debug.
constexpr std::array<std::string_view, 16> kIgnoredFlags = {"--disable-hot-restart",
                                                            "--use-dynamic-base-id",
                                                            "--hot-restart-version",
                                                            "--skip-hot-restart-on-no-parent",
                                                            "--skip-hot-restart-parent-stats",
                                                            "--allow-unknown-static-fields",
                                                            "--allow-unknown-fields",
                                                            "--reject-unknown-dynamic-fields",
                                                            "--ignore-unknown-dynamic-fields",
                                                            "--enable-mutex-tracing",
                                                            "--cpuset-threads",
                                                            "--enable-fine-grain-logging",
                                                            "--enable-core-dump",
                                                            "--skip-deprecated-logs",
                                                            "--log-format-escaped",
                                                            "--log-stacktrace-single-entry"};
constexpr std::array<std::string_view, 13> kIgnoredValues = {"--base-id",
                                                             "--base-id-path",
                                                             "--restart-epoch",
                                                             "--parent-shutdown-time-s",
                                                             "--drain-strategy",
                                                             "--service-zone",
                                                             "--file-flush-interval-msec",
                                                             "--file-flush-min-size-kb",
                                                             "--local-address-ip-version",
                                                             "--disable-extensions",
                                                             "--socket-path",
                                                             "--socket-mode",
                                                             "--stats-tag"};

/// What CLI11 fills; turned into Arguments once all of it is there.
struct Raw {
  Arguments arguments;
  std::string mode = "serve";
  std::string log_level = "info";
  std::string component_levels;
  std::string file;
  std::optional<unsigned> concurrency;
  std::deque<std::string> ignored_values;
};

class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

unsigned core_count() {
  return std::clamp(std::thread::hardware_concurrency(), 1U, kMaxWorkers);
}

void add_serve_options(CLI::App& app, Raw& raw) {
  Arguments& to = raw.arguments;
  app.add_option("-c,--config-path", to.config_path)->envname("HOLDFAST_CONFIG");
  app.add_option("--config-yaml", to.config_yaml);
  app.add_option("--mode", raw.mode)->check(CLI::IsMember({"serve", "validate", "init_only"}));
  app.add_option("--concurrency", raw.concurrency)
      ->check(CLI::Range(0U, kMaxWorkers))
      ->envname("HOLDFAST_CONCURRENCY");
  app.add_option("-l,--log-level", raw.log_level)->envname("HOLDFAST_LOG_LEVEL");
  app.add_option("--component-log-level", raw.component_levels);
  app.add_option("--log-path", to.log.path);
  app.add_option("--log-format", to.log.format);
  app.add_option("--drain-time-s", to.drain_time_s)->check(CLI::Range(0U, 86'400U));
  app.add_option("--admin-address-path", to.admin_address_path);
  app.add_option("--service-cluster", to.service_cluster);
  app.add_option("--service-node", to.service_node);
}

void add_ignored_options(CLI::App& app, Raw& raw) {
  for (const std::string_view name : kIgnoredFlags) app.add_flag(std::string(name));
  for (const std::string_view name : kIgnoredValues) {
    app.add_option(std::string(name), raw.ignored_values.emplace_back())
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
}

void add_subcommands(CLI::App& app, Raw& raw) {
  Arguments& to = raw.arguments;
  CLI::App* check = app.add_subcommand("check");
  check->add_option("FILE", raw.file);
  check->add_flag("--dump", to.dump);
  CLI::App* run = app.add_subcommand("run");
  run->add_option("--listen", to.try_out.listen);
  run->add_option("--to", to.try_out.to)->required();
  run->add_option("--dispatch", to.try_out.dispatch)->check(CLI::Range(0, 65'535));
  run->add_option("--admin", to.try_out.admin);
  run->add_flag("--print", to.try_out.print);
  CLI::App* health = app.add_subcommand("healthcheck");
  health->add_option("--admin", to.health_address);
  app.add_subcommand("schema");
  app.add_subcommand("docs");
  for (CLI::App* sub : app.get_subcommands({})) {
    sub->set_help_flag();  // `holdfast run --help` falls through to the one help screen.
    sub->fallthrough();
  }
  app.require_subcommand(0, 1);
}

Command chosen_command(const CLI::App& app, const Raw& raw) {
  if (app.got_subcommand("check")) return Command::check;
  if (app.got_subcommand("run")) return Command::run;
  if (app.got_subcommand("healthcheck")) return Command::healthcheck;
  if (app.got_subcommand("schema")) return Command::schema;
  if (app.got_subcommand("docs")) return Command::docs;
  return raw.mode == "serve" ? Command::serve : Command::validate;
}

base::LogLevel level_or_throw(const std::string& word) {
  if (const auto level = base::parse_log_level(word)) return *level;
  throw UsageError("unknown log level '" + word +
                   "': one of trace, debug, info, warning, error, critical, off");
}

/// "dns:debug,http:trace"
std::vector<std::pair<base::Component, base::LogLevel>> component_levels(const std::string& list) {
  std::vector<std::pair<base::Component, base::LogLevel>> levels;
  std::istringstream words(list);
  for (std::string word; std::getline(words, word, ',');) {
    const std::size_t colon = word.find(':');
    const auto component = base::parse_component(word.substr(0, colon));
    if (colon == std::string::npos || !component) {
      std::string names;
      for (unsigned i = 0; i < static_cast<unsigned>(base::Component::count_); ++i) {
        names += (i == 0 ? "" : ", ") + std::string(to_string(static_cast<base::Component>(i)));
      }
      throw UsageError("--component-log-level: '" + word + "' is not NAME:LEVEL; names: " + names);
    }
    levels.emplace_back(*component, level_or_throw(word.substr(colon + 1)));
  }
  return levels;
}

Arguments finish(const CLI::App& app, Raw& raw) {
  Arguments arguments = std::move(raw.arguments);
  arguments.command = chosen_command(app, raw);
  // Envoy, too, runs one worker when asked for none.
  arguments.concurrency = raw.concurrency ? std::max(*raw.concurrency, 1U) : core_count();
  arguments.log.level = level_or_throw(raw.log_level);
  arguments.log.component_levels = component_levels(raw.component_levels);
  if (!raw.file.empty()) {
    arguments.config_path = raw.file;
    arguments.config_yaml.clear();
  }
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = option->get_name();
    const bool known = std::ranges::find(kIgnoredFlags, name) != kIgnoredFlags.end() ||
                       std::ranges::find(kIgnoredValues, name) != kIgnoredValues.end();
    if (known && option->count() > 0) arguments.ignored.push_back(name);
  }
  const bool needs_config = arguments.command == Command::serve ||
                            arguments.command == Command::validate ||
                            arguments.command == Command::check;
  if (needs_config && arguments.config_path.empty() && arguments.config_yaml.empty()) {
    throw UsageError(
        "no configuration: give -c FILE or --config-yaml TEXT, or try 'holdfast run --to "
        "staticreply'");
  }
  return arguments;
}

ExitCode usage(const std::string& what) {
  std::cerr << "holdfast: " << what << "\nTry 'holdfast --help'.\n";
  return ExitCode::usage;
}

}  // namespace

std::variant<Arguments, ExitCode> parse_command_line(int argc, const char* const* argv) {
  Raw raw;
  CLI::App app("holdfast", "holdfast");
  app.set_help_flag("-h,--help");
  app.set_version_flag("--version", version_line());
  add_serve_options(app, raw);
  add_ignored_options(app, raw);
  add_subcommands(app, raw);
  for (int i = 0; i < argc; ++i) {
    raw.arguments.command_line += (i == 0 ? "" : " ") + std::string(argv[i]);
  }
  try {
    app.parse(argc, argv);
    return finish(app, raw);
  } catch (const CLI::CallForHelp&) {
    std::cout << kHelp;
    return ExitCode::ok;
  } catch (const CLI::CallForVersion&) {
    std::cout << version_line() << '\n';
    return ExitCode::ok;
  } catch (const CLI::Error& error) {
    return usage(error.what());
  } catch (const UsageError& error) {
    return usage(error.what());
  }
}

}  // namespace holdfast::app
