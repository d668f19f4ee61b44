#include "commands.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <iostream>
#include <optional>
#include <utility>

#include "base/log.hpp"
#include "config/load.hpp"
#include "config/pretty_json.hpp"
#include "config/reference.hpp"
#include "config/schema.hpp"
#include "filters/registry.hpp"
#include "healthcheck.hpp"
#include "server/config_check.hpp"
#include "server/server.hpp"
#include "try_out.hpp"
#include "version.hpp"

namespace holdfast::app {
namespace {

constexpr std::string_view kDefaultAdmin = "127.0.0.1:18001";

std::optional<std::string> if_given(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

config::LoadResult load(const Arguments& arguments,
                        const config::Check& check = server::check_and_prepare) {
  return config::load(if_given(arguments.config_path), if_given(arguments.config_yaml),
                      filters::catalog(), config::process_env(), check);
}

std::string count(std::size_t number, const std::string& noun) {
  return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

/// All that load() found, on stderr; returns bad_config if there was an error among it.
ExitCode report(const config::LoadResult& result) {
  std::size_t errors = 0;
  for (const config::Diagnostic& diagnostic : result.diagnostics) {
    std::cerr << config::to_string(diagnostic) << '\n';
    errors += diagnostic.severity == config::Severity::error ? 1 : 0;
  }
  if (result.ok()) return ExitCode::ok;
  std::cerr << count(errors, "error") << '\n';
  return ExitCode::bad_config;
}

ExitCode check(const Arguments& arguments) {
  const config::LoadResult result = load(arguments);
  if (const ExitCode code = report(result); code != ExitCode::ok) return code;
  const config::Bootstrap& bootstrap = *result.bootstrap;
  if (arguments.dump) {
    std::cout << config::pretty_json(boost::json::parse(bootstrap.source_json)) << '\n';
    return ExitCode::ok;
  }
  std::size_t filter_count = 0;
  for (const config::Listener& listener : bootstrap.listeners) {
    const auto* http = std::get_if<config::HttpConnectionManager>(&listener.filter);
    if (http != nullptr) filter_count += http->http_filters.size();
  }
  const std::string& name = arguments.config_path;
  std::cout << (name.empty() ? "--config-yaml" : name) << ": ok ("
            << count(bootstrap.listeners.size(), "listener") << ", "
            << count(filter_count, "HTTP filter") << ", "
            << count(bootstrap.clusters.size(), "cluster") << ")\n";
  return ExitCode::ok;
}

ExitCode validate(const Arguments& arguments) {
  const ExitCode code = report(load(arguments));
  if (code == ExitCode::ok) std::cout << "configuration '" << arguments.config_path << "' OK\n";
  return code;
}

/// The admin address that a configuration names, as one can connect to it.
std::string admin_address(const Arguments& arguments) {
  const bool has_config = !arguments.config_path.empty() || !arguments.config_yaml.empty();
  const config::LoadResult result =
      has_config ? load(arguments, server::check_config) : config::LoadResult{};
  if (!result.ok() || !result.bootstrap->admin) return std::string(kDefaultAdmin);
  const config::SocketAddress& address = result.bootstrap->admin->address;
  std::string host = address.address;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return host + ":" + std::to_string(address.port);
}

ExitCode serve(const Arguments& arguments, const config::LoadResult& result) {
  for (const config::Diagnostic& diagnostic : result.diagnostics) {
    base::log(base::Component::config, base::LogLevel::warning, config::to_string(diagnostic));
  }
  for (const std::string& name : arguments.ignored) {
    base::log(base::Component::main, base::LogLevel::debug, name + " has no effect here");
  }
  server::Options options;
  options.concurrency = arguments.concurrency;
  options.drain_time = std::chrono::seconds(arguments.drain_time_s);
  options.version = version_number();
  options.command_line = arguments.command_line;
  options.config_path = arguments.config_path;
  options.admin_address_path = arguments.admin_address_path;
  options.notify_socket = config::process_env()("NOTIFY_SOCKET").value_or("");
  server::Server server(*result.bootstrap, std::move(options));
  return server.run() == 0 ? ExitCode::ok : ExitCode::runtime;
}

ExitCode serve_file(const Arguments& arguments) {
  const config::LoadResult result = load(arguments);
  return result.ok() ? serve(arguments, result) : report(result);
}

ExitCode run(const Arguments& arguments) {
  const auto yaml = try_out_yaml(arguments.try_out);
  if (const auto* problem = std::get_if<TryOutProblem>(&yaml)) {
    std::cerr << "holdfast: " << problem->what << "\nTry 'holdfast --help'.\n";
    return ExitCode::usage;
  }
  const std::string& text = std::get<std::string>(yaml);
  if (arguments.try_out.print) {
    std::cout << text;
    return ExitCode::ok;
  }
  const config::LoadResult result = config::load_text(
      text, "holdfast run", filters::catalog(), config::process_env(), server::check_and_prepare);
  return result.ok() ? serve(arguments, result) : report(result);
}

}  // namespace

ExitCode execute(const Arguments& arguments) {
  if (const std::string problem = base::configure_log(arguments.log); !problem.empty()) {
    std::cerr << "holdfast: cannot open the log file " << problem << '\n';
    return ExitCode::runtime;
  }
  switch (arguments.command) {
    case Command::check:
      return check(arguments);
    case Command::validate:
      return validate(arguments);
    case Command::schema:
      std::cout << config::json_schema(filters::catalog());
      return ExitCode::ok;
    case Command::docs:
      std::cout << config::configuration_markdown(filters::catalog());
      return ExitCode::ok;
    case Command::healthcheck:
      return healthcheck(arguments.health_address.empty() ? admin_address(arguments)
                                                          : arguments.health_address);
    case Command::run:
      return run(arguments);
    case Command::serve:
      return serve_file(arguments);
  }
  return ExitCode::usage;
}

}  // namespace holdfast::app
