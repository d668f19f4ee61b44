#include "server/tcp_filters.hpp"

#include <algorithm>
#include <cerrno>

#include "net/listener.hpp"
#include "server/tcp_session.hpp"

namespace holdfast::server {

using access_log::Flag;
using filters::ConnectionSide;
using filters::ConnectionVerdict;

namespace {
/// Waits at filters at most, each way, where the buffer limit is off.
constexpr std::size_t kMostHeld = 64UL * 1024 * 1024;
}  // namespace

TcpFilters::TcpFilters(TcpSession& session)
    : session_(session),
      connection_id_(session.context_.worker.connection_id += session.context_.worker.workers) {
  const auto& configured = session.context_.filters;
  for (std::size_t i = 0; i < configured.size(); ++i) {
    filters_.push_back(configured[i]->open(*this, i));
  }
}

bool TcpFilters::begin() noexcept {
  while (!begin_stopped_ && !closing_ && begun_ < filters_.size()) {
    hook_ = begun_++;
    in_hook_ = true;
    resumed_in_hook_ = false;
    const ConnectionVerdict verdict = filters_[hook_]->on_new_connection();
    in_hook_ = false;
    begin_stopped_ = verdict == ConnectionVerdict::stop && !resumed_in_hook_;
  }
  return !begin_stopped_ && !closing_;
}

bool TcpFilters::pass(ConnectionSide from) noexcept {
  Way& way = this->way(from);
  const std::size_t count = filters_.size();
  std::size_t next = way.resumed ? way.at + 1 : 0;
  way.resumed = way.stopped = false;
  for (; next < count; ++next) {
    hook_ = from == ConnectionSide::client ? next : count - 1 - next;
    in_hook_ = true;
    resumed_in_hook_ = false;
    const ConnectionVerdict verdict = filters_[hook_]->on_data(from, way.data, way.end);
    in_hook_ = false;
    if (closing_) return false;
    if (verdict == ConnectionVerdict::go_on || resumed_in_hook_) continue;
    way.stopped = true;
    way.at = next;
    return false;
  }
  return true;
}

void TcpFilters::continue_reading(std::size_t filter) noexcept {
  if (in_hook_ && filter == hook_) {
    resumed_in_hook_ = true;
  } else if (begin_stopped_ && filter + 1 == begun_) {
    begin_stopped_ = false;
    run_session();
  } else if (client_.stopped && filter == client_.at) {
    client_.stopped = false;
    client_.resumed = true;
    run_session();
  }
}

void TcpFilters::let_go(std::size_t filter) noexcept {
  continue_reading(filter);
  if (!upstream_.stopped || filters_.size() - 1 - filter != upstream_.at) return;
  upstream_.stopped = false;
  upstream_.resumed = true;
  run_session();
}

void TcpFilters::close() noexcept {
  if (closing_ || closed_) return;
  closing_ = true;
  run_session();
}

/// In a turn of its own.
void TcpFilters::run_session() noexcept {
  if (!closed_) session_.context_.worker.reactor.schedule(session_.downstream_);
}

void TcpFilters::on_connecting() noexcept {
  connect_start_ = session_.context_.worker.reactor.now();
}

void TcpFilters::on_connected() noexcept {
  connect_end_ = session_.context_.worker.reactor.now();
  upstream_local_address_ = net::local_address_text(session_.upstream_.fd());
}

void TcpFilters::on_close(Flag flag) noexcept {
  closed_ = true;
  ended_with_ = flag;
  const TcpSession::Side& client = session_.downstream_;
  const bool by_client = client.broken || (client.finished && client_ended_last_);
  for (const auto& filter : filters_) filter->on_close(by_client);
}

filters::StreamInfo TcpFilters::info() noexcept {
  filters::StreamInfo info;
  info.connection_id = connection_id_;
  info.downstream_remote_address = session_.peer_;
  info.downstream_local_address = session_.local_.view();
  info.listener_name = session_.context_.listener.name;
  info.start = session_.wall_start_;
  info.request_body_bytes = session_.downstream_.bytes_read();
  info.response_body_bytes = session_.downstream_.bytes_written();
  if (ended_with_ != Flag::none) {
    info.response_flags = std::uint64_t{1} << static_cast<unsigned>(ended_with_);
  }
  if (session_.cluster_ == nullptr) return info;
  const config::Cluster& cluster = session_.cluster_->config();
  info.cluster_name = cluster.name;
  info.cluster_metadata = cluster.metadata_json;
  if (!session_.connected_) return info;
  info.upstream_host = session_.host_->text();
  info.upstream_local_address = upstream_local_address_;
  info.attempts = 1;
  info.pool_ready_duration = connect_end_ - connect_start_;
  return info;
}

// --- The session's part -------------------------------------------------------------------------

void TcpSession::begin_filters() noexcept {
  filters_ = std::make_unique<TcpFilters>(*this);
  if (run_filters()) pass_on_ends();
}

bool TcpSession::run_filters() noexcept {
  if (filters_->closing()) {
    if (downstream_.broken || downstream_.backlog() == 0) finish(Flag::none);
    return false;
  }
  if (!upstream_.is_open()) {
    // Nothing is read: only a reset can be noticed.
    if (downstream_.broken_off()) downstream_.broken = true;
    if (downstream_.broken) {
      finish(Flag::downstream_termination);
      return false;
    }
    if (!filters_->begin()) {
      wait_for_more();
      return false;
    }
    filters_->on_connecting();
    begin_upstream();
    return false;
  }
  const bool was_connected = connected_;
  if (!check_connected()) return false;
  if (!was_connected) filters_->on_connected();
  downstream_.pump_through(*filters_, upstream_,
                           context_.listener.per_connection_buffer_limit_bytes);
  upstream_.pump_through(*filters_, downstream_,
                         cluster_->config().per_connection_buffer_limit_bytes);
  return !filters_->closing();  // Else there is a turn for that.
}

/// Reads what there is. True: bytes, or the end, have come.
bool TcpSession::Side::fill(base::ByteQueue& data, bool& end, std::size_t limit) noexcept {
  const std::size_t most =
      limit != 0 ? limit : std::min(kMostHeld, data.size() + reactor().read_buffer().size());
  bool news = false;
  while (readable() && !end && !ended && data.size() < most) {
    std::span<char> buffer = reactor().read_buffer();
    buffer = buffer.first(std::min(buffer.size(), most - data.size()));
    const ReadResult result = read(buffer);
    if (result.state == ReadState::would_block) break;
    if (result.state == ReadState::error) {
      broken = ended = true;
      return false;
    }
    end = result.state == ReadState::eof;
    news = true;
    data.append({buffer.data(), result.size});
  }
  return news;
}

void TcpSession::Side::pump_through(TcpFilters& filters, Side& to, std::size_t limit) noexcept {
  const bool client = this == &session_.downstream_;
  const ConnectionSide side = client ? ConnectionSide::client : ConnectionSide::upstream;
  TcpFilters::Way& way = filters.way(side);
  for (int round = 0; !ended && to.backlog() == 0 && !filters.closing(); ++round) {
    if (round == 16) return reactor().schedule(*this);
    const bool had_end = way.end;
    // What goes on is what the filter has seen: nothing is added before.
    const bool news = way.resumed || fill(way.data, way.end, limit);
    if (client && way.end && !had_end) filters.note_client_end();
    if (ended || !news) return;
    if (!filters.pass(side)) continue;
    if (!way.data.empty() && !to.write(way.data.view())) to.broken = true;
    way.data.clear();
    ended = way.end;
  }
}

}  // namespace holdfast::server
