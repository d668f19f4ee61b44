#include "upstream/http_call.hpp"

#include <array>

#include "upstream/local_reply.hpp"

namespace holdfast::upstream {
namespace {

/// What a free call may keep of its buffers, each.
constexpr std::size_t kKeep = 64UL * 1024;

void empty(base::Buffer& buffer) noexcept {
  buffer.clear();
  if (buffer.capacity() > kKeep) buffer.release();
}

}  // namespace

HttpCall* HttpCallPool::start(Cluster& cluster, const HttpCallRequest& request,
                              HttpCallOwner& owner, CallOutcome& failure) noexcept {
  if (bytes_ + request.head.size() + request.body.size() > kMostBytes) {
    failure = CallOutcome::overflow;
    return nullptr;
  }
  if (free_.empty()) {
    all_.push_back(std::unique_ptr<HttpCall>(new HttpCall(*this)));
    free_.push_back(*all_.back());
  }
  HttpCall* call = free_.pop_front();
  return call->start(cluster, request, owner, failure) ? call : nullptr;
}

bool HttpCall::start(Cluster& cluster, const HttpCallRequest& request, HttpCallOwner& owner,
                     CallOutcome& failure) noexcept {
  prepare(cluster, 1, cluster.reactor().now());
  owner_ = &owner;
  user_ = request.user;
  token_ = request.token;
  repeatable_ = request.repeatable;
  head_arrived_ = has_response_ = false;
  method_.assign(request.method);
  request_.append(request.head);
  request_.append(request.body);
  pool_.bytes_ += request_.size();
  const Acquired acquired = acquire(/*fresh=*/false);
  if (acquired.connection == nullptr && acquired.waiting_in == nullptr) {
    failure = outcome_of(acquired.failure);
    count(failure, failure_reply(acquired.failure).status);
    release();
    return false;
  }
  if (request.timeout.count() > 0) {
    cluster_->reactor().timers().set(timer_, begun_ + request.timeout);
  } else {
    net::TimerWheel::cancel(timer_);
  }
  if (acquired.connection != nullptr) use(*acquired.connection);
  return true;
}

void HttpCall::use(ClientConnection& connection) noexcept {
  connection_ = &connection;
  waiting_in_ = nullptr;
  connection.begin(*this, method_);
  const std::array<iovec, 1> pieces{net::piece(request_.view())};
  connection.send(pieces);
  connection.finish_request();
}

void HttpCall::on_connection_ready(ClientConnection& connection) noexcept {
  use(connection);
}

void HttpCall::on_connection_failed(ResetReason reason, int /*error*/) noexcept {
  waiting_in_ = nullptr;
  fail(reason);
}

void HttpCall::on_response_head(const http::HeadResult&) noexcept {
  head_arrived_ = true;
  add_service_time(response_, cluster_->reactor().now() - begun_);
}

void HttpCall::on_response_body(std::span<char> bytes) noexcept {
  if (body_.size() + bytes.size() > kMostBody ||
      pool_.bytes_ + bytes.size() > HttpCallPool::kMostBytes) {
    give_up(/*late=*/false);
    const std::uint16_t status = response_.status;
    drop_response();
    return finish(CallOutcome::failed, status);
  }
  pool_.bytes_ += bytes.size();
  received_ += bytes.size();
  body_.append({bytes.data(), bytes.size()});
}

void HttpCall::on_response_end() noexcept {
  connection_ = nullptr;
  has_response_ = true;
  finish(CallOutcome::response, response_.status);
}

void HttpCall::on_reset(ResetReason reason) noexcept {
  const bool stale = is_stale(reason);
  connection_ = nullptr;
  if (stale && repeatable_ && retry()) return;
  fail(reason);
}

void HttpCall::on_timeout() noexcept {
  if (owner_ == nullptr) return;  // Of an earlier use: release() lets it run on.
  expire();
  std::uint16_t status = kTimeoutReply.status;
  if (head_arrived_) {
    status = response_.status;
    drop_response();
  } else {
    reply_locally(status, kTimeoutReply.body, /*overloaded=*/false);
  }
  finish(CallOutcome::timeout, status);
}

void HttpCall::fail(ResetReason reason) noexcept {
  if (head_arrived_) {
    const std::uint16_t status = response_.status;
    drop_response();
    return finish(outcome_of(reason), status);
  }
  const FailureReply reply = failure_reply(reason);
  reply_locally(reply.status, reply.body, reason == ResetReason::overflow);
  finish(outcome_of(reason), reply.status);
}

void HttpCall::reply_locally(std::uint16_t status, std::string_view body,
                             bool overloaded) noexcept {
  response_.clear();
  response_.status = status;
  if (overloaded) response_.add("x-envoy-overloaded", "true");
  add_local_body(response_, body);
  drop_body();
  if (method_ != "HEAD") body_.append(body);
  has_response_ = true;
}

/// What has come from the upstream.
void HttpCall::drop_body() noexcept {
  pool_.bytes_ -= received_;
  received_ = 0;
  body_.clear();
  trailers_.clear();
}

void HttpCall::drop_response() noexcept {
  response_.clear();
  drop_body();
  has_response_ = false;
}

void HttpCall::finish(CallOutcome outcome, std::uint16_t status) noexcept {
  count(outcome, status);
  HttpCallOwner& owner = *owner_;
  owner_ = nullptr;
  let_go();
  Link::unlink();
  owner.on_http_call_done(*this, outcome);
  release();
}

void HttpCall::cancel() noexcept {
  if (owner_ == nullptr) return;
  give_up(/*late=*/false);
  release();
}

void HttpCall::release() noexcept {
  // The timer stays where it is: the next use moves its deadline.
  owner_ = nullptr;
  let_go();
  response_.clear();
  response_.release(kKeep);
  drop_body();
  empty(body_);
  pool_.bytes_ -= request_.size();
  empty(request_);
  Link::unlink();
  pool_.free_.push_back(*this);
}

}  // namespace holdfast::upstream
