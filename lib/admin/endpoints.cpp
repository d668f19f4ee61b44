#include "admin/endpoints.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::admin {

const std::vector<Endpoints::Endpoint>& Endpoints::table() {
  using E = Endpoints;
  static const std::vector<Endpoint> endpoints{
      {"/", "Admin home page", Mutates::no, &E::home, {}},
      {"/clusters",
       "upstream cluster status",
       Mutates::no,
       &E::clusters,
       {{"filter", "Regular expression (Google re2) for filtering clusters by name"},
        {"format", "File format to use; One of (text, json)"}}},
      {"/config_dump",
       "dump current configs",
       Mutates::no,
       &E::config_dump,
       {{"resource", "The resource to dump; One of (static_clusters, static_listeners)"}}},
      {"/drain_listeners",
       "drain listeners",
       Mutates::yes,
       &E::drain_listeners,
       {{"graceful",
         "When draining listeners, enter a graceful drain period prior to closing listeners"},
        {"skip_exit",
         "When draining listeners, drain the connections but never stop the listeners"},
        {"inboundonly",
         "Drains all inbound listeners: none, since listeners have no traffic_direction here"}}},
      {"/healthcheck/fail",
       "cause the server to fail health checks",
       Mutates::yes,
       &E::healthcheck_fail,
       {}},
      {"/healthcheck/ok",
       "cause the server to pass health checks",
       Mutates::yes,
       &E::healthcheck_ok,
       {}},
      {"/help", "print out list of admin commands", Mutates::no, &E::help, {}},
      {"/hot_restart_version",
       "print the hot restart compatibility version",
       Mutates::no,
       &E::hot_restart_version,
       {}},
      {"/listeners",
       "print listener info",
       Mutates::no,
       &E::listeners,
       {{"format", "File format to use; One of (text, json)"}}},
      {"/livez", "return 200 while the process runs, draining or not", Mutates::no, &E::livez, {}},
      {"/logging",
       "query/change logging levels",
       Mutates::yes,
       &E::logging,
       {{"paths",
         "Change multiple logging levels by setting to "
         "<logger_name1>:<desired_level1>,<logger_name2>:<desired_level2>"},
        {"level",
         "desired logging level, this will change all loggers's level; One of (, trace, debug, "
         "info, warning, error, critical, off)"}}},
      {"/memory", "print current allocation/heap usage", Mutates::no, &E::memory, {}},
      {"/metrics",
       "print all metrics in prometheus format, by Holdfast's own names",
       Mutates::no,
       &E::metrics,
       {}},
      {"/quitquitquit", "exit the server", Mutates::yes, &E::quitquitquit, {}},
      {"/ready",
       "print server state, return 200 if LIVE, otherwise return 503",
       Mutates::no,
       &E::ready,
       {}},
      {"/reopen_logs", "reopen access logs", Mutates::yes, &E::reopen_logs, {}},
      {"/reset_counters", "reset all counters to zero", Mutates::yes, &E::reset_counters, {}},
      {"/server_info", "print server version/status information", Mutates::no, &E::server_info, {}},
      {"/stats",
       "print server stats",
       Mutates::no,
       &E::stats,
       {{"usedonly", "Only include stats that are not zero"},
        {"filter", "Regular expression (Google re2) for filtering stats"},
        {"invert_filter", "Invert the filter regex"},
        {"format", "Format to use; One of (text, json, prometheus)"},
        {"type",
         "Stat types to include.; One of (All, Counters, Histograms, Gauges, TextReadouts)"}}},
      {"/stats/prometheus",
       "print server stats in prometheus format, by Envoy's names",
       Mutates::no,
       &E::stats_prometheus,
       {{"usedonly", "Only include stats that are not zero"},
        {"filter", "Regular expression (Google re2) for filtering stats"},
        {"invert_filter", "Invert the filter regex"}}},
  };
  return endpoints;
}

Endpoints::Endpoints(AdminHooks hooks)
    : hooks_(std::move(hooks)), started_(std::chrono::system_clock::now()) {}

std::string Endpoints::help_text() {
  std::string out = "admin commands are:\n";
  for (const Endpoint& endpoint : table()) {
    out.append("  ").append(endpoint.path);
    out.append(endpoint.mutates == Mutates::yes ? " (POST): " : ": ");
    out.append(endpoint.help).append("\n");
    for (const Parameter& parameter : endpoint.parameters) {
      out.append("      ").append(parameter.name).append(": ").append(parameter.help).append("\n");
    }
  }
  return out;
}

Response Endpoints::answer(std::string_view method, const Target& target, Sender sender) const {
  const auto& all = table();
  const auto at = std::find_if(all.begin(), all.end(),
                               [&](const Endpoint& e) { return e.path == target.path; });
  if (at == all.end()) return {404, "invalid path. " + help_text()};
  // As Envoy: what changes nothing answers to any method.
  if (at->mutates == Mutates::yes && method != "POST") {
    return {405, "Method " + std::string(method) + " not allowed, POST required."};
  }
  if (at->mutates == Mutates::yes && sender == Sender::foreign_page) {
    return {403,
            "Sent by a page of another origin, or under a name: open this page by its address."};
  }
  return (this->*at->handler)(target);
}

Response Endpoints::home(const Target&) const {
  std::string out =
      "<!DOCTYPE html>\n<html lang='en'>\n<head>\n  <title>Holdfast Admin</title>\n  <style>\n"
      "    body { font-family: sans-serif; } td { padding: 4px 12px; }\n"
      "    form { margin: 0; }\n  </style>\n</head>\n<body>\n<table>\n"
      "<thead><tr><th>Command</th><th>Description</th></tr></thead>\n<tbody>\n";
  for (const Endpoint& endpoint : table()) {
    if (endpoint.path == "/") continue;
    const std::string path(endpoint.path);
    out += "<tr><td>";
    out += endpoint.mutates == Mutates::yes ? "<form action='" + path + "' method='post'><button>" +
                                                  path.substr(1) + "</button></form>"
                                            : "<a href='" + path + "'>" + path.substr(1) + "</a>";
    out.append("</td><td>").append(endpoint.help).append("</td></tr>\n");
  }
  out += "</tbody>\n</table>\n</body>\n</html>\n";
  return {200, std::move(out), "text/html; charset=UTF-8"};
}

Response Endpoints::help(const Target&) const {
  return {200, help_text()};
}

Response Endpoints::ready(const Target&) const {
  const ServerState state = hooks_.ready_state();
  return {state == ServerState::live ? 200U : 503U, std::string(to_string(state)) + '\n'};
}

Response Endpoints::livez(const Target&) const {
  return {200, "LIVE\n"};
}

Response Endpoints::hot_restart_version(const Target&) const {
  return {200, "disabled"};
}

std::string_view to_string(ServerState state) {
  switch (state) {
    case ServerState::live:
      return "LIVE";
    case ServerState::draining:
      return "DRAINING";
    case ServerState::pre_initializing:
      return "PRE_INITIALIZING";
    case ServerState::initializing:
      break;
  }
  return "INITIALIZING";
}

}  // namespace holdfast::admin
