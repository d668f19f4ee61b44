// docs/metrics.md, written from the tables.
#include <iterator>

#include "stats/tables.hpp"

namespace holdfast::stats {

namespace {

constexpr std::string_view kIntro =
    R"(<!-- Generated from lib/stats/tables_*.cpp. Do not edit: unit_stats compares it, and writes it anew
     when HOLDFAST_UPDATE_DOCS=1 is set. -->
# Metrics

Each number has two names. **Envoy's** is what `/stats` and `/stats/prometheus` of the admin
server show (the latter as `envoy_cluster_upstream_rq_total{envoy_cluster_name="httpbin"}`, so
that dashboards made for Envoy work as they are). **Ours** is what `/metrics` shows: base units,
`_total` on counters, `promtool check metrics` finds nothing to say. An Envoy dashboard moves to
our names by search and replace along this table.

What Envoy counts and Holdfast has no counterpart for is not shown at all, rather than as a
constant 0. Histograms keep two significant digits, from 1 us; `/stats` shows them in whole
milliseconds as Envoy does. `/stats?usedonly` shows what is not 0. Everything is summed over the
workers.

A metric that a plugin defines is `wasmcustom.<name>` in `/stats`; both Prometheus pages show it under
its own name, with the labels that `stats_config.stats_tags` takes out of it. A plugin's histogram
holds plain numbers.

/metrics also has `holdfast_build_info{version,compiler,boost,commit}` and
`process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_virtual_memory_bytes`,
`process_open_fds`, `process_max_fds`, `process_threads`, `process_start_time_seconds`.
)";

constexpr std::string_view kPlugins =
    R"(Envoy has the first three; the others are ours. All plugins are counted together: Envoy's
`wasm.<plugin>.vm_reload_success` is nearest to `vm_replaced`, its `vm_reload_backoff` to
`requests_while_down`. Its `vm_reload`, `vm_reload_failure` and `remote_load_*` have no counterpart.

)";

template <class S>
std::string envoy_name(const Row<S>& row) {
  const std::string name(row.name);
  if (row.show == Show::metrics) return "";
  if (!std::holds_alternative<StatusCounts S::*>(row.member)) return '`' + name + '`';
  std::string all = '`' + name + "_completed`, `" + name + "_<n>xx`";
  if (row.codes == Codes::classes_and_codes) all += ", `" + name + "_<code>`";
  return all;
}

template <class S>
std::string our_name(const Row<S>& row) {
  if (row.metric.name.empty()) return "";
  std::string name = '`' + std::string(row.metric.name);
  if (!row.metric.label.empty()) {
    name += '{' + std::string(row.metric.label) + "=\"" + std::string(row.metric.value) + "\"}";
  } else if (std::holds_alternative<StatusCounts S::*>(row.member)) {
    name += "{code}";
  }
  return name + '`';
}

template <class S>
void append_table(std::string& out, std::string_view title, std::string_view labels,
                  std::string_view note = {}) {
  out.append("\n## ").append(title).append("\n\n").append(note);
  if (!labels.empty()) out.append("Labels in /metrics: ").append(labels).append(".\n\n");
  out += "| Envoy | /metrics | type | what |\n|---|---|---|---|\n";
  for (const Row<S>& row : table<S>()) {
    out += "| " + envoy_name(row) + " | " + our_name(row) + " | ";
    out.append(to_string(row.type)).append(" | ").append(row.help).append(" |\n");
  }
}

}  // namespace

std::string metrics_markdown() {
  std::string out(kIntro);
  append_table<ListenerStats>(out, "`listener.<address>.`", "`listener`");
  append_table<HcmStats>(out, "`http.<stat_prefix>.`", "`listener`");
  append_table<ClusterStats>(out, "`cluster.<name>.`", "`cluster`");
  append_table<CircuitBreakerStats>(out, "`cluster.<name>.circuit_breakers.default.`", "`cluster`");
  append_table<ClusterUpdateStats>(out, "`cluster.<name>.`, discovery", "`cluster`");
  append_table<HostStats>(out, "`/clusters`, per endpoint", "`cluster`, `endpoint`");
  append_table<PluginStats>(out, "`wasm.`", "none", kPlugins);
  append_table<DispatchStats>(out, "`cluster.<name>.dispatch.` (not in Envoy)", "`cluster`");
  append_table<DnsStats>(out, "`dns.cares.`", "");
  append_table<AccessLogStats>(out, "`filesystem.`", "");
  append_table<ServerStats>(out, "`server.`", "");
  return out;
}

}  // namespace holdfast::stats
