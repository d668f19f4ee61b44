// What the sessions of one HTTP listener on one worker share; and what all of one worker's
// listeners share.
//
// Owner: the worker (server/worker_runtime). Thread: the worker's; the stats are read by the
// control thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "access_log/log.hpp"
#include "base/intrusive_list.hpp"
#include "config/config.hpp"
#include "net/listener.hpp"
#include "router/route_table.hpp"
#include "server/connection_limit.hpp"
#include "server/filter_chain.hpp"
#include "server/local_address.hpp"
#include "server/request_id.hpp"
#include "server/wall_clock.hpp"
#include "stats/scopes.hpp"
#include "upstream/call.hpp"
#include "upstream/cluster.hpp"

namespace holdfast::server {

class Session;
struct SessionTag;

/// One per worker.
struct WorkerContext {
  net::Reactor& reactor;
  upstream::ClusterManager& clusters;
  RequestIds& request_ids;
  std::string interface_address;  ///< Stands for a loopback client in x-forwarded-for, as in Envoy.
  bool draining = false;          ///< Answers carry `connection: close`.
  std::uint64_t connection_id =
      0;  ///< Of the last connection; unique over workers by its low bits.
  unsigned workers = 1;
  bool has_plugins = false;  ///< Heads are read as the plugins of this process write them.
  std::size_t freed = 0;     ///< Bytes of closed connections since the worker last looked.
  WallClock wall_clock{};
};

/// One per HTTP listener and worker.
struct HttpContext {
  HttpContext(WorkerContext& worker_context, const config::Listener& listener_config,
              const config::HttpConnectionManager& hcm_config,
              const router::RouteTable& route_table, stats::HcmStats& hcm_stats,
              stats::ListenerStats& listener_stats_ref, ConnectionLimit* limit,
              const filters::WorkerServices& services);
  ~HttpContext();
  HttpContext(const HttpContext&) = delete;
  HttpContext& operator=(const HttpContext&) = delete;

  /// A connection accepted by the listener; takes the socket. False: the kernel would not watch
  /// it (errno), it is closed.
  [[nodiscard]] bool accept(int fd, const sockaddr_storage& peer);
  /// Close idle connections, and others after their answer.
  void drain();
  void recycle(Session& session);
  /// Called each second: the recycled sessions that nobody has needed since the last call are
  /// freed.
  void free_surplus();

  // Constant after construction.
  WorkerContext& worker;
  const config::Listener& listener;
  const config::HttpConnectionManager& config;
  const router::RouteTable& routes;
  stats::HcmStats& stats;
  stats::ListenerStats& listener_stats;
  FilterChain filters;
  // Set before the first connection.
  std::vector<std::unique_ptr<access_log::Log>> access_logs;
  ListenerAddress local_address;
  // Touched only on the worker.
  ConnectionGate gate;
  base::List<Session, SessionTag> sessions;
  std::vector<std::unique_ptr<Session>> free_sessions;
  std::size_t fewest_free = 0;  ///< Since the last free_surplus().
};

}  // namespace holdfast::server
