#include "stats/registry.hpp"

#include <algorithm>
#include <boost/version.hpp>
#include <utility>

#include "stats/custom_stats.hpp"
#include "stats/envoy_text.hpp"
#include "stats/metrics_page.hpp"
#include "stats/process_metrics.hpp"
#include "stats/scope.hpp"
#include "stats/tables.hpp"
#include "stats/tag_extractor.hpp"

namespace holdfast::stats {

namespace {

using Scopes = std::vector<std::unique_ptr<Scope>>;
using View = Scope::View;

/// Envoy's sanitizeStatsName(): "://", ":/" and ":" become "_".
std::string sanitize(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != ':') {
      out += name[i];
      continue;
    }
    out += '_';
    if (name.substr(i, 3) == "://") {
      i += 2;
    } else if (name.substr(i, 2) == ":/") {
      i += 1;
    }
  }
  return out;
}

template <class S>
void add(Scopes& scopes, const std::string& prefix, const Labels& labels, View view,
         std::span<const Row<S>> rows, const std::vector<const S*>& workers) {
  if (view != View::metrics) {
    for (const auto& scope : scopes) {
      auto* same = dynamic_cast<ScopeOf<S>*>(scope.get());
      if (same != nullptr && scope->prefix() == prefix && scope->view() == view) {
        same->extend(rows, workers);
        return;
      }
    }
  }
  scopes.push_back(std::make_unique<ScopeOf<S>>(prefix, labels, view, rows, workers));
}

std::string cluster_prefix(std::string_view name) {
  return "cluster." + sanitize(name) + ".";
}
Labels cluster_label(std::string_view name) {
  return {{"cluster", std::string(name)}};
}

}  // namespace

Registry::Registry(BuildInfo build)
    : build_(std::move(build)),
      started_(std::chrono::steady_clock::now()),
      tags_(std::make_unique<TagExtractor>()) {
  add(scopes_, "server.", {}, View::both, table<ServerStats>(), Workers<ServerStats>{&server_});
}

Registry::~Registry() = default;

void Registry::add_listener(std::string_view name, std::string_view address,
                            const Workers<ListenerStats>& workers) {
  listeners_.insert(listeners_.end(), workers.begin(), workers.end());
  add(scopes_, "listener." + sanitize(address) + ".", {{"listener", std::string(name)}}, View::both,
      table<ListenerStats>(), workers);
}

void Registry::add_http(std::string_view stat_prefix, std::string_view listener_name,
                        std::string_view listener_address, const Workers<HcmStats>& workers) {
  // Envoy sums all listeners of one stat_prefix; /metrics tells the listeners apart.
  const std::string http = "http." + sanitize(stat_prefix) + ".";
  add(scopes_, http, {}, View::envoy, table<HcmStats>(), workers);
  add(scopes_, "listener." + sanitize(listener_address) + "." + http, {}, View::envoy,
      listener_http_table(), workers);
  add(scopes_, {}, {{"listener", std::string(listener_name)}}, View::metrics, table<HcmStats>(),
      workers);
}

void Registry::add_cluster(std::string_view name, const Workers<ClusterStats>& workers,
                           TrackRemaining track_remaining) {
  add(scopes_, cluster_prefix(name), cluster_label(name), View::both, table<ClusterStats>(),
      workers);
  Workers<CircuitBreakerStats> breakers;
  for (const ClusterStats* worker : workers) breakers.push_back(&worker->circuit_breakers);
  auto rows = table<CircuitBreakerStats>();
  if (track_remaining == TrackRemaining::no) rows = rows.first(rows.size() - kRemainingRows);
  add(scopes_, cluster_prefix(name) + "circuit_breakers.default.", cluster_label(name), View::both,
      rows, breakers);
}

void Registry::add_cluster_updates(std::string_view name, const ClusterUpdateStats* stats,
                                   Discovery discovery) {
  auto rows = table<ClusterUpdateStats>();
  if (discovery == Discovery::fixed) rows = rows.first(rows.size() - kUpdateDnsRows);
  add(scopes_, cluster_prefix(name), cluster_label(name), View::both, rows,
      Workers<ClusterUpdateStats>{stats});
}

void Registry::add_dispatch(std::string_view cluster, const Workers<DispatchStats>& workers) {
  add(scopes_, cluster_prefix(cluster) + "dispatch.", cluster_label(cluster), View::both,
      table<DispatchStats>(), workers);
}

void Registry::add_plugins(const Workers<PluginStats>& workers) {
  add(scopes_, "wasm.", {}, View::both, table<PluginStats>(), workers);
}

void Registry::add_dns(const DnsStats* stats) {
  add(scopes_, "dns.cares.", {}, View::both, table<DnsStats>(), Workers<DnsStats>{stats});
}

void Registry::add_access_logs(const Workers<AccessLogStats>& threads) {
  add(scopes_, "filesystem.", {}, View::both, table<AccessLogStats>(), threads);
}

bool Registry::set_tags(std::span<const config::StatsTag> tags, std::string& error) {
  return tags_->set_custom(tags, error);
}

void Registry::flush() {
  for (Stat& stat : collect()) {
    if (stat.type != StatType::histogram) continue;
    Flushed& flushed = flushed_[stat.name];
    flushed.interval = stat.cumulative.since(flushed.last);
    flushed.last = std::move(stat.cumulative);
  }
}

void Registry::reset_counters() {
  for (const Stat& stat : collect()) {
    if (stat.type == StatType::counter) counter_base_[stat.name] += stat.value;
  }
}

void Registry::refresh_server_stats() const {
  const auto uptime = std::chrono::steady_clock::now() - started_;
  server_.uptime.set(
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(uptime).count()));
  std::uint64_t connections = 0;
  for (const ListenerStats* worker : listeners_) connections += worker->downstream_cx_active.get();
  server_.total_connections.set(connections);
  refresh_memory(server_);
}

std::vector<Stat> Registry::collect() const {
  refresh_server_stats();
  std::vector<Stat> stats;
  for (const auto& scope : scopes_) scope->collect(stats);
  if (custom_ != nullptr) custom_->collect(stats);
  for (Stat& stat : stats) {
    if (stat.type == StatType::histogram) {
      if (const auto at = flushed_.find(stat.name); at != flushed_.end()) {
        stat.interval = at->second.interval;
      }
    } else if (stat.type == StatType::counter) {
      if (const auto at = counter_base_.find(stat.name); at != counter_base_.end()) {
        stat.value -= at->second;
      }
    }
  }
  std::sort(stats.begin(), stats.end(), [](const Stat& a, const Stat& b) {
    const bool a_last = a.type == StatType::histogram;
    const bool b_last = b.type == StatType::histogram;
    return a_last != b_last ? b_last : name_less(a.name, b.name);
  });
  return stats;
}

std::string Registry::envoy_prometheus(std::span<const Stat> stats) const {
  return stats::envoy_prometheus(stats, *tags_);
}

/// Under the names and labels of Envoy's page: they are the plugin's own.
void Registry::write_custom(MetricsPage& page) const {
  std::vector<Stat> stats;
  custom_->collect(stats);
  for (const Stat& stat : stats) {
    const auto series = prometheus_series(*tags_, stat.name);
    if (!series) continue;
    constexpr std::string_view kHelp = "Defined by a plugin.";
    if (stat.type == StatType::histogram) {
      page.add(series->family, kHelp, series->labels, stat.cumulative);
    } else {
      page.add(series->family, stat.type, kHelp, series->labels, stat.value);
    }
  }
}

void Registry::write_metrics(MetricsPage& page) const {
  refresh_server_stats();
  for (const auto& scope : scopes_) scope->metrics(page);
  if (custom_ != nullptr) write_custom(page);
  Labels labels{
      {"version", build_.version}, {"compiler", __VERSION__}, {"boost", BOOST_LIB_VERSION}};
  if (!build_.commit.empty()) labels.emplace_back("commit", build_.commit);
  page.add("holdfast_build_info", StatType::gauge, "What this process was built from; always 1.",
           labels, std::uint64_t{1});
  add_process_metrics(page);
}

}  // namespace holdfast::stats
