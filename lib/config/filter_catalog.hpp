// FilterCatalog: the filters that the loader may meet in HttpConnectionManager.http_filters, in a
// filter chain before a TcpProxy, and in bootstrap_extensions.
//
// Owner: filters/ makes it, app/ hands it to load(); immutable. The loader knows no filter but
// through the catalog: the router is an entry like any other, only with `terminal` set.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/message.hpp"

namespace holdfast::config {

/// What a parse hook makes of one filter's configuration.
struct ParsedHttpFilter {
  std::string type;  ///< Goes into HttpFilter::type: the registry's name of the filter to build.
  std::shared_ptr<const FilterConfig> config;
};

/// One entry. Of an http filter, unless `point` says otherwise.
struct HttpFilterType {
  std::string name;  ///< "dispatch"
  /// Full message names ("envoy.extensions.filters.http.router.v3.Router"); the first is the one we
  /// write.
  std::vector<std::string> type_urls;
  const MessageTable* table = nullptr;  ///< For the schema and the reference page.
  std::function<ParsedHttpFilter(const Value& value, Context& context)> parse;
  bool terminal = false;
  ExtensionPoint point = ExtensionPoint::http_filter;
};

using FilterCatalog = std::vector<HttpFilterType>;

/// A hook that fills a `Config` (derived from FilterConfig) by `table` and nothing more.
template <class Config>
HttpFilterType http_filter(std::string name, std::vector<std::string> type_urls, TableRef table,
                           bool terminal = false) {
  HttpFilterType type{name, std::move(type_urls), &table(), nullptr, terminal};
  type.parse = [name, table](const Value& value, Context& context) -> ParsedHttpFilter {
    auto config = std::make_shared<Config>();
    parse_any(table(), value, config.get(), context);
    return {name, std::move(config)};
  };
  return type;
}

}  // namespace holdfast::config
