#include "upstream/client_connection.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>

#include "upstream/cluster.hpp"
#include "upstream/host_pool.hpp"

namespace holdfast::upstream {
namespace {

/// An upstream that sends as fast as we read must not keep the others waiting.
constexpr int kReadsPerTurn = 16;
/// Bodies with so much still to come go from socket to socket: below, copying is as cheap.
constexpr std::uint64_t kSpliceFrom = 128 * 1024;
constexpr std::size_t kSpliceAtMost = 1024 * 1024;
/// A 1xx flood must end somewhere (issue of many proxies: they loop for ever).
constexpr std::uint8_t kMaxInformational = 32;

}  // namespace

ClientConnection::ClientConnection(net::Reactor& reactor, HostPool& pool)
    : Stream(reactor), pool_(pool), host_(pool.host()), opened_(reactor.now()), timer_(*this) {}

ClientConnection::~ClientConnection() {
  net::TimerWheel::cancel(timer_);
}

int ClientConnection::connect() noexcept {
  if (const int error = open_connect(host_->address(), host_->address_length()); error != 0) {
    return error;
  }
  state_ = State::connecting;
  reactor().timers().set(timer_, reactor().after(pool_.cluster().config().connect_timeout));
  return 0;
}

void ClientConnection::begin(ResponseSink& sink, std::string_view method) noexcept {
  status_only_ = false;
  start_response(sink, method, 1);
}

void ClientConnection::begin_group(ResponseSink& sink, std::string_view method,
                                   std::uint32_t count) noexcept {
  status_only_ = true;
  start_response(sink, method, count);
}

void ClientConnection::start_response(ResponseSink& sink, std::string_view method,
                                      std::uint32_t count) noexcept {
  assert(state_ == State::busy && sink_ == nullptr && count != 0);
  sink_ = &sink;
  method_ = method;
  group_ = left_ = count;
  head_done_ = paused_ = request_whole_ = response_begun_ = false;
  informational_ = 0;
  searched_ = 0;
  if (readable()) reactor().schedule(*this);  // What an edge announced earlier is still to be read.
  requests_ += count;
  pool_.cluster().count_request_begin(pool_, count);
}

std::uint32_t ClientConnection::room() const noexcept {
  const std::uint32_t most = pool_.cluster().config().max_requests_per_connection;
  return most == 0 ? UINT32_MAX : most - std::min(most, requests_);
}

void ClientConnection::send(std::span<const iovec> pieces) noexcept {
  assert(state_ == State::busy);
  if (write_broken_) return;
  auto& stats = pool_.cluster().stats();
  const bool was_backlogged = backlog() != 0;
  const std::uint64_t before = bytes_written();
  if (!write(pieces)) {
    on_write_error();
    reactor().schedule(*this);
  }
  stats.upstream_cx_tx_bytes_total.add(bytes_written() - before);
  if (!was_backlogged && backlog() != 0) stats.upstream_flow_control_backed_up_total.add();
}

void ClientConnection::pause_reading() noexcept {
  if (paused_) return;
  paused_ = true;
  pool_.cluster().stats().upstream_flow_control_paused_reading_total.add();
}

void ClientConnection::resume_reading() noexcept {
  if (!paused_) return;
  paused_ = false;
  pool_.cluster().stats().upstream_flow_control_resumed_reading_total.add();
  reactor().schedule(*this);
}

void ClientConnection::cancel(bool late) noexcept {
  assert(state_ == State::busy && sink_ != nullptr);
  auto& stats = pool_.cluster().stats();
  if (late) note_unanswered();
  stats.upstream_rq_tx_reset.add(left_);
  stats.upstream_cx_destroy_local_with_active_rq.add();
  stats.upstream_cx_destroy_with_active_rq.add();
  sink_ = nullptr;
  pool_.cluster().count_request_end(pool_, left_);
  shut();
}

void ClientConnection::make_idle() noexcept {
  state_ = State::idle;
  if (readable()) reactor().schedule(*this);
  // A timer that still runs from an earlier time idle looks at this when it comes.
  idle_since_ = reactor().now();
  const auto idle = pool_.cluster().config().idle_timeout;
  if (idle.count() > 0 && !timer_.armed()) reactor().timers().set(timer_, idle_since_ + idle);
}

void ClientConnection::close_unused() noexcept {
  shut();
}

void ClientConnection::close_quietly() noexcept {
  net::TimerWheel::cancel(timer_);
  state_ = State::closed;
  sink_ = nullptr;
  close();
}

void ClientConnection::on_io(std::uint32_t events) noexcept {
  const bool was_backlogged = backlog() != 0;
  absorb(events);
  switch (state_) {
    case State::connecting:
      return on_connecting();
    case State::idle:
      return on_idle_input();
    case State::busy:
      return on_busy(was_backlogged);
    case State::closed:
      return;
  }
}

void ClientConnection::on_connecting() noexcept {
  const int error = connect_error();
  if (error == EINPROGRESS) return;
  if (error != 0) {
    shut();
    return pool_.on_connect_failed(ResetReason::connection_failure, error);
  }
  if (readable()) {
    // It speaks before it is asked, or has gone again: what it says must not be taken for an
    // answer.
    const bool bytes = has_input();
    if (bytes) pool_.cluster().stats().upstream_cx_protocol_error.add();
    shut();
    return pool_.on_connect_failed(
        bytes ? ResetReason::protocol_error : ResetReason::connection_termination, 0);
  }
  net::TimerWheel::cancel(timer_);
  pool_.cluster().stats().upstream_cx_connect_ms.record(reactor().now() - opened_);
  state_ = State::busy;  // No longer one that the pool counts as connecting.
  pool_.on_connected(*this);
}

void ClientConnection::on_timeout() noexcept {
  auto& stats = pool_.cluster().stats();
  if (state_ == State::connecting) {
    stats.upstream_cx_connect_timeout.add();
    shut();
    pool_.on_connect_failed(ResetReason::connection_timeout, 0);
  } else if (state_ == State::idle) {
    const net::TimePoint end = idle_since_ + pool_.cluster().config().idle_timeout;
    if (reactor().now() < end) return reactor().timers().set(timer_, end);
    stats.upstream_cx_idle_timeout.add();
    shut();
  }
}

/// An idle connection has nothing to say: bytes without a request are as bad as its end.
void ClientConnection::on_idle_input() noexcept {
  if (!readable()) return;
  const ReadResult result = read(reactor().read_buffer());
  if (result.state == ReadState::would_block) return;
  auto& stats = pool_.cluster().stats();
  if (result.state == ReadState::data) {
    stats.upstream_cx_protocol_error.add();
  } else {
    closed_by_peer_ = true;
  }
  shut();
}

void ClientConnection::on_busy(bool was_backlogged) noexcept {
  if (was_backlogged && writable() && !write_broken_) {
    const std::uint64_t before = bytes_written();
    if (!flush()) on_write_error();
    pool_.cluster().stats().upstream_cx_tx_bytes_total.add(bytes_written() - before);
    if (!write_broken_ && backlog() == 0) {
      pool_.cluster().stats().upstream_flow_control_drained_total.add();
      sink_->on_request_drained();
    }
    if (state_ != State::busy || sink_ == nullptr) return;
  }
  if (!stash_.empty() && !paused_) {
    const ResponseSink* const sink = sink_;
    process_stash(/*last=*/false);
    if (state_ != State::busy || sink_ != sink) return;
  }
  receive();
}

/// The kernel tells of a reset once, to the call that comes first; a FIN that came before the reset
/// makes it EPIPE (tcp_reset() in Linux).
void ClientConnection::on_write_error() noexcept {
  write_broken_ = true;
  reset_by_peer_ = errno != EPIPE;
}

void ClientConnection::receive() noexcept {
  const ResponseSink* const sink = sink_;
  const std::uint32_t request = requests_;
  const std::size_t limit = pool_.cluster().config().per_connection_buffer_limit_bytes;
  for (int round = 0; !paused_ && (readable() || write_broken_); ++round) {
    if (round == kReadsPerTurn) {
      reactor().schedule(*this);
      break;
    }
    if (can_splice_body()) {
      if (!splice_body(limit)) return;
      continue;
    }
    std::span<char> buffer = reactor().read_buffer();
    if (limit != 0 && limit < buffer.size())
      buffer = buffer.first(std::max<std::size_t>(limit, 1024));
    const ReadResult result = read(buffer);
    if (result.state == ReadState::would_block) {
      if (write_broken_) return fail(ResetReason::connection_termination);
      break;
    }
    if (result.state != ReadState::data) {
      return on_input_end(result.state == ReadState::eof && !reset_by_peer_);
    }
    pool_.cluster().stats().upstream_cx_rx_bytes_total.add(result.size);
    response_begun_ = true;
    // The peer's end was announced before a read that was short: mostly, no more comes.
    const bool last = peer_finished() && result.size < buffer.size() && is_input_over();
    if (stash_.empty()) {
      const std::size_t used = process(buffer.first(result.size));
      if (state_ == State::busy && sink_ == sink && requests_ == request) {
        stash_.append({buffer.data() + used, result.size - used});
      }
    } else {
      stash_.append({buffer.data(), result.size});
      process_stash(last);
    }
    // Another request may be on this connection by now, or none.
    if (state_ != State::busy || sink_ != sink || requests_ != request) return;
    // Before any of it is sent on: a response that has broken off is better a 502 than half a 200.
    if (last && head_done_ && !paused_) return on_input_end(!reset_by_peer_);
    sink_->on_response_pause();  // Before the next read reuses the buffer.
    if (sink_ != sink) return;   // Given up there.
  }
}

bool ClientConnection::is_input_over() noexcept {
  const Rest what = rest();
  if (what == Rest::broken) reset_by_peer_ = true;
  return what == Rest::fin || what == Rest::broken;
}

bool ClientConnection::can_splice_body() const noexcept {
  return head_done_ && !status_only_ && body_.framing() == http::Framing::content_length &&
         body_.remaining() >= kSpliceFrom && stash_.empty() && !write_broken_ &&
         sink_->can_splice();
}

/// Returns whether the response goes on.
bool ClientConnection::splice_body(std::size_t limit) noexcept {
  const std::uint64_t most = limit == 0 ? kSpliceAtMost : std::min(limit, kSpliceAtMost);
  const ReadResult result = sink_->splice_body(
      *this, static_cast<std::size_t>(std::min<std::uint64_t>(body_.remaining(), most)));
  if (result.state == ReadState::would_block) return true;
  if (result.state != ReadState::data) {
    on_input_end(result.state == ReadState::eof && !reset_by_peer_);
    return false;
  }
  pool_.cluster().stats().upstream_cx_rx_bytes_total.add(result.size);
  body_.skip(result.size);
  if (!body_.done()) return true;
  complete();
  return false;
}

void ClientConnection::process_stash(bool last) noexcept {
  // Taken out while it is worked on. The sink may keep views of it until the pause.
  const ResponseSink* const sink = sink_;
  const std::uint32_t request = requests_;
  base::ByteQueue work;
  std::swap(work, stash_);
  const std::size_t used = process(work.span());
  if (state_ != State::busy || sink_ != sink || requests_ != request) return;
  if (last && head_done_ && !paused_) return on_input_end(!reset_by_peer_);
  sink_->on_response_pause();
  if (state_ != State::busy || sink_ != sink || requests_ != request) return;
  work.consume(used);
  std::swap(work, stash_);
}

/// Returns how much of `bytes` is done with; the rest waits for more, or for resume_reading().
std::size_t ClientConnection::process(std::span<char> bytes) noexcept {
  const ResponseSink* const sink = sink_;
  const std::size_t size = bytes.size();
  while (!bytes.empty() && !paused_) {
    const bool was_head = !head_done_;
    const std::size_t used =
        was_head ? process_head({bytes.data(), bytes.size()}) : process_body(bytes);
    if (state_ != State::busy || sink_ != sink) return size;
    bytes = bytes.subspan(used);
    if (head_done_ && body_.done()) {
      if (left_ > 1 && keep_alive_) {
        end_one(!bytes.empty());
        if (state_ != State::busy || sink_ != sink) return size;
        continue;
      }
      if (bytes.empty() || left_ > 1) {
        complete();
      } else {  // RFC 9112 9.2: an answer that nobody has asked for; whose the first one is, is
                // open.
        refuse();
      }
      return size;
    }
    if (was_head && used == 0) break;
  }
  if (!head_done_ || !body_.done()) return size - bytes.size();
  complete();
  return size;
}

/// What the upstream says is no HTTP, or not what it was asked.
void ClientConnection::refuse() noexcept {
  pool_.cluster().stats().upstream_cx_protocol_error.add();
  fail(ResetReason::protocol_error);
}

/// Returns what it used: 0 = the head is incomplete (or the connection has failed).
std::size_t ClientConnection::process_head(std::string_view bytes) noexcept {
  http::Head& head = sink_->response_head();
  if (status_only_) {
    if (const HeadMemo::Known* known = pool_.head_memo().find(bytes, method_)) {
      head.status = known->status;
      return take_head(bytes, known->result);
    }
  }
  const config::Cluster& config = pool_.cluster().config();
  const http::HeadLimits limits{.max_bytes = config.max_response_headers_kb * 1024,
                                .max_fields = config.max_headers_count,
                                .accept_http_10 = true};
  const http::HeadResult result =
      http::parse_response_head(bytes, limits, method_, head, searched_);
  if (result.state == http::HeadResult::State::need_more) {
    searched_ = bytes.size();
    return 0;
  }
  searched_ = 0;
  const bool bad = result.state == http::HeadResult::State::error || head.status == 101 ||
                   (head.status < 200 && ++informational_ > kMaxInformational);
  if (bad) {
    refuse();
    return 0;
  }
  if (head.status < 200) {
    sink_->on_informational();
    return result.consumed;
  }
  if (status_only_) pool_.head_memo().keep(bytes, method_, result, head.status);
  return take_head(bytes, result);
}

/// `bytes` begins with a final head. Returns what is done with: the head, perhaps the body, too.
std::size_t ClientConnection::take_head(std::string_view bytes,
                                        const http::HeadResult& result) noexcept {
  searched_ = 0;
  head_done_ = true;
  keep_alive_ = result.keep_alive && result.framing != http::Framing::until_close;
  if (!result.keep_alive) pool_.cluster().stats().upstream_cx_close_notify.add();
  const std::size_t behind = bytes.size() - result.consumed;
  const bool skips_body = status_only_ && result.framing == http::Framing::content_length &&
                          result.content_length <= behind;
  body_.start(skips_body ? http::Framing::none : result.framing, result.content_length,
              result.framing == http::Framing::chunked ? sink_->kept_trailers() : nullptr);
  const std::size_t used =
      result.consumed + (skips_body ? static_cast<std::size_t>(result.content_length) : 0);
  sink_->on_response_head(result);
  return used;
}

std::size_t ClientConnection::process_body(std::span<char> bytes) noexcept {
  const http::BodyDecoder::Step step = body_.decode(bytes);
  if (step.error) {
    refuse();
    return 0;
  }
  if (step.length != 0) sink_->on_response_body(bytes.first(step.length));
  return step.consumed;
}

void ClientConnection::on_input_end(bool clean) noexcept {
  closed_by_peer_ = true;
  if (clean && head_done_ && body_.finish_at_eof()) return complete();
  // As Envoy: half a head is the upstream's fault, none at all may be the network's.
  const bool half_a_head = !head_done_ && !stash_.empty();
  fail(half_a_head ? ResetReason::protocol_error : ResetReason::connection_termination);
}

/// One response of a group has ended, and it isn't the last.
void ClientConnection::end_one(bool next_begun) noexcept {
  --left_;
  head_done_ = false;
  informational_ = 0;
  response_begun_ = next_begun;
  pool_.cluster().count_request_end(pool_, 1);
  sink_->on_response_end();
}

/// Whoever pipelines must ask again on other connections, and should learn from it (RFC
/// 9112 9.3.2). A connection that has answered a whole group before says nothing against its host
/// when it ends in the midst of one: each has its last request.
void ClientConnection::note_unanswered() noexcept {
  const std::uint32_t begun = response_begun_ ? 1 : 0;
  // Reused, and closed before a byte came back: it may have been idle for too long.
  const bool stale =
      left_ == group_ && !response_begun_ && earlier_requests() > 0 && closed_by_peer_;
  if (group_ > 1 && left_ > begun && !pipelines_ && !stale) pool_.on_pipelining_failed();
}

void ClientConnection::complete() noexcept {
  if (left_ > 1) {  // This response has said, or its end has shown, that it is the last one here.
    end_one(/*next_begun=*/false);
    if (state_ == State::busy && sink_ != nullptr) fail(ResetReason::connection_termination);
    return;
  }
  if (group_ > 1) {
    pipelines_ = true;
    pool_.on_pipelining_worked();
  }
  ResponseSink& sink = *sink_;
  auto& cluster = pool_.cluster();
  sink_ = nullptr;
  const std::uint32_t max_requests = cluster.config().max_requests_per_connection;
  const bool worn_out = max_requests != 0 && requests_ >= max_requests;
  if (worn_out) cluster.stats().upstream_cx_max_requests.add();
  // What has come behind this response must not be taken for the answer to the next request.
  const Rest behind = readable() ? rest() : Rest::nothing;
  if (behind == Rest::bytes) cluster.stats().upstream_cx_protocol_error.add();
  const bool reusable = behind == Rest::nothing && keep_alive_ && request_whole_ &&
                        backlog() == 0 && !write_broken_ && !closed_by_peer_ && !peer_finished() &&
                        !worn_out;
  cluster.count_request_end(pool_, 1);
  // The sink first: it sends what it has put together from this turn's bytes before anything else
  // may use the worker's buffers; whoever waits for this connection comes after it.
  sink.on_response_end();
  if (!reusable || !pool_.on_free(*this)) shut();
}

void ClientConnection::fail(ResetReason reason) noexcept {
  ResponseSink& sink = *sink_;
  auto& stats = pool_.cluster().stats();
  sink_ = nullptr;
  note_unanswered();
  stats.upstream_rq_rx_reset.add(left_);
  stats.upstream_cx_destroy_with_active_rq.add();
  (closed_by_peer_ ? stats.upstream_cx_destroy_remote_with_active_rq
                   : stats.upstream_cx_destroy_local_with_active_rq)
      .add();
  pool_.cluster().count_request_end(pool_, left_);
  shut();
  sink.on_reset(reason);
}

/// Close, and leave the pool.
void ClientConnection::shut() noexcept {
  if (state_ == State::closed) return;
  auto& stats = pool_.cluster().stats();
  stats.upstream_cx_destroy.add();
  (closed_by_peer_ ? stats.upstream_cx_destroy_remote : stats.upstream_cx_destroy_local).add();
  stats.upstream_cx_length_ms.record(reactor().now() - opened_);
  net::TimerWheel::cancel(timer_);
  const bool connecting = state_ == State::connecting;
  state_ = State::closed;
  close();
  pool_.on_closed(*this, connecting);
  reactor().dispose(*this);
}

}  // namespace holdfast::upstream
