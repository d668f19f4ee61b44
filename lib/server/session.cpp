#include "server/session.hpp"

#include <algorithm>

#include "server/response_headers.hpp"

namespace holdfast::server {
namespace {

/// A client that sends as fast as we read must not keep the others waiting, nor one that has sent
/// many requests at once.
constexpr int kReadsPerTurn = 16;
constexpr std::uint32_t kRequestsPerTurn = 64;
/// The empty line that may stand behind a body is no begin of a request (RFC 9112 2.2).
constexpr std::size_t kEmptyLine = 2;
/// What Envoy waits after drain_timeout before it closes an idle connection that has served
/// requests.
constexpr std::chrono::milliseconds kIdleGrace{1'000};

/// What a connection that has not sent a request yet is given to do so when the process drains.
constexpr std::chrono::milliseconds kFreshGrace{1'000};

/// A connection that is idle for so long keeps no buffers; who asks again sooner finds them warm.
constexpr std::chrono::milliseconds kBufferGrace{1'000};

}  // namespace

Session::Session(HttpContext& context)
    : Stream(context.worker.reactor),
      context_(context),
      timer_(*this),
      deadlines_(context.worker.reactor, timer_),
      exchange_(*this, context) {}

Session::~Session() {
  if (looks_complete()) reset();
  if (exchange_.active())
    exchange_.abandon(access_log::Flag::downstream_termination, "server_stop");
}

bool Session::start(int fd, const sockaddr_storage& peer) {
  if (!open(fd)) return false;
  WorkerContext& worker = context_.worker;
  body_paused_ = broken_ = draining_ = write_shut_ = false;
  requests_ = turn_began_with_ = 0;
  connection_id_ = worker.connection_id += worker.workers;
  const auto* address = reinterpret_cast<const sockaddr*>(&peer);
  peer_ = net::address_text(address);
  peer_ip_ = net::address_text(address, /*port=*/false);
  const bool asked = !context_.access_logs.empty() || !context_.filters.all().empty();
  local_.begin(context_.local_address, fd, asked);
  peer_is_loopback_ = peer_ip_.starts_with("127.") || peer_ip_ == "::1";
  opened_ = reactor().now();
  auto& stats = context_.stats;
  stats.downstream_cx_total.add();
  stats.downstream_cx_active.add();
  stats.downstream_cx_http1_total.add();
  stats.downstream_cx_http1_active.add();
  context_.listener_stats.downstream_cx_total.add();
  context_.listener_stats.downstream_cx_active.add();
  deadlines_.set_after(Deadline::connection_duration, context_.config.max_connection_duration);
  wait_for_request();
  return true;
}

void Session::wait_for_request() noexcept {
  state_ = State::head;
  head_begun_ = false;
  searched_ = 0;
  deadlines_.set_after(Deadline::connection_idle, context_.config.idle_timeout);
  if (requests_ != 0) deadlines_.set_after(Deadline::buffers, kBufferGrace);
}

void Session::release_buffers(std::size_t keep) noexcept {
  context_.worker.freed += exchange_.release_buffers(keep);
  if (in_.empty()) context_.worker.freed += in_.release(keep);
}

// --- Events -------------------------------------------------------------------------------------

void Session::on_io(std::uint32_t events) noexcept {
  absorb(events);
  if (state_ == State::closed) return;
  if (backlog() != 0 && writable() && !broken_) flush_backlog();
  if (exchange_.resumed()) exchange_.continue_after_hold();
  if (broken_) {
    if (state_ != State::closed) on_client_gone();
    return;
  }
  turn_began_with_ = requests_;
  consume_pending();
  receive();
  if (state_ == State::closed) return;
  if (broken_) return on_client_gone();
  if (turn_is_over() && !in_.empty()) wake();
}

bool Session::turn_is_over() const noexcept {
  return requests_ - turn_began_with_ >= kRequestsPerTurn;
}

void Session::flush_backlog() noexcept {
  const std::uint64_t before = bytes_written();
  count_sent(before, flush());
  if (broken_) return;
  if (state_ == State::exchange && bytes_written() != before) exchange_.on_downstream_drained();
  if (state_ == State::linger) begin_close();
}

void Session::receive() noexcept {
  const std::size_t limit = context_.listener.per_connection_buffer_limit_bytes;
  for (int round = 0; state_ != State::closed && readable() && !broken_; ++round) {
    if (round == kReadsPerTurn || turn_is_over()) return wake();
    if (!wants_input()) {
      // Busy with an answer. Its client's end is the one thing to be looked for meanwhile.
      if (state_ == State::exchange &&
          (broken_off() || (peer_finished() && exchange_.request_complete()))) {
        on_client_gone();
      }
      return;
    }
    std::span<char> buffer = reactor().read_buffer();
    if (limit != 0 && limit < buffer.size())
      buffer = buffer.first(std::max<std::size_t>(limit, 1024));
    const ReadResult result = read(buffer);
    if (result.state == ReadState::would_block) return;
    if (result.state != ReadState::data) return on_client_gone();
    context_.stats.downstream_cx_rx_bytes_total.add(result.size);
    if (state_ == State::linger) continue;
    if (in_.empty()) {
      const std::size_t used = consume(buffer.first(result.size));
      if (state_ == State::head || state_ == State::exchange) {
        in_.append({buffer.data() + used, result.size - used});
      }
    } else {
      in_.append({buffer.data(), result.size});
      consume_pending();
    }
  }
}

bool Session::wants_input() const noexcept {
  switch (state_) {
    case State::head:
      return backlog() == 0;  // Who does not read answers gets no more of them.
    case State::linger:
      return true;
    case State::exchange:
      return !exchange_.request_complete() && !body_paused_;
    case State::closed:
      break;
  }
  return false;
}

// --- Input --------------------------------------------------------------------------------------

void Session::consume_pending() noexcept {
  if (in_.empty() || state_ == State::linger || !wants_input()) return;
  base::ByteQueue work;  // Taken out while it is worked on.
  std::swap(work, in_);
  const std::size_t used = consume(work.span());
  if (state_ != State::head && state_ != State::exchange) return;
  work.consume(used);
  std::swap(work, in_);
  if (in_.empty() && state_ == State::head) in_.release();
}

/// Returns how much of `bytes` is done with; the rest waits.
std::size_t Session::consume(std::span<char> bytes) noexcept {
  const std::size_t size = bytes.size();
  while (!bytes.empty() && wants_input() && state_ != State::linger) {
    if (state_ == State::head && turn_is_over()) break;
    const std::size_t used = state_ == State::head ? consume_head(bytes) : consume_body(bytes);
    if (used == 0) break;
    bytes = bytes.subspan(used);
  }
  if (state_ == State::exchange) exchange_.on_request_pause();
  return size - bytes.size();
}

/// Returns what it used: 0 = the head is not whole yet.
std::size_t Session::consume_head(std::span<char> bytes) noexcept {
  const auto& config = context_.config;
  const http::HeadLimits limits{.max_bytes = config.max_request_headers_kb * 1024,
                                .max_fields = config.max_headers_count,
                                .accept_http_10 = config.accept_http_10,
                                .accept_marked_host = context_.worker.has_plugins};
  const http::HeadResult result = http::parse_request_head({bytes.data(), bytes.size()}, limits,
                                                           exchange_.request(), searched_);
  switch (result.state) {
    case http::HeadResult::State::need_more:
      if (bytes.size() > kEmptyLine || bytes.front() != '\r') begin_head();
      searched_ = bytes.size();
      return 0;
    case http::HeadResult::State::error:
      refuse_head(result);
      return bytes.size();
    case http::HeadResult::State::complete:
      begin_exchange(result);
      return result.consumed;
  }
  return 0;
}

/// The first bytes of a head are there, the rest is not: from now on it has to come in time.
void Session::begin_head() noexcept {
  if (head_begun_) return;
  head_begun_ = true;
  deadlines_.clear(Deadline::connection_idle);
  deadlines_.set_after(Deadline::request_head, context_.config.request_headers_timeout);
  deadlines_.set_after(Deadline::request, context_.config.request_timeout);
  deadlines_.set_after(Deadline::stream_idle, context_.config.stream_idle_timeout);
}

void Session::begin_exchange(const http::HeadResult& result) noexcept {
  state_ = State::exchange;
  body_paused_ = body_broken_ = false;
  count_request();
  deadlines_.clear(Deadline::connection_idle);
  deadlines_.clear(Deadline::request_head);
  body_.start(result.framing, result.content_length,
              context_.config.enable_trailers ? &exchange_.request_trailers() : nullptr);
  exchange_.begin(result);
}

void Session::count_request() noexcept {
  ++requests_;
  if (requests_ == context_.config.max_requests_per_connection) {
    context_.stats.downstream_cx_max_requests_reached.add();
  }
}

void Session::refuse_head(const http::HeadResult& result) noexcept {
  const LocalReply refusal = describe(result.error);
  auto& stats = context_.stats;
  if (refusal.flag == access_log::Flag::downstream_protocol_error) {
    stats.downstream_cx_protocol_error.add();
  }
  if (refusal.status == 431) stats.downstream_rq_too_large.add();
  state_ = State::exchange;
  count_request();
  deadlines_.clear(Deadline::connection_idle);
  deadlines_.clear(Deadline::request_head);
  exchange_.reject(refusal.status, refusal.body, refusal.flag, refusal.details);
}

std::size_t Session::consume_body(std::span<char> bytes) noexcept {
  const http::BodyDecoder::Step step = body_.decode(bytes);
  if (step.error) {
    if (body_broken_) return bytes.size();  // The answer waits at a filter.
    body_broken_ = true;
    context_.stats.downstream_cx_protocol_error.add();
    exchange_.on_request_error();
    return bytes.size();
  }
  if (step.length != 0 || body_.done()) {
    exchange_.on_request_body(bytes.first(step.length), body_.done());
  }
  return step.consumed;
}

// --- For the exchange ---------------------------------------------------------------------------

void Session::send(std::span<const iovec> pieces) noexcept {
  if (broken_) return;
  const std::uint64_t before = bytes_written();
  count_sent(before, write(pieces));
}

void Session::count_sent(std::uint64_t before, bool sent) noexcept {
  context_.stats.downstream_cx_tx_bytes_total.add(bytes_written() - before);
  if (sent) return;
  broken_ = true;
  wake();
}

net::Stream::ReadResult Session::splice(Stream& upstream, std::size_t most) noexcept {
  const std::uint64_t before = bytes_written();
  bool sent = true;
  const ReadResult result = splice_from(upstream, most, sent);
  count_sent(before, sent);
  return result;
}

void Session::pause_body() noexcept {
  if (body_paused_) return;
  body_paused_ = true;
  context_.stats.downstream_flow_control_paused_reading_total.add();
}

void Session::resume_body() noexcept {
  if (!body_paused_) return;
  body_paused_ = false;
  context_.stats.downstream_flow_control_resumed_reading_total.add();
  wake();
}

bool Session::drains() const noexcept {
  return draining_ || context_.worker.draining;
}

bool Session::worn_out() const noexcept {
  const std::uint32_t most = context_.config.max_requests_per_connection;
  return most != 0 && requests_ >= most;
}

void Session::end_exchange(After after) noexcept {
  if (after == After::close || (draining_ && !request_waits())) return begin_close();
  wait_for_request();
  if (!in_.empty() || readable()) wake();
}

bool Session::request_waits() noexcept {
  return in_.size() > kEmptyLine || has_input();
}

void Session::abort_response() noexcept {
  if (!exchange_.close_delimited()) return begin_close();
  count_close(Destroyed::by_us);
  reset();  // As looks_complete() says.
  shut();
}

// --- The end ------------------------------------------------------------------------------------

/// Close without losing what the client has not taken yet: closing a socket with unread input sends
/// a reset, which may overtake the answer (RFC 9112 9.6). So: stop sending, drop what comes, close
/// on its end or after a while.
void Session::begin_close() noexcept {
  if (broken_) return on_client_gone();
  const bool unread = !in_.empty() || readable() || !exchange_.request_complete();
  in_.clear();
  state_ = State::linger;
  deadlines_.clear(Deadline::connection_idle);
  if (backlog() != 0) {
    // A client that takes nothing at all must not hold the connection for ever.
    const auto idle = context_.config.stream_idle_timeout;
    return deadlines_.set(
        Deadline::linger,
        reactor().after(idle.count() > 0 ? idle : context_.config.delayed_close_timeout));
  }
  if (!unread) {
    count_close(Destroyed::by_us);
    return shut();
  }
  if (!write_shut_) {
    write_shut_ = true;
    if (!shutdown_write()) {
      count_close(Destroyed::by_client);
      return shut();
    }
    const auto delay = context_.config.delayed_close_timeout;
    deadlines_.set(Deadline::linger, reactor().after(delay));
  }
  if (readable()) wake();
}

/// A FIN would say that the answer is whole, which it is not: only a reset tells the client.
bool Session::looks_complete() const noexcept {
  return exchange_.close_delimited() && (exchange_.active() || backlog() != 0 || broken_);
}

void Session::on_client_gone() noexcept {
  if (looks_complete()) reset();
  if (exchange_.active()) {
    auto& stats = context_.stats;
    stats.downstream_rq_rx_reset.add();
    stats.downstream_cx_destroy_active_rq.add();
    stats.downstream_cx_destroy_remote_active_rq.add();
    exchange_.abandon(access_log::Flag::downstream_termination, "downstream_remote_disconnect");
  }
  count_close(Destroyed::by_client);
  shut();
}

void Session::drain() noexcept {
  draining_ = true;
  // A request that is on its way, or that a fresh connection was made for, is still served.
  if (state_ != State::head || head_begun_ || request_waits()) return;
  if (requests_ == 0)
    return deadlines_.set(Deadline::connection_idle, reactor().after(kFreshGrace));
  context_.stats.downstream_cx_drain_close.add();
  begin_close();
}

void Session::count_close(Destroyed by) noexcept {
  auto& stats = context_.stats;
  stats.downstream_cx_destroy.add();
  (by == Destroyed::by_us ? stats.downstream_cx_destroy_local : stats.downstream_cx_destroy_remote)
      .add();
}

void Session::shut() noexcept {
  if (state_ == State::closed) return;
  state_ = State::closed;
  auto& stats = context_.stats;
  stats.downstream_cx_active.sub();
  stats.downstream_cx_http1_active.sub();
  stats.downstream_cx_length_ms.record(reactor().now() - opened_);
  context_.listener_stats.downstream_cx_active.sub();
  context_.listener_stats.downstream_cx_destroy.add();
  context_.listener_stats.downstream_cx_length_ms.record(reactor().now() - opened_);
  deadlines_.clear_all();
  close();
  context_.gate.leave();
  in_.clear();
  in_.release();
  base::ListNode<SessionTag>::unlink();
  reactor().dispose(*this);
}

void Session::on_dispose() noexcept {
  filters_state_.reset();
  context_.recycle(*this);
}

// --- Time ---------------------------------------------------------------------------------------

void Session::on_timeout() noexcept {
  deadlines_.fire([this](Deadline which) { return on_deadline(which); });
}

/// Returns whether the connection is still open.
bool Session::on_deadline(Deadline which) noexcept {
  auto& stats = context_.stats;
  switch (which) {
    case Deadline::linger:
      stats.downstream_cx_delayed_close_timeout.add();
      count_close(Destroyed::by_us);
      if (looks_complete()) reset();
      shut();
      break;
    case Deadline::connection_idle:
      on_idle();
      break;
    case Deadline::connection_duration:
      stats.downstream_cx_max_duration_reached.add();
      drain();
      break;
    case Deadline::request_head:
      stats.downstream_rq_header_timeout.add();
      state_ = State::exchange;
      exchange_.request().clear();
      exchange_.reject(408, "request header timeout", access_log::Flag::none,
                       "request_header_timeout");
      break;
    case Deadline::stream_idle:
    case Deadline::request:
      if (state_ == State::head) {  // In the middle of a head.
        const bool idle = which == Deadline::stream_idle;
        (idle ? stats.downstream_rq_idle_timeout : stats.downstream_rq_timeout).add();
        state_ = State::exchange;
        exchange_.request().clear();
        exchange_.reject(408, idle ? "stream timeout" : "request timeout",
                         idle ? access_log::Flag::stream_idle_timeout : access_log::Flag::none,
                         idle ? "stream_idle_timeout" : "request_overall_timeout");
        break;
      }
      [[fallthrough]];
    case Deadline::route:
    case Deadline::stream_duration:
    case Deadline::hold:
      exchange_.on_deadline(which);
      break;
    case Deadline::buffers:
      if (state_ == State::head && !head_begun_) release_buffers(0);
      break;
    case Deadline::count_:
      break;
  }
  return state_ != State::closed;
}

/// As Envoy: a connection that has served requests drains first, so that a request under way to us
/// is still served.
void Session::on_idle() noexcept {
  context_.stats.downstream_cx_idle_timeout.add();
  if (requests_ == 0 || draining_) {
    count_close(Destroyed::by_us);
    return shut();
  }
  draining_ = true;
  deadlines_.set(Deadline::connection_idle,
                 reactor().after(context_.config.drain_timeout + kIdleGrace));
}

}  // namespace holdfast::server
