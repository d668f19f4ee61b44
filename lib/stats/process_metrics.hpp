// The process as the system sees it: memory, descriptors, CPU time, read from /proc.
//
// Free functions; any thread, in practice the control thread.
#pragma once

#include "stats/metrics_page.hpp"
#include "stats/scopes.hpp"

namespace holdfast::stats {

/// The usual process_* families of Prometheus' client libraries. What /proc does not tell is left
/// out.
void add_process_metrics(MetricsPage& page);

/// server.memory_*.
void refresh_memory(ServerStats& server);

}  // namespace holdfast::stats
