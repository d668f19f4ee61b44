#include <algorithm>
#include <map>

#include "config/context.hpp"
#include "config/tables.hpp"
#include "config/tables_headers.hpp"

namespace holdfast::config {
namespace {

void set_body(DirectResponse& response, std::string text) {
  response.has_body = !text.empty();
  response.body = std::move(text);
}

const MessageTable& body_table() {
  static const MessageTable kTable =
      Message<DirectResponse>("DataSource", "envoy.config.core.v3.DataSource",
                              "Where a body comes from.")
          .titled("DataSource (body)")
          .custom<std::string>("inline_string", set_body, "The body itself.")
          .oneof("specifier")
          .custom<std::string>("inline_bytes", set_body, "The body in base64.")
          .base64()
          .oneof("specifier")
          .require_oneof("specifier")
          .table();
  return kTable;
}

const MessageTable& direct_response_table() {
  static const MessageTable kTable =
      Message<DirectResponse>("DirectResponseAction", "envoy.config.route.v3.DirectResponseAction",
                              "An answer given without an upstream.")
          .field("status", &DirectResponse::status, "The status code.")
          .required()
          .range(200, 599)
          .nested("body", body_table, "The body; none gives `content-length: 0`.")
          .table();
  return kTable;
}

const MessageTable& route_action_table() {
  static const MessageTable kTable =
      Message<ClusterRoute>("RouteAction", "envoy.config.route.v3.RouteAction",
                            "Sends the request to a cluster.")
          .field("cluster", &ClusterRoute::cluster, "The cluster's name.")
          .cluster_reference()
          .min_length(1)
          .oneof("cluster_specifier")
          .require_oneof("cluster_specifier")
          .field("timeout", &ClusterRoute::timeout,
                 "From the end of the request to the end of the response; 504 when it passes. "
                 "0s = off.")
          .field("idle_timeout", &ClusterRoute::idle_timeout,
                 "How long neither side may send anything; 0s = off.")
          .default_text("the listener's stream_idle_timeout")
          .table();
  return kTable;
}

void set_match(RouteMatch& match, RouteMatch::Kind kind, std::string value) {
  match.kind = kind;
  match.value = std::move(value);
}

const MessageTable& route_match_table() {
  static const MessageTable kTable =
      Message<RouteMatch>("RouteMatch", "envoy.config.route.v3.RouteMatch",
                          "Which requests the route takes.")
          .custom<std::string>(
              "prefix",
              [](RouteMatch& match, std::string value) {
                set_match(match, RouteMatch::Kind::prefix, std::move(value));
              },
              "The path begins with this.")
          .oneof("path_specifier")
          .custom<std::string>(
              "path",
              [](RouteMatch& match, std::string value) {
                set_match(match, RouteMatch::Kind::path, std::move(value));
              },
              "The path, without its query, is this.")
          .oneof("path_specifier")
          .require_oneof("path_specifier")
          .field("case_sensitive", &RouteMatch::case_sensitive,
                 "Whether `prefix` and `path` tell upper from lower case.")
          .table();
  return kTable;
}

Message<Route> route_message() {
  Message<Route> message("Route", "envoy.config.route.v3.Route", "What to do with some requests.");
  return add_header_rules(message);
}

Message<VirtualHost> virtual_host_message() {
  Message<VirtualHost> message("VirtualHost", "envoy.config.route.v3.VirtualHost",
                               "The routes of some domains.");
  return add_header_rules(message);
}

Message<RouteConfiguration> route_configuration_message() {
  Message<RouteConfiguration> message("RouteConfiguration",
                                      "envoy.config.route.v3.RouteConfiguration",
                                      "Which request goes where.");
  return add_header_rules(message);
}

const MessageTable& route_table() {
  static const MessageTable kTable =
      route_message()
          .field("name", &Route::name, "A label.")
          .message("match", &Route::match, route_match_table, "Which requests.")
          .required()
          .message_at(
              "route", [](Route& route) { return &route.action.emplace<ClusterRoute>(); },
              route_action_table, "Send them to a cluster.")
          .oneof("action")
          .message_at(
              "direct_response",
              [](Route& route) { return &route.action.emplace<DirectResponse>(); },
              direct_response_table, "Answer them at once.")
          .oneof("action")
          .require_oneof("action")
          .message("metadata", &Route::metadata_json, metadata_table, "Data for plugins.")
          .finish([](Route& route, const Source& source, Context& context) {
            route.location = source.at();
            check_header_rules(source, context);
          })
          .table();
  return kTable;
}

const MessageTable& virtual_host_table() {
  static const MessageTable kTable =
      virtual_host_message()
          .field("name", &VirtualHost::name, "Names it in errors and statistics.")
          .required()
          .field("domains", &VirtualHost::domains,
                 "Host names, most specific first: exact, `*.suffix`, `prefix.*`, `*` for all. A "
                 "port in the request's host counts.")
          .required()
          .min_length(0)
          .items(1)
          .rule(StringRule::header_value)
          .message("routes", &VirtualHost::routes, route_table,
                   "The first route that matches is taken; none gives 404.")
          .finish([](VirtualHost& host, const Source& source, Context& context) {
            host.location = source.at();
            check_header_rules(source, context);
          })
          .table();
  return kTable;
}

std::string lower_case(std::string text) {
  base::make_lower(text.data(), text.size());
  return text;
}

/// A star elsewhere than at one end is an ordinary character to Envoy: such a domain matches no
/// sane host.
void warn_of_star(const Value& domain, Context& context) {
  const std::string& text = domain.text;
  if (text == "*") return;
  const auto star = text.find('*', text.starts_with('*') ? 1 : 0);
  if (star == std::string::npos || (star == text.size() - 1 && !text.starts_with('*'))) return;
  context.warning(domain.location, "domain \"" + text +
                                       "\": only one star at one end has a meaning; the other "
                                       "stands for itself");
}

void check_domains(const Source& source, Context& context) {
  const Value* hosts = source.find("virtual_hosts");
  if (hosts == nullptr) return;
  std::map<std::string, Location> seen;
  for (const Value& host : hosts->as_list()) {
    const Value* domains = host.find("domains");
    if (domains == nullptr) continue;
    for (const Value& domain : domains->as_list()) {
      if (domain.kind != Value::Kind::string) continue;
      warn_of_star(domain, context);
      const auto [first, fresh] = seen.emplace(lower_case(domain.text), domain.location);
      if (fresh) continue;
      context.error(domain.location, "duplicate domain \"" + domain.text + "\": already on line " +
                                         std::to_string(first->second.line) +
                                         "; each domain of a RouteConfiguration must be unique");
    }
  }
}

void check_bodies(const RouteConfiguration& config, Context& context) {
  for (const VirtualHost& host : config.virtual_hosts) {
    for (const Route& route : host.routes) {
      const auto* response = std::get_if<DirectResponse>(&route.action);
      const std::size_t most = config.max_direct_response_body_size_bytes;
      if (response == nullptr || response->body.size() <= most) continue;
      context.error(route.location,
                    "body of direct_response has " + std::to_string(response->body.size()) +
                        " bytes; max_direct_response_body_size_bytes is " + std::to_string(most));
    }
  }
}

}  // namespace

const MessageTable& route_configuration_table() {
  static const MessageTable kTable =
      route_configuration_message()
          .field("name", &RouteConfiguration::name, "A label.")
          .message("virtual_hosts", &RouteConfiguration::virtual_hosts, virtual_host_table,
                   "Routes by host name; a host that none names gets 404.")
          .field("max_direct_response_body_size_bytes",
                 &RouteConfiguration::max_direct_response_body_size_bytes,
                 "The longest body of a direct_response.")
          .finish([](RouteConfiguration& config, const Source& source, Context& context) {
            check_domains(source, context);
            check_bodies(config, context);
            check_header_rules(source, context);
            spread_header_rules(config);
          })
          .table();
  return kTable;
}

}  // namespace holdfast::config
