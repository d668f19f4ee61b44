#include "server/worker_runtime.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.hpp"
#include "base/memory.hpp"
#include "server/session.hpp"

namespace holdfast::server {
namespace {

constexpr std::chrono::seconds kFlushInterval{1};
/// Less than this is not worth the walk through the heap ...
constexpr std::size_t kReturnAbove = 256UL * 1024;
/// ... and who frees more than this in a second is about to need it again.
constexpr std::size_t kFlooded = 64UL * 1024;
/// The walk holds up the other workers' allocations, too.
constexpr std::chrono::seconds kReturnInterval{5};

}  // namespace

WorkerRuntime::WorkerRuntime(unsigned index, const SharedRuntime& shared,
                             access_log::Writer& log_writer)
    : shared_(shared), worker_(index), flush_timer_(*this) {
  std::vector<std::unique_ptr<upstream::Cluster>> clusters;
  for (std::size_t i = 0; i < shared.config->clusters.size(); ++i) {
    cluster_stats_.push_back(std::make_unique<stats::ClusterStats>());
    clusters.push_back(std::make_unique<upstream::Cluster>(
        worker_.reactor(), shared.config->clusters[i], *shared.circuit_breakers[i],
        *cluster_stats_.back(), index));
  }
  clusters_ = std::make_unique<upstream::ClusterManager>(std::move(clusters));
  calls_ = std::make_unique<upstream::CallPool>();
  if (shared.plugins != nullptr) {
    plugins_ = filters::make_worker_plugins(*shared.plugins, worker_, *clusters_);
  }
  context_ =
      std::make_unique<WorkerContext>(WorkerContext{.reactor = worker_.reactor(),
                                                    .clusters = *clusters_,
                                                    .request_ids = request_ids_,
                                                    .interface_address = shared.interface_address,
                                                    .draining = false,
                                                    .connection_id = index,
                                                    .workers = shared.workers,
                                                    .has_plugins = plugins_ != nullptr});
  make_contexts(log_writer);
}

std::vector<std::unique_ptr<access_log::Log>> WorkerRuntime::make_logs(
    std::size_t listener, access_log::Writer& log_writer) {
  std::vector<std::unique_ptr<access_log::Log>> logs;
  for (const LogTarget& target : shared_.access_logs[listener]) {
    logs.push_back(
        std::make_unique<access_log::Log>(target.format, log_writer, *target.sink, log_stats_));
  }
  return logs;
}

void WorkerRuntime::make_contexts(access_log::Writer& log_writer) {
  const SharedRuntime& shared = shared_;
  const filters::WorkerServices services{.io = worker_.io(),
                                         .clusters = *clusters_,
                                         .calls = *calls_,
                                         .worker = worker_.index(),
                                         .plugins = plugins_.get()};
  for (std::size_t i = 0; i < shared.config->listeners.size(); ++i) {
    const config::Listener& listener = shared.config->listeners[i];
    ConnectionLimit* const limit =
        listener.ignore_global_conn_limit ? nullptr : shared.connection_limit.get();
    listener_stats_.push_back(std::make_unique<stats::ListenerStats>());
    hcm_stats_.emplace_back();
    http_.emplace_back();
    tcp_.emplace_back();
    if (const auto* hcm = std::get_if<config::HttpConnectionManager>(&listener.filter)) {
      hcm_stats_.back() = std::make_unique<stats::HcmStats>();
      http_.back() = std::make_unique<HttpContext>(*context_, listener, *hcm, *shared.routes[i],
                                                   *hcm_stats_.back(), *listener_stats_.back(),
                                                   limit, services);
      http_.back()->local_address.text = shared.local_addresses[i];
      http_.back()->access_logs = make_logs(i, log_writer);
    } else {
      const auto& tcp = std::get<config::TcpProxy>(listener.filter);
      tcp_.back() = std::make_unique<TcpContext>(*context_, listener, tcp, *listener_stats_.back(),
                                                 limit, plugins_.get());
      tcp_.back()->local_address.text = shared.local_addresses[i];
      tcp_.back()->access_logs = make_logs(i, log_writer);
    }
  }
}

WorkerRuntime::~WorkerRuntime() {
  stop();
}

void WorkerRuntime::set_listeners(std::vector<int> sockets) {
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    const auto on_accept = [this, i](int fd, const sockaddr_storage& peer) {
      const bool taken =
          http_[i] != nullptr ? http_[i]->accept(fd, peer) : tcp_[i]->accept(fd, peer);
      if (!taken) accept_error(i, errno);
      return taken;
    };
    const auto& most = shared_.config->listeners[i].max_connections_to_accept_per_socket_event;
    listeners_.push_back(std::make_unique<net::Listener>(
        worker_.reactor(), sockets[i], on_accept, [this, i](int error) { accept_error(i, error); },
        most.value_or(net::Listener::kAcceptsPerTurn)));
  }
}

void WorkerRuntime::accept_error(std::size_t listener, int error) {
  static base::LogGate gate;
  listener_stats_[listener]->accept_error.add();
  if (!gate.try_pass()) return;
  base::log(base::Component::connection, base::LogLevel::warning,
            "listener '" + shared_.config->listeners[listener].name +
                "' can't accept: " + std::strerror(error) + "; trying again");
}

void WorkerRuntime::add_stats(stats::Registry& registry) const {
  const config::Bootstrap& config = *shared_.config;
  for (std::size_t i = 0; i < config.clusters.size(); ++i) {
    registry.add_cluster(config.clusters[i].name, {cluster_stats_[i].get()},
                         config.clusters[i].circuit_breakers.track_remaining
                             ? stats::Registry::TrackRemaining::yes
                             : stats::Registry::TrackRemaining::no);
  }
  registry.add_access_logs({&log_stats_});
  if (plugins_ != nullptr) plugins_->add_stats(registry);
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const std::string& name = config.listeners[i].name;
    registry.add_listener(name, shared_.local_addresses[i], {listener_stats_[i].get()});
    if (http_[i] == nullptr) continue;
    registry.add_http(http_[i]->config.stat_prefix, name, shared_.local_addresses[i],
                      {hcm_stats_[i].get()});
    for (const auto& filter : http_[i]->filters.all()) filter->add_stats(registry);
  }
}

void WorkerRuntime::start() {
  worker_.start();
  worker_.post([this] { on_flush_timer(); });
}

void WorkerRuntime::start_listening() {
  worker_.post([this] {
    if (plugins_ != nullptr) plugins_->start();  // Not before the clusters have their hosts.
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
      if (!listeners_[i]->start()) accept_error(i, errno);
    }
  });
}

void WorkerRuntime::update_hosts(std::size_t cluster,
                                 std::shared_ptr<const upstream::HostSet> hosts) {
  worker_.post([this, cluster, hosts = std::move(hosts)]() mutable {
    clusters_->at(cluster).update(std::move(hosts));
  });
}

void WorkerRuntime::set_draining(bool draining) {
  worker_.post([this, draining] { context_->draining = draining; });
}

void WorkerRuntime::stop_listening() {
  worker_.post([this] {
    for (const auto& listener : listeners_) listener->drain();
  });
}

void WorkerRuntime::drain_sessions() {
  worker_.post([this] {
    context_->draining = true;
    for (const auto& http : http_) {
      if (http != nullptr) http->drain();
    }
  });
}

void WorkerRuntime::stop() {
  if (context_ == nullptr) return;
  const auto end = [this] {
    net::TimerWheel::cancel(flush_timer_);
    listeners_.clear();
    http_.clear();
    tcp_.clear();
    plugins_.reset();
    clusters_.reset();
    calls_.reset();
  };
  if (worker_.running()) {
    worker_.run_and_wait(end);
    worker_.stop_and_join();
  } else {
    end();
  }
  context_.reset();
}

std::uint64_t WorkerRuntime::connections() const noexcept {
  std::uint64_t open = 0;
  for (const auto& stats : listener_stats_) open += stats->downstream_cx_active.get();
  return open;
}

void WorkerRuntime::on_flush_timer() noexcept {
  for (const auto& http : http_) {
    if (http == nullptr) continue;
    for (const auto& log : http->access_logs) context_->freed += log->flush();
    http->free_surplus();
  }
  for (const auto& tcp : tcp_) {
    if (tcp == nullptr) continue;
    for (const auto& log : tcp->access_logs) context_->freed += log->flush();
  }
  return_memory();
  net::Reactor& reactor = worker_.reactor();
  reactor.timers().set(flush_timer_, reactor.after(kFlushInterval));
}

/// What a flood of connections took is given back once it is over.
void WorkerRuntime::return_memory() noexcept {
  const std::size_t freed = std::exchange(context_->freed, 0);
  returnable_ += freed;
  const net::TimePoint now = worker_.reactor().now();
  if (returnable_ < kReturnAbove || freed > kFlooded || now < return_after_) return;
  returnable_ = 0;
  return_after_ = now + kReturnInterval;
  base::return_freed_memory();
}

}  // namespace holdfast::server
