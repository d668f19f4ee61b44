// The headers that a level of a route configuration adds and removes: the same four fields in
// Route, VirtualHost and RouteConfiguration.
//
// Owner: tables_route.cpp. Source: envoy.config.core.v3.HeaderValueOption.
#pragma once

#include <string>
#include <utility>

#include "base/text.hpp"
#include "config/context.hpp"
#include "config/tables.hpp"

namespace holdfast::config {

[[nodiscard]] const MessageTable& header_to_add_table();

/// Declares them; T has HeaderRules as `headers`.
template <class T>
Message<T>& add_header_rules(Message<T>& message) {
  const auto removes = [](HeaderMutations HeaderRules::*which) {
    return [which](T& target, std::string name) {
      base::make_lower(name.data(), name.size());
      (target.headers.*which).remove.push_back(std::move(name));
    };
  };
  const auto adds = [](HeaderMutations HeaderRules::*which) {
    return [which](T& target) { return &(target.headers.*which).add.emplace_back(); };
  };
  return message
      .message_at("request_headers_to_add", adds(&HeaderRules::request), header_to_add_table,
                  "Added to requests before they go to an endpoint.", Cardinality::list)
      .template custom<std::string>("request_headers_to_remove", removes(&HeaderRules::request),
                                    "Removed from them, before any is added.")
      .list()
      .min_length(1)
      .rule(StringRule::header_name)
      .message_at("response_headers_to_add", adds(&HeaderRules::response), header_to_add_table,
                  "Added to responses, before the filters see them.", Cardinality::list)
      .template custom<std::string>("response_headers_to_remove", removes(&HeaderRules::response),
                                    "Removed from them, before any is added.")
      .list()
      .min_length(1)
      .rule(StringRule::header_name);
}

/// In the finish hook of such a table.
void check_header_rules(const Source& source, Context& context);
/// For each route: its own rules, its virtual host's and the configuration's, in this order.
void spread_header_rules(RouteConfiguration& config);

}  // namespace holdfast::config
