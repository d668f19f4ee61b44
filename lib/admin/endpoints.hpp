// The admin's endpoints: which paths there are, with what help, and the function behind each.
//
// Owner: AdminServer's implementation; control thread. answer() never blocks and never throws for
// what a client sent.
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/hooks.hpp"
#include "admin/request.hpp"

namespace holdfast::admin {

enum class Mutates : bool { no, yes };

class Endpoints {
 public:
  explicit Endpoints(AdminHooks hooks);

  [[nodiscard]] Response answer(std::string_view method, const Target& target, Sender sender) const;
  [[nodiscard]] const AdminHooks& hooks() const noexcept { return hooks_; }

 private:
  struct Parameter {
    std::string_view name;
    std::string_view help;
  };
  struct Endpoint {
    std::string_view path;
    std::string_view help;
    Mutates mutates;
    Response (Endpoints::*handler)(const Target&) const;
    std::vector<Parameter> parameters;
  };
  static const std::vector<Endpoint>& table();
  static std::string help_text();

  // endpoints.cpp
  Response home(const Target& target) const;
  Response help(const Target& target) const;
  Response ready(const Target& target) const;
  Response livez(const Target& target) const;
  Response hot_restart_version(const Target& target) const;
  // info_pages.cpp
  Response listeners(const Target& target) const;
  Response server_info(const Target& target) const;
  Response memory(const Target& target) const;
  Response config_dump(const Target& target) const;
  // cluster_page.cpp
  Response clusters(const Target& target) const;
  // stats_pages.cpp
  Response stats(const Target& target) const;
  Response stats_prometheus(const Target& target) const;
  Response metrics(const Target& target) const;
  Response reset_counters(const Target& target) const;
  // control_pages.cpp
  Response logging(const Target& target) const;
  Response drain_listeners(const Target& target) const;
  Response healthcheck_fail(const Target& target) const;
  Response healthcheck_ok(const Target& target) const;
  Response quitquitquit(const Target& target) const;
  Response reopen_logs(const Target& target) const;

  const AdminHooks hooks_;
  const std::chrono::system_clock::time_point started_;
};

/// Envoy's words for ServerState: "LIVE" and so on.
std::string_view to_string(ServerState state);
/// {"socket_address": {"address": ..., "port_value": ...}}.
boost::json::value socket_address(std::string_view address, std::uint16_t port);
/// "127.0.0.1:80", "[::1]:80".
std::string address_text(std::string_view address, std::uint16_t port);

}  // namespace holdfast::admin
