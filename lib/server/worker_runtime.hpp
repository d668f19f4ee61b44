// All that one worker has: its thread, clusters, calls, listeners, sessions, counters.
//
// Owner: the Server. Built on the control thread before start(); from then on touched on its own
// thread, except for the counters (any thread reads) and the functions marked "any thread".
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "access_log/log.hpp"
#include "config/config.hpp"
#include "filters/plugins.hpp"
#include "net/listener.hpp"
#include "net/worker.hpp"
#include "router/route_table.hpp"
#include "server/http_context.hpp"
#include "server/tcp_session.hpp"
#include "stats/registry.hpp"
#include "upstream/call.hpp"
#include "upstream/cluster.hpp"

namespace holdfast::server {

/// An access log that is configured: compiled, and its file open.
struct LogTarget {
  std::shared_ptr<const access_log::Format> format;
  access_log::Sink* sink = nullptr;
};

/// What all workers share, constant while they run.
struct SharedRuntime {
  const config::Bootstrap* config = nullptr;
  std::vector<std::unique_ptr<router::RouteTable>> routes;  ///< By listener; null for TCP.
  std::vector<std::unique_ptr<upstream::CircuitBreaker>> circuit_breakers;  ///< By cluster.
  std::unique_ptr<ConnectionLimit> connection_limit;                        ///< Null: none.
  std::vector<std::string> local_addresses;         ///< By listener: "ip:port" as bound.
  std::vector<std::vector<LogTarget>> access_logs;  ///< By listener.
  std::string interface_address;
  unsigned workers = 1;
  filters::SharedPlugins* plugins = nullptr;  ///< Null: none.
};

class WorkerRuntime {
 public:
  WorkerRuntime(unsigned index, const SharedRuntime& shared, access_log::Writer& log_writer);
  ~WorkerRuntime();
  WorkerRuntime(const WorkerRuntime&) = delete;
  WorkerRuntime& operator=(const WorkerRuntime&) = delete;

  /// Control thread, before start(): one listening socket for each listener of the configuration.
  /// Takes them.
  void set_listeners(std::vector<int> sockets);
  void add_stats(stats::Registry& registry) const;
  void start();  ///< The thread; listening begins with start_listening().

  // Any thread.
  void update_hosts(std::size_t cluster, std::shared_ptr<const upstream::HostSet> hosts);
  void set_draining(bool draining);  ///< Answers say `connection: close`.
  void start_listening();
  void stop_listening();
  void drain_sessions();
  void stop();  ///< Ends the thread; waits for it.
  /// Downstream connections open now.
  [[nodiscard]] std::uint64_t connections() const noexcept;

 private:
  void on_flush_timer() noexcept;
  void return_memory() noexcept;
  void accept_error(std::size_t listener, int error);
  void make_contexts(access_log::Writer& log_writer);
  [[nodiscard]] std::vector<std::unique_ptr<access_log::Log>> make_logs(
      std::size_t listener, access_log::Writer& log_writer);

  // Constant after construction.
  const SharedRuntime& shared_;
  net::Worker worker_;
  // Touched only on the worker once it runs. In order of construction.
  std::vector<std::unique_ptr<stats::ClusterStats>> cluster_stats_;
  std::vector<std::unique_ptr<stats::ListenerStats>> listener_stats_;
  stats::AccessLogStats log_stats_;
  std::vector<std::unique_ptr<stats::HcmStats>> hcm_stats_;  ///< By listener; null for TCP.
  std::unique_ptr<upstream::ClusterManager> clusters_;
  std::unique_ptr<upstream::CallPool> calls_;
  std::unique_ptr<filters::WorkerPlugins> plugins_;  ///< Null: none.
  RequestIds request_ids_;
  std::size_t returnable_ = 0;     ///< Bytes freed in a flood and not yet given back to the system.
  net::TimePoint return_after_{};  ///< Not before.
  std::unique_ptr<WorkerContext> context_;
  std::vector<std::unique_ptr<HttpContext>> http_;  ///< By listener; null for TCP.
  std::vector<std::unique_ptr<TcpContext>> tcp_;    ///< By listener; null for HTTP.
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  net::MemberTimer<&WorkerRuntime::on_flush_timer> flush_timer_;
};

}  // namespace holdfast::server
