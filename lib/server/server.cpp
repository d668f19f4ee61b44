#include "server/server.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <source_location>

#include "base/log.hpp"
#include "server/request_headers.hpp"
#include "server/server_impl.hpp"
#include "server/service_manager.hpp"

namespace holdfast::server {
namespace {

using base::Component;
using base::LogLevel;

/// A DNS cluster that does not answer must not keep the others from serving: it heals later.
constexpr std::chrono::seconds kLongestInitialization{5};
constexpr std::chrono::milliseconds kDrainPoll{20};

void say(LogLevel level, const std::string& text,
         std::source_location where = std::source_location::current()) {
  base::log(Component::main, level, text, where);
}

/// As many connections as the system allows: the soft limit is a default of shells, not a wish.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    say(LogLevel::debug, "can't raise the limit on open files");
  }
}

}  // namespace

Server::Server(const config::Bootstrap& config, Options options)
    : impl_(std::make_unique<Impl>(config, std::move(options))) {}
Server::~Server() = default;
int Server::run() {
  return impl_->run();
}

Server::Impl::Impl(const config::Bootstrap& config, Options options)
    : config_(config),
      options_(std::move(options)),
      started_(std::chrono::steady_clock::now()),
      io_(1),
      registry_({.version = options_.version, .commit = {}}),
      custom_stats_(options_.concurrency),
      resolvers_(io_),
      signals_(io_),
      init_timer_(io_),
      drain_timer_(io_),
      flush_timer_(io_) {
  shared_.config = &config_;
  shared_.workers = options_.concurrency;
  shared_.interface_address = local_interface_address();
  plugins_ = filters::make_shared_plugins(config_, custom_stats_);
  shared_.plugins = plugins_.get();
  registry_.set_custom(&custom_stats_);
  for (const config::Listener& listener : config_.listeners) {
    const auto* hcm = std::get_if<config::HttpConnectionManager>(&listener.filter);
    shared_.routes.push_back(
        hcm == nullptr ? nullptr : std::make_unique<router::RouteTable>(hcm->route_config));
  }
  if (config_.overload_manager) {
    shared_.connection_limit = std::make_unique<ConnectionLimit>(
        config_.overload_manager->resource_monitors.front().max_active_downstream_connections);
  }
  for (const config::Cluster& cluster : config_.clusters) {
    shared_.circuit_breakers.push_back(
        std::make_unique<upstream::CircuitBreaker>(cluster.circuit_breakers));
  }
}

Server::Impl::~Impl() {
  admin_.reset();
  sources_.clear();
  for (const auto& worker : workers_) worker->stop();
  for (const auto& sockets : sockets_) {
    for (const int fd : sockets) {
      if (fd >= 0) ::close(fd);
    }
  }
}

int Server::Impl::run() {
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  wait_for_signal();
  std::string error;
  if (!registry_.set_tags(config_.stats_tags, error)) {
    say(LogLevel::error, "stats_tags: " + error);
    return 1;
  }
  if (!open_logs() || !bind_listeners()) return 1;
  try {
    make_workers();
  } catch (const std::exception& problem) {
    say(LogLevel::error, problem.what());
    return 1;
  }
  make_cluster_sources();
  if (!start_admin()) return 1;
  start_clusters();
  flush_stats_later();
  io_.run();
  return 0;
}

bool Server::Impl::open_logs() {
  log_writer_ = std::make_unique<access_log::Writer>(
      [](std::string_view problem) {
        base::log(Component::access_log, LogLevel::warning, problem);
      },
      writer_stats_);
  const auto open = [this](const std::vector<config::AccessLog>& logs,
                           std::vector<LogTarget>& targets) {
    for (const config::AccessLog& log : logs) {
      access_log::CompileResult compiled = access_log::compile(log);
      const access_log::Writer::Opened opened = log_writer_->open(log);
      if (!compiled.error.empty() || !opened.error.empty()) {
        say(LogLevel::error, "access log: " + compiled.error + opened.error);
        return false;
      }
      targets.push_back({std::move(compiled.format), opened.sink});
    }
    return true;
  };
  for (const config::Listener& listener : config_.listeners) {
    const auto* hcm = std::get_if<config::HttpConnectionManager>(&listener.filter);
    const auto& logs =
        hcm != nullptr ? hcm->access_logs : std::get<config::TcpProxy>(listener.filter).access_logs;
    if (!open(logs, shared_.access_logs.emplace_back())) return false;
  }
  return !config_.admin || open(config_.admin->access_logs, admin_log_targets_);
}

bool Server::Impl::bind_listeners() {
  sockets_.resize(options_.concurrency);
  for (const config::Listener& listener : config_.listeners) {
    net::BindOptions options{.reuse_port = listener.enable_reuse_port};
    if (listener.tcp_backlog_size != 0) {
      options.backlog = static_cast<int>(listener.tcp_backlog_size);
    }
    net::BoundAddress bound;
    std::uint16_t port = listener.address.port;
    for (std::vector<int>& sockets : sockets_) {
      std::string error;
      const bool first = &sockets == &sockets_.front();
      const int fd = first || listener.enable_reuse_port
                         ? net::bind_listener(listener.address.address, port, options, bound, error)
                         : ::dup(sockets_.front().back());
      if (fd < 0) {
        say(LogLevel::error, "listener '" + listener.name + "': " + error);
        return false;
      }
      sockets.push_back(fd);
      port = net::port_of(bound);
    }
    bound_.push_back(bound);
    shared_.local_addresses.push_back(
        net::address_text(reinterpret_cast<const sockaddr*>(&bound.storage)));
  }
  return true;
}

void Server::Impl::make_workers() {
  for (unsigned i = 0; i < options_.concurrency; ++i) {
    workers_.push_back(std::make_unique<WorkerRuntime>(i, shared_, *log_writer_));
    workers_.back()->set_listeners(std::exchange(sockets_[i], {}));
    workers_.back()->add_stats(registry_);
  }
  for (const LogTarget& target : admin_log_targets_) {
    admin_logs_.push_back(std::make_unique<access_log::Log>(target.format, *log_writer_,
                                                            *target.sink, admin_log_stats_));
  }
  registry_.add_access_logs({&writer_stats_, &admin_log_stats_});
  registry_.add_dns(&resolvers_.stats());
  registry_.server().concurrency.set(options_.concurrency);
  // The workers run from now on; they listen when go_live() says so.
  for (const auto& worker : workers_) worker->start();
}

void Server::Impl::make_cluster_sources() {
  for (std::size_t i = 0; i < config_.clusters.size(); ++i) {
    const config::Cluster& cluster = config_.clusters[i];
    update_stats_.push_back(std::make_unique<stats::ClusterUpdateStats>());
    control_cluster_stats_.push_back(std::make_unique<stats::ClusterStats>());
    const bool fixed = cluster.type == config::DiscoveryType::static_;
    registry_.add_cluster(cluster.name, {control_cluster_stats_.back().get()},
                          stats::Registry::TrackRemaining::no);
    registry_.add_cluster_updates(
        cluster.name, update_stats_.back().get(),
        fixed ? stats::Registry::Discovery::fixed : stats::Registry::Discovery::dns);
    upstream::ClusterSource::Context context;
    context.workers = options_.concurrency;
    if (!fixed) {
      context.resolver = &resolvers_.get(cluster.dns);
      context.make_timer = upstream::asio_timers(io_);
    }
    context.publish = [this, i](const std::shared_ptr<const upstream::HostSet>& hosts) {
      for (const auto& worker : workers_) worker->update_hosts(i, hosts);
    };
    context.initialized = [this] { on_cluster_initialized(); };
    context.warn = [](const std::string& text) {
      base::log(Component::upstream, LogLevel::warning, text);
    };
    sources_.push_back(
        upstream::make_cluster_source(cluster, *update_stats_.back(), std::move(context)));
  }
}

void Server::Impl::start_clusters() {
  clusters_to_wait_for_ = sources_.size() + 1;  // + 1: not before all have been started.
  init_timer_.expires_after(kLongestInitialization);
  init_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    say(LogLevel::warning, "some clusters have no answer from DNS yet; starting without them");
    go_live();
  });
  for (const auto& source : sources_) source->start();
  on_cluster_initialized();
}

void Server::Impl::on_cluster_initialized() {
  if (--clusters_to_wait_for_ == 0) go_live();
}

void Server::Impl::go_live() {
  if (live_ || draining_) return;
  live_ = true;
  init_timer_.cancel();
  for (const auto& worker : workers_) worker->start_listening();
  registry_.server().live.set(1);
  const auto took = std::chrono::steady_clock::now() - started_;
  registry_.server().initialization_time_ms.record(took);
  std::string where;
  for (const std::string& address : shared_.local_addresses) {
    where += (where.empty() ? " on " : ", ") + address;
  }
  if (admin_ != nullptr) {
    where += "; admin on " + config_.admin->address.address + ":" +
             std::to_string(admin_->local_endpoint().port());
  }
  say(LogLevel::info,
      "serving" + where + " (" + std::to_string(options_.concurrency) +
          (options_.concurrency == 1 ? " worker, " : " workers, ") +
          std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()) +
          " ms)");
  tell_service_manager(kServiceReady);
}

void Server::Impl::tell_service_manager(std::string_view state) {
  const std::string problem = notify_service_manager(options_.notify_socket, state);
  if (!problem.empty()) say(LogLevel::warning, "can't tell the service manager: " + problem);
}

// --- Signals and the end ------------------------------------------------------------------------

void Server::Impl::wait_for_signal() {
  for (const int number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1}) signals_.add(number);
  const auto wait = [this](auto&& self) -> void {
    signals_.async_wait([this, self](const boost::system::error_code& error, int number) {
      if (error) return;
      on_signal(number);
      self(self);
    });
  };
  wait(wait);
}

void Server::Impl::on_signal(int number) {
  if (number == SIGUSR1) return reopen_logs();
  if (number == SIGHUP) return say(LogLevel::info, "caught and eating SIGHUP");
  if (draining_) return stop_loop();
  begin_drain();
}

void Server::Impl::begin_drain() {
  if (draining_) return;
  draining_ = true;
  say(LogLevel::info, "draining; a second signal ends at once");
  tell_service_manager(kServiceStopping);
  drain_end_ = std::chrono::steady_clock::now() + options_.drain_time;
  for (const auto& worker : workers_) {
    worker->stop_listening();
    worker->drain_sessions();
  }
  watch_drain();
}

void Server::Impl::watch_drain() {
  drain_timer_.expires_after(kDrainPoll);
  drain_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    std::uint64_t open = 0;
    for (const auto& worker : workers_) open += worker->connections();
    if (open == 0) return stop_loop();
    if (std::chrono::steady_clock::now() < drain_end_) return watch_drain();
    say(LogLevel::warning, std::to_string(open) + " connections outlived the drain time");
    stop_loop();
  });
}

void Server::Impl::stop_loop() {
  if (admin_ != nullptr) admin_->stop();
  io_.stop();
}

void Server::Impl::flush_stats_later() {
  flush_timer_.expires_after(config_.stats_flush_interval);
  flush_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    registry_.flush();
    flush_stats_later();
  });
}

void Server::Impl::reopen_logs() {
  base::reopen_log();
  log_writer_->reopen();
}

}  // namespace holdfast::server
