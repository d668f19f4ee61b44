// The one place where each stat is declared: member, Envoy's name, our /metrics name, type, help.
//
// Constant data. A scope's table lists all members of its struct; the Registry walks it for /stats,
// /stats/prometheus and /metrics, and docs/metrics.md is generated from it. Names in /metrics
// follow Prometheus' rules (base units, _total on counters), so that `promtool check metrics` has
// nothing to say.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "stats/scopes.hpp"
#include "stats/stat_type.hpp"

namespace holdfast::stats {

/// A series in /metrics: family and, where several stats share a family, the label that tells them
/// apart.
struct Metric {
  std::string_view name{};  ///< Empty: not in /metrics.
  std::string_view label{};
  std::string_view value{};
};

enum class Fold : std::uint8_t {
  sum,  ///< Over the workers.
  any,  ///< 1 if any worker's cell is not 0.
};

enum class Show : std::uint8_t {
  always,
  when_used,   ///< Envoy creates the stat at its first use.
  per_worker,  ///< Always, and again as "worker_<i>.<name>".
  metrics,     ///< Only in /metrics.
};

enum class Codes : std::uint8_t { classes, classes_and_codes };

template <class S>
struct Row {
  std::variant<Cell S::*, StatusCounts S::*, Histogram S::*> member;
  std::string_view name;  ///< Envoy's, after the scope's prefix.
  StatType type = StatType::counter;
  Metric metric{};
  std::string_view help{};
  Show show = Show::always;
  Fold fold = Fold::sum;
  Codes codes = Codes::classes;  ///< StatusCounts only.
};

template <class S>
constexpr Row<S> counter(Cell S::*member, std::string_view name, Metric metric,
                         std::string_view help, Show show = Show::always) {
  return {member, name, StatType::counter, metric, help, show};
}
template <class S>
constexpr Row<S> gauge(Cell S::*member, std::string_view name, Metric metric, std::string_view help,
                       Show show = Show::always, Fold fold = Fold::sum) {
  return {member, name, StatType::gauge, metric, help, show, fold};
}
template <class S>
constexpr Row<S> histogram(Histogram S::*member, std::string_view name, Metric metric,
                           std::string_view help, Show show = Show::always) {
  return {member, name, StatType::histogram, metric, help, show};
}
/// `name` "upstream_rq" stands for upstream_rq_completed, upstream_rq_<n>xx and upstream_rq_<code>.
template <class S>
constexpr Row<S> status(StatusCounts S::*member, std::string_view name, Codes codes, Metric metric,
                        std::string_view help, Show show = Show::always) {
  return {member, name, StatType::counter, metric, help, show, Fold::sum, codes};
}

template <class S>
std::span<const Row<S>> table();
template <>
std::span<const Row<ListenerStats>> table<ListenerStats>();
template <>
std::span<const Row<HcmStats>> table<HcmStats>();
template <>
std::span<const Row<ClusterStats>> table<ClusterStats>();
template <>
std::span<const Row<CircuitBreakerStats>> table<CircuitBreakerStats>();
template <>
std::span<const Row<ClusterUpdateStats>> table<ClusterUpdateStats>();
template <>
std::span<const Row<HostStats>> table<HostStats>();
template <>
std::span<const Row<DispatchStats>> table<DispatchStats>();
template <>
std::span<const Row<PluginStats>> table<PluginStats>();
template <>
std::span<const Row<DnsStats>> table<DnsStats>();
template <>
std::span<const Row<AccessLogStats>> table<AccessLogStats>();
template <>
std::span<const Row<ServerStats>> table<ServerStats>();

/// The rows of HcmStats that Envoy repeats under "listener.<address>.http.<stat_prefix>.".
std::span<const Row<HcmStats>> listener_http_table();

/// The rows of CircuitBreakerStats that exist only with track_remaining come last; this many.
inline constexpr std::size_t kRemainingRows = 4;
/// The DNS rows of ClusterUpdateStats come last; this many.
inline constexpr std::size_t kUpdateDnsRows = 5;

/// Help of a family whose rows differ by a label; empty = unknown family.
std::string_view family_help(std::string_view metric);

/// docs/metrics.md, whole.
std::string metrics_markdown();

}  // namespace holdfast::stats
