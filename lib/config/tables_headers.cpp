// The headers that routes add and remove.
#include "config/tables_headers.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace holdfast::config {
namespace {

/// They say where a message ends, where it goes, or concern one connection: not a configuration's.
constexpr std::array<std::string_view, 10> kTheProxys = {
    "connection", "content-length", "host",    "keep-alive",        "proxy-connection",
    "te",         "trailer",        "upgrade", "transfer-encoding", "http2-settings"};

void check_name(const std::string& name, const Location& location, Context& context) {
  if (name.starts_with(':') || name == "host") {  // Envoy's words.
    context.error(location, ":-prefixed or host headers may not be modified");
  } else if (std::ranges::find(kTheProxys, name) != kTheProxys.end()) {
    context.error(location, "header \"" + name +
                                "\" is the proxy's own: it delimits messages or concerns one "
                                "connection");
  }
}

/// Two percent signs are one; a command would begin with one.
void settle_value(std::string& value, const Location& location, Context& context) {
  for (std::size_t at = value.find('%'); at != std::string::npos; at = value.find('%', at + 1)) {
    if (value.compare(at, 2, "%%") != 0) {
      return context.error(location,
                           "command operators in header values are not implemented; a percent "
                           "sign is written %%");
    }
    value.erase(at, 1);
  }
}

const MessageTable& header_value_table() {
  static const MessageTable kTable =
      Message<HeaderToAdd>("HeaderValue", "envoy.config.core.v3.HeaderValue", "A header field.")
          .field("key", &HeaderToAdd::name, "Its name; case does not count.")
          .required()
          .min_length(1)
          .rule(StringRule::header_name)
          .field("value", &HeaderToAdd::value, "Its value; `%%` stands for one percent sign.")
          .rule(StringRule::header_value)
          .differs("No command operators.")
          .finish([](HeaderToAdd& header, const Source& source, Context& context) {
            base::make_lower(header.name.data(), header.name.size());
            check_name(header.name, source.where("key"), context);
            settle_value(header.value, source.where("value"), context);
          })
          .table();
  return kTable;
}

void check_removals(const char* field, const Source& source, Context& context) {
  const Value* names = source.find(field);
  if (names == nullptr) return;
  for (const Value& name : names->as_list()) {
    if (name.kind != Value::Kind::string) continue;
    std::string text = name.text;
    base::make_lower(text.data(), text.size());
    check_name(text, name.location, context);
  }
}

void append(std::vector<HeaderMutations>& all, const HeaderMutations& one) {
  if (!one.add.empty() || !one.remove.empty()) all.push_back(one);
}

}  // namespace

const MessageTable& header_to_add_table() {
  static const MessageTable kTable =
      Message<HeaderToAdd>("HeaderValueOption", "envoy.config.core.v3.HeaderValueOption",
                           "A header field that is added.")
          .nested("header", header_value_table, "The field.")
          .required()
          .enumeration("append_action", &HeaderToAdd::action,
                       {{"APPEND_IF_EXISTS_OR_ADD", 0},
                        {"ADD_IF_ABSENT", 1},
                        {"OVERWRITE_IF_EXISTS_OR_ADD", 2},
                        {"OVERWRITE_IF_EXISTS", 3}},
                       "What happens when the field is there, or is not.")
          .field("keep_empty_value", &HeaderToAdd::keep_empty,
                 "Adds the field even if its value is empty.")
          .table();
  return kTable;
}

void check_header_rules(const Source& source, Context& context) {
  check_removals("request_headers_to_remove", source, context);
  check_removals("response_headers_to_remove", source, context);
}

void spread_header_rules(RouteConfiguration& config) {
  for (VirtualHost& host : config.virtual_hosts) {
    for (Route& route : host.routes) {
      for (const HeaderRules* rules : {&route.headers, &host.headers, &config.headers}) {
        append(route.request_headers, rules->request);
        append(route.response_headers, rules->response);
      }
    }
  }
}

}  // namespace holdfast::config
