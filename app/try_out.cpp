#include "try_out.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace holdfast::app {
namespace {

struct HostPort {
  std::string host;
  unsigned port = 0;
  bool is_ip = false;
};

bool is_ip_literal(const std::string& host) {
  in6_addr buffer{};
  return inet_pton(AF_INET, host.c_str(), &buffer) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &buffer) == 1;
}

/// Only what a host name or an IP literal may hold: the text goes into YAML without quotes.
bool is_plain(std::string_view host) {
  return std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':';
  });
}

/// HOST:PORT, [IPV6]:PORT, or with `any_host` also :PORT.
std::optional<HostPort> parse_address(std::string_view text, std::string_view any_host) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty()) host = any_host;
  HostPort result{std::string(host), 0, is_ip_literal(std::string(host))};
  if (host.empty() || !is_plain(host) || (host.find(':') != host.npos && !bracketed)) {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(port.begin(), port.end(), result.port);
  if (error != std::errc() || end != port.end() || result.port == 0 || result.port > 65'535) {
    return std::nullopt;
  }
  return result;
}

std::string address_line(const HostPort& to) {
  return "{ socket_address: { address: \"" + to.host +
         "\", port_value: " + std::to_string(to.port) + " } }";
}

std::string listener(const std::string& name, const HostPort& at, const std::string& filters,
                     const std::string& action) {
  return "    - name: " + name + "\n      address: " + address_line(at) + R"(
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: )" +
         name + R"(
                route_config:
                  virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:
                        - match: { prefix: / }
                          )" +
         action + R"(
                http_filters:
)" + filters +
         R"(                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
)";
}

std::string dispatch_filter(unsigned count) {
  return R"(                  - name: dispatch
                    typed_config:
                      "@type": type.googleapis.com/holdfast.filters.http.dispatch.v1.Dispatch
                      cluster: upstream
                      count: )" +
         std::to_string(count) + "\n";
}

std::string cluster(const HostPort& to) {
  std::string text = "    - name: upstream\n";
  if (!to.is_ip) {
    text +=
        "      type: STRICT_DNS\n"
        "      dns_lookup_family: V4_PREFERRED\n";
  }
  return text + R"(      load_assignment:
        cluster_name: upstream
        endpoints:
          - lb_endpoints:
              - endpoint: { address: )" +
         address_line(to) + " }\n";
}

}  // namespace

std::variant<std::string, TryOutProblem> try_out_yaml(const TryOut& flags) {
  const auto listen = parse_address(flags.listen, "0.0.0.0");
  if (!listen || !listen->is_ip) {
    return TryOutProblem{"--listen takes IP:PORT or :PORT, not '" + flags.listen + "'"};
  }
  const bool embedded = flags.to == "staticreply";
  const HostPort reply{"127.0.0.1", 18099, true};
  const auto to = embedded ? std::optional(reply) : parse_address(flags.to, "");
  if (!to) return TryOutProblem{"--to takes HOST:PORT or staticreply, not '" + flags.to + "'"};

  std::string yaml;
  if (!flags.admin.empty()) {
    const auto admin = parse_address(flags.admin, "127.0.0.1");
    if (!admin || !admin->is_ip) {
      return TryOutProblem{"--admin takes IP:PORT or :PORT, not '" + flags.admin + "'"};
    }
    yaml += "admin:\n  address: " + address_line(*admin) + "\n";
  }
  yaml += "static_resources:\n  listeners:\n";
  yaml +=
      listener("main", *listen, dispatch_filter(flags.dispatch), "route: { cluster: upstream }");
  if (embedded) {
    yaml +=
        listener("staticreply", reply, "",
                 R"(direct_response: { status: 200, body: { inline_string: "static reply\n" } })");
  }
  yaml += "  clusters:\n" + cluster(*to);
  return yaml;
}

}  // namespace holdfast::app
