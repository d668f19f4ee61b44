#include "server/config_check.hpp"

#include "access_log/format.hpp"
#include "filters/exchange.hpp"
#include "filters/wasm_prepare.hpp"
#include "stats/registry.hpp"

namespace holdfast::server {
namespace {

void check_logs(const std::vector<config::AccessLog>& logs, config::Context& context) {
  for (const config::AccessLog& log : logs) {
    const std::string error = access_log::compile(log).error;
    if (!error.empty()) context.error(log.location, error);
  }
}

}  // namespace

void check_config(const config::Bootstrap& bootstrap, config::Context& context) {
  for (const config::Listener& listener : bootstrap.listeners) {
    if (const auto* hcm = std::get_if<config::HttpConnectionManager>(&listener.filter)) {
      check_logs(hcm->access_logs, context);
      constexpr std::size_t kMost = filters::Exchange::kMaxFilters + 1;  // And the router.
      if (hcm->http_filters.size() > kMost) {
        context.error(hcm->http_filters[kMost].location,
                      "more than " + std::to_string(kMost) + " http_filters");
      }
    } else {
      check_logs(std::get<config::TcpProxy>(listener.filter).access_logs, context);
    }
  }
  if (bootstrap.admin) check_logs(bootstrap.admin->access_logs, context);
  for (const config::StatsTag& tag : bootstrap.stats_tags) {
    std::string error;
    stats::Registry scratch({});
    if (!scratch.set_tags(std::span(&tag, 1), error)) context.error(tag.location, error);
  }
}

void check_and_prepare(const config::Bootstrap& bootstrap, config::Context& context) {
  check_config(bootstrap, context);
  filters::prepare_plugins(bootstrap, context);
}

}  // namespace holdfast::server
