// GET /stats, /stats/prometheus, /metrics; POST /reset_counters.
#include <re2/re2.h>

#include <memory>
#include <string>
#include <vector>

#include "admin/endpoints.hpp"
#include "admin/host_rows.hpp"
#include "stats/envoy_text.hpp"
#include "stats/metrics_page.hpp"
#include "stats/tables.hpp"

namespace holdfast::admin {

namespace {

using stats::Stat;
using stats::StatType;

/// Keeps what `filter`, `invert_filter` and `usedonly` ask for; empty on success, else what is
/// wrong.
std::string select(std::vector<Stat>& all, const Target& target) {
  if (target.has("usedonly")) {
    std::erase_if(all, [](const Stat& stat) { return !stat.used; });
  }
  const auto pattern = target.get("filter");
  if (!pattern || pattern->empty()) return {};
  const RE2 filter(re2::StringPiece(pattern->data(), pattern->size()), RE2::Quiet);
  if (!filter.ok()) return "Invalid re2 regex: " + filter.error();
  const bool invert = target.has("invert_filter");
  std::erase_if(all,
                [&](const Stat& stat) { return RE2::PartialMatch(stat.name, filter) == invert; });
  return {};
}

/// The metrics of the cluster's endpoints, which come and go and so are not in the Registry.
void add_endpoints(stats::MetricsPage& page, const std::vector<ClusterInfo>& clusters) {
  for (const ClusterInfo& cluster : clusters) {
    for (const HostInfo& host : cluster.hosts) {
      stats::Labels labels{{"cluster", cluster.name},
                           {"endpoint", address_text(host.address, host.port)}};
      page.add("holdfast_upstream_endpoint_healthy", StatType::gauge,
               "1 while the endpoint takes part in load balancing.", labels,
               std::uint64_t{host.healthy});
      for (const auto& row : stats::table<stats::HostStats>()) {
        if (row.metric.name.empty()) continue;
        stats::Labels own = labels;
        if (!row.metric.label.empty()) own.emplace_back(row.metric.label, row.metric.value);
        const std::string_view help =
            row.metric.label.empty() ? row.help : stats::family_help(row.metric.name);
        for (const HostRow& count : host_rows()) {
          if (count.name == row.name) {
            page.add(row.metric.name, row.type, help, own, host.counts.*count.count);
          }
        }
      }
    }
  }
}

}  // namespace

Response Endpoints::stats(const Target& target) const {
  const std::string_view format = target.get("format").value_or("text");
  if (format == "prometheus") return stats_prometheus(target);
  if (format != "text" && format != "json") {
    return {400, "usage: /stats?format=(json|prometheus|text)\n\n"};
  }
  const std::string_view type = target.get("type").value_or("All");
  if (type != "All" && type != "Counters" && type != "Gauges" && type != "Histograms" &&
      type != "TextReadouts") {
    return {400, "invalid &type= param"};
  }
  if (const auto buckets = target.get("histogram_buckets"); buckets && buckets != "summary") {
    return {400, "usage: /stats?histogram_buckets=(summary)\n"};
  }
  if (hooks_.refresh) hooks_.refresh();
  std::vector<Stat> all = hooks_.registry->collect();
  std::erase_if(all, [type](const Stat& stat) {
    switch (stat.type) {
      case StatType::counter:
        return type != "All" && type != "Counters";
      case StatType::gauge:
        return type != "All" && type != "Gauges";
      case StatType::histogram:
        break;
    }
    return type != "All" && type != "Histograms";
  });
  if (std::string error = select(all, target); !error.empty()) return {400, std::move(error)};
  if (format == "json") return {200, stats::stats_json(all), kJson};
  return {200, stats::stats_text(all)};
}

Response Endpoints::stats_prometheus(const Target& target) const {
  if (hooks_.refresh) hooks_.refresh();
  std::vector<Stat> all = hooks_.registry->collect();
  if (std::string error = select(all, target); !error.empty()) return {400, std::move(error)};
  return {200, hooks_.registry->envoy_prometheus(all)};
}

Response Endpoints::metrics(const Target&) const {
  if (hooks_.refresh) hooks_.refresh();
  stats::MetricsPage page;
  hooks_.registry->write_metrics(page);
  add_endpoints(page, hooks_.clusters());
  return {200, page.text(), "text/plain; version=0.0.4; charset=utf-8"};
}

Response Endpoints::reset_counters(const Target&) const {
  hooks_.registry->reset_counters();
  return {200, "OK\n"};
}

}  // namespace holdfast::admin
