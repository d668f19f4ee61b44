// All stats of the process, to be read: by Envoy's names (/stats), in Envoy's Prometheus
// exposition, and as /metrics.
//
// Owner: the server; lives on the control thread and is touched nowhere else. It holds pointers to
// the structs of scopes.hpp, which other threads go on writing; these must outlive it. Scopes are
// added at start; adding the same scope again (two listeners with one stat_prefix) adds to it, as
// in Envoy. Nothing here runs on the request path.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.hpp"
#include "stats/scopes.hpp"
#include "stats/snapshot.hpp"
#include "stats/stat_type.hpp"

namespace holdfast::stats {

class CustomStats;
class MetricsPage;
class Scope;
class TagExtractor;

/// One stat under Envoy's full name, e.g. "cluster.httpbin.upstream_rq_total".
struct Stat {
  std::string name;
  StatType type = StatType::counter;
  bool used = false;  ///< Ever moved from zero, as far as its value tells.
  std::uint64_t value = 0;
  HistogramSnapshot cumulative;  ///< Histograms only.
  HistogramSnapshot interval;    ///< Histograms only: between the last two flush()es.
};

/// What /metrics says about the build: holdfast_build_info's labels.
struct BuildInfo {
  std::string version;
  std::string commit;  ///< Empty = label left out.
};

class Registry {
 public:
  template <class T>
  using Workers = std::vector<const T*>;

  explicit Registry(BuildInfo build);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// `address` as "127.0.0.1:18000" or "[::1]:18000".
  void add_listener(std::string_view name, std::string_view address,
                    const Workers<ListenerStats>& workers);
  void add_http(std::string_view stat_prefix, std::string_view listener_name,
                std::string_view listener_address, const Workers<HcmStats>& workers);
  enum class TrackRemaining : bool { no, yes };
  void add_cluster(std::string_view name, const Workers<ClusterStats>& workers,
                   TrackRemaining track_remaining);
  enum class Discovery : bool { fixed, dns };
  void add_cluster_updates(std::string_view name, const ClusterUpdateStats* stats,
                           Discovery discovery);
  void add_dispatch(std::string_view cluster, const Workers<DispatchStats>& workers);
  void add_plugins(const Workers<PluginStats>& workers);
  void add_dns(const DnsStats* stats);
  void add_access_logs(const Workers<AccessLogStats>& threads);

  /// Stats that plugins define, shown beside all others; null = none. They outlive this.
  void set_custom(const CustomStats* custom) noexcept { custom_ = custom; }

  /// Bootstrap.stats_config.stats_tags. False and the reason in `error` when a regex does not
  /// compile.
  bool set_tags(std::span<const config::StatsTag> tags, std::string& error);

  /// The server room keeps concurrency, live, state and version up to date.
  [[nodiscard]] ServerStats& server() noexcept { return server_; }

  /// Ends a histogram interval. Envoy's stats_flush_interval: call each 5 s.
  void flush();
  /// POST /reset_counters: counters of collect() start again from zero. /metrics does not.
  void reset_counters();

  /// All stats, sorted as /stats prints them: counters and gauges by name, then histograms by name.
  [[nodiscard]] std::vector<Stat> collect() const;

  /// Envoy's Prometheus exposition of `stats`, which came from collect(), perhaps filtered.
  [[nodiscard]] std::string envoy_prometheus(std::span<const Stat> stats) const;

  /// Adds all of /metrics to `page`; the caller may add its own families and then print it.
  void write_metrics(MetricsPage& page) const;

 private:
  void refresh_server_stats() const;
  void write_custom(MetricsPage& page) const;

  mutable ServerStats server_;  ///< Read functions refresh uptime, memory and totals.
  const BuildInfo build_;
  const std::chrono::steady_clock::time_point started_;
  std::vector<std::unique_ptr<Scope>> scopes_;
  std::vector<const ListenerStats*> listeners_;  ///< For server.total_connections.
  std::unique_ptr<TagExtractor> tags_;
  const CustomStats* custom_ = nullptr;

  struct Flushed {
    HistogramSnapshot last;
    HistogramSnapshot interval;
  };
  std::unordered_map<std::string, Flushed> flushed_;
  std::unordered_map<std::string, std::uint64_t> counter_base_;
};

}  // namespace holdfast::stats
