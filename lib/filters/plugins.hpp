// What the server has to do for proxy-wasm plugins, without knowing them: state that all workers
// share, and each worker's own plugins. In a build without plugins there is nothing of it.
//
// Owner: the server owns the shared state, each worker's runtime its WorkerPlugins. Thread: made on
// the control thread; start() and destruction are the worker's.
#pragma once

#include <memory>

#include "config/config.hpp"
#include "net/worker.hpp"
#include "stats/custom_stats.hpp"
#include "upstream/cluster.hpp"

namespace holdfast::stats {
class Registry;
}

namespace holdfast::filters {

class SharedPlugins {
 public:
  virtual ~SharedPlugins() = default;
};

class WorkerPlugins {
 public:
  virtual ~WorkerPlugins() = default;
  /// Before the first exchange: makes the VMs, starts and configures the plugins.
  virtual void start() noexcept = 0;
  virtual void add_stats(stats::Registry& registry) const = 0;
};

/// Null: the configuration has no plugin. Both references outlive it.
[[nodiscard]] std::unique_ptr<SharedPlugins> make_shared_plugins(const config::Bootstrap& bootstrap,
                                                                 stats::CustomStats& metrics);
/// All references outlive it.
[[nodiscard]] std::unique_ptr<WorkerPlugins> make_worker_plugins(
    SharedPlugins& shared, net::Worker& worker, upstream::ClusterManager& clusters);

}  // namespace holdfast::filters
