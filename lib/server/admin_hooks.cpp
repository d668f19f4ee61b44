// What the admin server is told about the process, and what it may order (server_impl.hpp).
#include <boost/asio/ip/address.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <fstream>

#include "base/log.hpp"
#include "server/server_impl.hpp"

namespace holdfast::server {

using base::Component;
using base::LogLevel;

namespace {

std::string json_string(const std::string& text) {
  return boost::json::serialize(boost::json::string(text));
}

}  // namespace

bool Server::Impl::start_admin() {
  if (!config_.admin) return true;
  const config::SocketAddress& address = config_.admin->address;
  admin_ = std::make_unique<admin::AdminServer>(io_, make_hooks());
  boost::system::error_code error;
  const auto ip = boost::asio::ip::make_address(address.address, error);
  if (!error) error = admin_->start({ip, address.port});
  if (error) {
    base::log(Component::main, LogLevel::error,
              "admin: cannot bind '" + address.address + ":" + std::to_string(address.port) +
                  "': " + error.message());
    return false;
  }
  if (options_.admin_address_path.empty()) return true;
  std::ofstream file(options_.admin_address_path);
  file << address.address << ':' << admin_->local_endpoint().port();
  if (file.flush()) return true;
  base::log(Component::main, LogLevel::error,
            "can't write the admin address to " + options_.admin_address_path);
  return false;
}

admin::AdminHooks Server::Impl::make_hooks() {
  admin::AdminHooks hooks;
  hooks.registry = &registry_;
  hooks.ready_state = [this] { return state(); };
  hooks.listeners = [this] { return listener_infos(); };
  hooks.clusters = [this] { return cluster_infos(); };
  hooks.server_info = [this] { return server_info(); };
  hooks.config_dump_json = [this] { return config_.source_json; };
  hooks.loggers = [] {
    std::vector<admin::Logger> loggers;
    for (std::size_t i = 0; i < static_cast<std::size_t>(Component::count_); ++i) {
      const auto component = static_cast<Component>(i);
      loggers.push_back({std::string(base::to_string(component)),
                         std::string(base::to_string(base::log_level(component)))});
    }
    return loggers;
  };
  hooks.set_log_level = [](std::string_view name, std::string_view word) {
    const auto level = base::parse_log_level(word);
    if (!level) return false;
    if (name.empty()) return base::set_log_level(*level), true;
    const auto component = base::parse_component(name);
    if (component) base::set_log_level(*component, *level);
    return component.has_value();
  };
  hooks.drain_listeners = [this](admin::Drain how) { drain_listeners(how); };
  hooks.healthcheck_fail = [this](bool fail) { fail_healthcheck(fail); };
  hooks.quit = [this] { begin_drain(); };
  hooks.refresh = [this] { refresh_gauges(); };
  hooks.reopen_logs = [this] { reopen_logs(); };
  if (!admin_logs_.empty()) {
    hooks.access_log = [this](const admin::RequestFacts& facts) { log_admin_request(facts); };
  }
  return hooks;
}

admin::ServerState Server::Impl::state() const noexcept {
  if (draining_ || healthcheck_failed_) return admin::ServerState::draining;
  return live_ ? admin::ServerState::live : admin::ServerState::initializing;
}

std::vector<admin::ListenerInfo> Server::Impl::listener_infos() const {
  std::vector<admin::ListenerInfo> infos;
  for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
    infos.push_back(
        {config_.listeners[i].name,
         net::address_text(reinterpret_cast<const sockaddr*>(&bound_[i].storage), /*port=*/false),
         net::port_of(bound_[i])});
  }
  return infos;
}

std::vector<admin::ClusterInfo> Server::Impl::cluster_infos() const {
  std::vector<admin::ClusterInfo> infos;
  for (const auto& source : sources_) {
    const config::Cluster& cluster = source->cluster();
    admin::ClusterInfo info;
    info.name = cluster.name;
    info.limits = {cluster.circuit_breakers.max_connections,
                   cluster.circuit_breakers.max_pending_requests,
                   cluster.circuit_breakers.max_requests, cluster.circuit_breakers.max_retries};
    for (const auto& host : source->hosts()->hosts) {
      admin::HostInfo row;
      row.address = net::address_text(host->address(), /*port=*/false);
      row.port = host->socket_address().port();
      row.hostname = host->hostname() == row.address ? std::string{} : host->hostname();
      row.weight = host->weight();
      for (std::size_t worker = 0; worker < host->workers(); ++worker) {
        row.counts.add(host->stats(worker));
      }
      info.hosts.push_back(std::move(row));
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

admin::ServerInfo Server::Impl::server_info() const {
  admin::ServerInfo info;
  info.version = "holdfast/" + options_.version;
  info.uptime =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started_);
  info.node_id = config_.node_id;
  info.node_cluster = config_.node_cluster;
  info.options = {{"concurrency", std::to_string(options_.concurrency)},
                  {"config_path", json_string(options_.config_path)},
                  {"command_line", json_string(options_.command_line)},
                  {"drain_time", "\"" + std::to_string(options_.drain_time.count()) + "s\""}};
  return info;
}

void Server::Impl::drain_listeners(admin::Drain how) {
  if (how == admin::Drain::graceful) {
    for (const auto& worker : workers_) worker->set_draining(true);
  }
  if (how == admin::Drain::skip_exit) {
    for (const auto& worker : workers_) worker->set_draining(true);
    return;
  }
  for (const auto& worker : workers_) worker->stop_listening();
}

void Server::Impl::fail_healthcheck(bool fail) {
  healthcheck_failed_ = fail;
  for (const auto& worker : workers_) worker->set_draining(fail || draining_);
}

/// The limits are counted over all workers in one place; their gauges are read off it when asked
/// for.
void Server::Impl::refresh_gauges() {
  for (std::size_t i = 0; i < shared_.circuit_breakers.size(); ++i) {
    const upstream::CircuitBreaker& limits = *shared_.circuit_breakers[i];
    stats::CircuitBreakerStats& gauges = control_cluster_stats_[i]->circuit_breakers;
    gauges.cx_open.set(limits.connections.can_take() ? 0 : 1);
    gauges.rq_pending_open.set(limits.pending.can_take() ? 0 : 1);
    gauges.rq_open.set(limits.requests.can_take() ? 0 : 1);
    gauges.rq_retry_open.set(limits.retries.can_take() ? 0 : 1);
    gauges.remaining_cx.set(limits.connections.remaining());
    gauges.remaining_pending.set(limits.pending.remaining());
    gauges.remaining_rq.set(limits.requests.remaining());
    gauges.remaining_retries.set(limits.retries.remaining());
  }
  registry_.server().state.set(static_cast<std::uint64_t>(state()));
  registry_.server().log_lines_lost.set(base::log_lines_lost());
  registry_.server().live.set(state() == admin::ServerState::live ? 1 : 0);
}

void Server::Impl::log_admin_request(const admin::RequestFacts& facts) {
  http::Head head;
  head.set_method(facts.method);
  head.set_target(facts.path);
  head.add(http::HeaderId::host, facts.authority);
  if (!facts.user_agent.empty()) head.add(http::HeaderId::user_agent, facts.user_agent);
  access_log::Record record;
  record.request = &head;
  record.method = facts.method;
  record.path = facts.path;
  record.authority = facts.authority;
  record.protocol = "HTTP/1.1";
  record.status = static_cast<std::uint16_t>(facts.status);
  record.bytes_received = facts.bytes_received;
  record.bytes_sent = facts.bytes_sent;
  record.start = facts.start;
  record.duration = facts.duration;
  record.downstream_remote_address = facts.client_address;
  record.downstream_direct_remote_address = facts.client_address;
  for (const auto& log : admin_logs_) {
    log->write(record);
    log->flush();
  }
}

}  // namespace holdfast::server
