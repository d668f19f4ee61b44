#include "server/tcp_session.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "server/tcp_filters.hpp"

namespace holdfast::server {

using access_log::Flag;

TcpContext::TcpContext(WorkerContext& worker_context, const config::Listener& listener_config,
                       const config::TcpProxy& tcp_config, stats::ListenerStats& stats,
                       ConnectionLimit* limit, filters::WorkerPlugins* plugins)
    : worker(worker_context),
      listener(listener_config),
      config(tcp_config),
      listener_stats(stats),
      gate(limit, stats) {
  for (const config::Extension& filter : listener.network_filters) {
    filters.push_back(filters::make_network_filter(filter, plugins));
  }
}

TcpContext::~TcpContext() {
  sessions.for_each([](TcpSession& session) { delete &session; });
}

bool TcpContext::accept(int fd, const sockaddr_storage& peer) {
  if (!gate.enter()) {
    ::close(fd);
    return true;
  }
  auto session = std::make_unique<TcpSession>(*this, peer);
  if (!session->start(fd)) {
    gate.leave();
    return false;
  }
  sessions.push_back(*session.release());
  return true;
}

TcpSession::TcpSession(TcpContext& context, const sockaddr_storage& peer)
    : context_(context),
      peer_(net::address_text(reinterpret_cast<const sockaddr*>(&peer))),
      downstream_(context.worker.reactor, *this),
      upstream_(context.worker.reactor, *this),
      wall_start_(std::chrono::system_clock::now()),
      start_(context.worker.reactor.now()),
      idle_timeout_(context.config.idle_timeout),
      timer_(*this) {}

TcpSession::~TcpSession() {
  net::TimerWheel::cancel(timer_);
}

bool TcpSession::start(int fd) noexcept {
  if (!downstream_.open(fd)) return false;
  const bool asked = !context_.access_logs.empty() || !context_.filters.empty();
  local_.begin(context_.local_address, fd, asked);
  context_.listener_stats.downstream_cx_total.add();
  context_.listener_stats.downstream_cx_active.add();
  context_.filters.empty() ? begin_upstream() : begin_filters();
  return true;
}

void TcpSession::begin_upstream() noexcept {
  if (!choose_cluster()) return finish(Flag::no_cluster_found);
  if (connect_upstream()) return;
  finish(host_ == nullptr ? Flag::no_healthy_upstream : Flag::upstream_connection_failure);
}

/// The plugins' word counts before the configuration's.
bool TcpSession::choose_cluster() noexcept {
  upstream::ClusterManager& clusters = context_.worker.clusters;
  if (filters_ != nullptr && filters_->idle_timeout()) idle_timeout_ = *filters_->idle_timeout();
  cluster_ = filters_ != nullptr && filters_->cluster()
                 ? clusters.find(*filters_->cluster())
                 : &clusters.at(context_.config.cluster_index);
  return cluster_ != nullptr;
}

bool TcpSession::connect_upstream() noexcept {
  host_ = cluster_->pick_host();
  auto& stats = cluster_->stats();
  if (host_ == nullptr) {
    stats.upstream_cx_none_healthy.add();
    return false;
  }
  if (!cluster_->circuit_breaker().connections.can_take()) {
    stats.upstream_cx_overflow.add();
    return false;
  }
  stats.upstream_cx_total.add();
  const int error = upstream_.open_connect(host_->address(), host_->address_length());
  if (error != 0) {
    cluster_->count_connect_error(error);
    return false;
  }
  cluster_->circuit_breaker().connections.take();
  stats.upstream_cx_active.add();
  net::Reactor& reactor = context_.worker.reactor;
  reactor.timers().set(timer_, reactor.after(cluster_->config().connect_timeout));
  return true;
}

void TcpSession::Side::on_io(std::uint32_t events) noexcept {
  absorb(events);
  if (backlog() != 0 && writable() && !flush()) broken = true;
  session_.progress();
}

/// Move bytes to the other side as far as it takes them.
void TcpSession::Side::pump(Side& to, std::size_t limit) noexcept {
  std::span<char> buffer = reactor().read_buffer();
  if (limit != 0 && limit < buffer.size())
    buffer = buffer.first(std::max<std::size_t>(limit, 1024));
  for (int round = 0; readable() && to.backlog() == 0 && !ended; ++round) {
    if (round == 16) return reactor().schedule(*this);
    const ReadResult result = read(buffer);
    if (result.state == ReadState::would_block) return;
    if (result.state == ReadState::error) broken = true;
    if (result.state != ReadState::data) {
      ended = true;
      return;
    }
    if (!to.write({buffer.data(), result.size})) to.broken = true;
  }
}

bool TcpSession::check_connected() noexcept {
  if (connected_) return true;
  const int error = downstream_.broken ? 0 : upstream_.connect_error();
  if (error == EINPROGRESS) return false;
  if (downstream_.broken) {
    finish(Flag::downstream_termination);
  } else if (error != 0) {
    cluster_->stats().upstream_cx_connect_fail.add();
    finish(Flag::upstream_connection_failure);
  } else {
    connected_ = true;
  }
  return connected_;
}

void TcpSession::progress() noexcept {
  if (closed_) return;
  if (filters_ != nullptr) {
    if (!run_filters()) return;
  } else {
    if (!check_connected()) return;
    downstream_.pump(upstream_, context_.listener.per_connection_buffer_limit_bytes);
    upstream_.pump(downstream_, cluster_->config().per_connection_buffer_limit_bytes);
  }
  pass_on_ends();
}

void TcpSession::pass_on_ends() noexcept {
  for (Side* side : {&downstream_, &upstream_}) {
    // A reset behind its FIN: recv() won't tell. (When both directions have ended it is no news.)
    if (side->ended && !side->finished && side->broken_off()) side->broken = true;
  }
  if (downstream_.broken || upstream_.broken) return finish(Flag::none);  // Without a FIN.
  for (Side* side : {&downstream_, &upstream_}) {
    Side& other = side == &downstream_ ? upstream_ : downstream_;
    if (other.ended && !side->finished && side->backlog() == 0) {
      side->finished = true;
      if (!side->shutdown_write()) side->broken = true;
    }
  }
  const bool withheld = filters_ != nullptr && filters_->withholds_upstream_end();
  const bool done = upstream_.finished && (downstream_.finished || withheld);
  if (downstream_.broken || upstream_.broken || done) return finish(Flag::none);
  wait_for_more();
}

void TcpSession::wait_for_more() noexcept {
  net::Reactor& reactor = context_.worker.reactor;
  if (idle_timeout_.count() > 0) {
    reactor.timers().set(timer_, reactor.after(idle_timeout_));
  } else {
    net::TimerWheel::cancel(timer_);
  }
}

void TcpSession::on_timeout() noexcept {
  const bool connecting = !connected_ && upstream_.is_open();
  if (connecting) cluster_->stats().upstream_cx_connect_timeout.add();
  finish(connecting ? Flag::upstream_connection_failure : Flag::none);
}

/// Its peer must not take what it has for all there is when a part is missing.
void TcpSession::close_side(Side& side) noexcept {
  const bool cut = downstream_.broken || upstream_.broken || side.backlog() != 0;
  cut ? side.reset() : side.close();
}

void TcpSession::finish(Flag flag) noexcept {
  closed_ = true;
  if (filters_ != nullptr) filters_->on_close(flag);
  access_log::Record record;
  record.flags.set(flag);
  record.bytes_received = downstream_.bytes_read();
  record.bytes_sent = downstream_.bytes_written();
  record.start = wall_start_;
  record.duration = context_.worker.reactor.now() - start_;
  if (host_ != nullptr) record.upstream_host = host_->text();
  if (cluster_ != nullptr) record.upstream_cluster = cluster_->config().name;
  record.downstream_remote_address = peer_;
  record.downstream_direct_remote_address = peer_;
  record.downstream_local_address = local_.view();
  record.listener_name = context_.listener.name;
  for (const auto& log : context_.access_logs) log->write(record);
  if (upstream_.is_open()) {
    cluster_->circuit_breaker().connections.give_back();
    cluster_->stats().upstream_cx_active.sub();
    cluster_->stats().upstream_cx_destroy.add();
    close_side(upstream_);
  }
  close_side(downstream_);
  context_.gate.leave();
  context_.listener_stats.downstream_cx_active.sub();
  context_.listener_stats.downstream_cx_destroy.add();
  net::TimerWheel::cancel(timer_);
  base::ListNode<TcpTag>::unlink();
  context_.worker.freed += sizeof(TcpSession);
  context_.worker.reactor.dispose(*this);
}

}  // namespace holdfast::server
