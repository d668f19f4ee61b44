#include "filters/router.hpp"

namespace holdfast::filters {
namespace {

struct RouterConfig : config::FilterConfig {};

const config::MessageTable& router_table() {
  static const config::MessageTable kTable =
      config::Message<RouterConfig>(
          "Router", "envoy.extensions.filters.http.router.v3.Router",
          "Sends the request to the cluster of its route. The last filter of each chain.")
          .table();
  return kTable;
}

}  // namespace

FilterType router_type() {
  return {.config = config::http_filter<RouterConfig>(
              "router", {"envoy.extensions.filters.http.router.v3.Router"}, &router_table,
              /*terminal=*/true),
          .hooks = {},
          .make = nullptr};
}

}  // namespace holdfast::filters
