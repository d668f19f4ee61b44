// GET /clusters.
#include <re2/re2.h>

#include <boost/json.hpp>
#include <memory>
#include <string>

#include "admin/endpoints.hpp"
#include "admin/host_rows.hpp"
#include "admin/json.hpp"

namespace holdfast::admin {

namespace {

namespace json = boost::json;

void append_limits(std::string& out, const std::string& name, std::string_view priority,
                   const CircuitBreakerLimits& limits) {
  const auto line = [&](std::string_view limit, std::uint32_t value) {
    out.append(name).append("::").append(priority).append("_priority::").append(limit);
    out.append("::").append(std::to_string(value)).append("\n");
  };
  line("max_connections", limits.max_connections);
  line("max_pending_requests", limits.max_pending_requests);
  line("max_requests", limits.max_requests);
  line("max_retries", limits.max_retries);
}

void append_host(std::string& out, const std::string& cluster, const HostInfo& host) {
  const std::string prefix = cluster + "::" + address_text(host.address, host.port) + "::";
  const auto line = [&](std::string_view name, std::string_view value) {
    out.append(prefix).append(name).append("::").append(value).append("\n");
  };
  for (const HostRow& row : host_rows()) line(row.name, std::to_string(host.counts.*row.count));
  line("hostname", host.hostname);
  line("health_flags", host.healthy ? "healthy" : "/failed_active_hc");
  line("weight", std::to_string(host.weight));
  line("region", "");
  line("zone", "");
  line("sub_zone", "");
  line("canary", "false");
  line("priority", "0");
  line("success_rate", "-1");
  line("local_origin_success_rate", "-1");
}

std::string text(const ClusterInfo& cluster) {
  std::string out = cluster.name + "::observability_name::" + cluster.name + '\n';
  append_limits(out, cluster.name, "default", cluster.limits);
  // Envoy's defaults: routes of high priority do not exist here.
  append_limits(out, cluster.name, "high", {});
  out += cluster.name + "::added_via_api::" + (cluster.added_via_api ? "true" : "false") + '\n';
  for (const HostInfo& host : cluster.hosts) append_host(out, cluster.name, host);
  return out;
}

json::object limits_json(const CircuitBreakerLimits& limits) {
  return {{"max_connections", limits.max_connections},
          {"max_pending_requests", limits.max_pending_requests},
          {"max_requests", limits.max_requests},
          {"max_retries", limits.max_retries}};
}

json::object host_json(const HostInfo& host) {
  json::array stats;
  for (const bool gauges : {false, true}) {
    for (const HostRow& row : host_rows()) {
      if (row.gauge != gauges) continue;
      json::object stat;  // proto3 JSON leaves defaults out: COUNTER and 0.
      if (gauges) stat["type"] = "GAUGE";
      const std::uint64_t value = host.counts.*row.count;
      if (value != 0) stat["value"] = std::to_string(value);
      stat["name"] = row.name;
      stats.push_back(std::move(stat));
    }
  }
  json::object health;
  if (!host.healthy) health["failed_active_health_check"] = true;
  health["eds_health_status"] = "HEALTHY";
  json::object out{{"address", socket_address(host.address, host.port)},
                   {"stats", std::move(stats)},
                   {"health_status", std::move(health)},
                   {"weight", host.weight}};
  if (!host.hostname.empty()) out["hostname"] = host.hostname;
  out["locality"] = json::object{};
  return out;
}

json::object cluster_json(const ClusterInfo& cluster) {
  json::object out{{"name", cluster.name}};
  if (cluster.added_via_api) out["added_via_api"] = true;
  json::array hosts;
  for (const HostInfo& host : cluster.hosts) hosts.push_back(host_json(host));
  if (!hosts.empty()) out["host_statuses"] = std::move(hosts);
  json::object high{{"priority", "HIGH"}};
  for (const auto& limit : limits_json({})) high.insert(limit);
  json::array thresholds;
  thresholds.push_back(limits_json(cluster.limits));
  thresholds.push_back(std::move(high));
  out["circuit_breakers"] = json::object{{"thresholds", std::move(thresholds)}};
  out["observability_name"] = cluster.name;
  return out;
}

}  // namespace

Response Endpoints::clusters(const Target& target) const {
  std::unique_ptr<RE2> filter;
  if (const auto pattern = target.get("filter")) {
    filter = std::make_unique<RE2>(re2::StringPiece(pattern->data(), pattern->size()), RE2::Quiet);
    if (!filter->ok()) return {400, "Invalid re2 regex"};
  }
  const bool as_json = target.get("format") == "json";
  std::string out;
  json::array statuses;
  for (const ClusterInfo& cluster : hooks_.clusters()) {
    if (filter && !RE2::PartialMatch(cluster.name, *filter)) continue;
    if (as_json) {
      statuses.push_back(cluster_json(cluster));
    } else {
      out += text(cluster);
    }
  }
  if (!as_json) return {200, std::move(out)};
  json::object page;
  if (!statuses.empty()) page["cluster_statuses"] = std::move(statuses);
  return {200, pretty(page), kJson};
}

}  // namespace holdfast::admin
