// Server::Impl: the parts of the process and how they are started, watched and stopped.
//
// Owner: Server. Thread: the control thread, for everything; workers are reached by WorkerRuntime's
// any-thread functions only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string_view>
#include <vector>

#include "access_log/log.hpp"
#include "admin/admin_server.hpp"
#include "server/server.hpp"
#include "server/worker_runtime.hpp"
#include "stats/registry.hpp"
#include "upstream/cluster_source.hpp"
#include "upstream/dns_resolver.hpp"

namespace holdfast::server {

class Server::Impl {
 public:
  Impl(const config::Bootstrap& config, Options options);
  ~Impl();

  [[nodiscard]] int run();

 private:
  [[nodiscard]] bool bind_listeners();
  [[nodiscard]] bool open_logs();
  [[nodiscard]] bool start_admin();
  void make_workers();
  void make_cluster_sources();
  void start_clusters();
  void on_cluster_initialized();
  void go_live();
  void wait_for_signal();
  void on_signal(int number);
  void begin_drain();
  void watch_drain();
  void stop_loop();
  void tell_service_manager(std::string_view state);
  void flush_stats_later();

  // What the admin server is told (admin_hooks.cpp).
  [[nodiscard]] admin::AdminHooks make_hooks();
  [[nodiscard]] admin::ServerState state() const noexcept;
  [[nodiscard]] std::vector<admin::ListenerInfo> listener_infos() const;
  [[nodiscard]] std::vector<admin::ClusterInfo> cluster_infos() const;
  [[nodiscard]] admin::ServerInfo server_info() const;
  void drain_listeners(admin::Drain how);
  void fail_healthcheck(bool fail);
  void reopen_logs();
  void refresh_gauges();
  void log_admin_request(const admin::RequestFacts& facts);

  // Constant after construction.
  const config::Bootstrap& config_;
  const Options options_;
  const std::chrono::steady_clock::time_point started_;
  // The control thread's own. Order matters: destroyed from the bottom up.
  boost::asio::io_context io_;
  stats::Registry registry_;
  std::vector<std::unique_ptr<stats::ClusterUpdateStats>> update_stats_;     ///< By cluster.
  std::vector<std::unique_ptr<stats::ClusterStats>> control_cluster_stats_;  ///< Limits' gauges.
  stats::AccessLogStats writer_stats_;  ///< Written by the writer's thread.
  stats::AccessLogStats admin_log_stats_;
  std::unique_ptr<access_log::Writer> log_writer_;
  std::vector<LogTarget> admin_log_targets_;
  stats::CustomStats custom_stats_;                  ///< What plugins define.
  std::unique_ptr<filters::SharedPlugins> plugins_;  ///< Null: none.
  SharedRuntime shared_;
  std::vector<std::vector<int>>
      sockets_;                           ///< By worker, then listener; until the workers own them.
  std::vector<net::BoundAddress> bound_;  ///< By listener.
  std::vector<std::unique_ptr<WorkerRuntime>> workers_;
  std::vector<std::unique_ptr<access_log::Log>> admin_logs_;
  upstream::DnsResolvers resolvers_;
  std::vector<std::unique_ptr<upstream::ClusterSource>> sources_;
  std::unique_ptr<admin::AdminServer> admin_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer init_timer_;
  boost::asio::steady_timer drain_timer_;
  boost::asio::steady_timer flush_timer_;
  std::chrono::steady_clock::time_point drain_end_;
  std::size_t clusters_to_wait_for_ = 0;
  bool live_ = false;
  bool draining_ = false;
  bool healthcheck_failed_ = false;
};

}  // namespace holdfast::server
