#include "filters/wasm_stream.hpp"

#include <algorithm>
#include <utility>

#include "filters/wasm_body.hpp"
#include "filters/wasm_filter.hpp"
#include "filters/wasm_properties.hpp"
#include "filters/wasm_worker.hpp"

namespace holdfast::filters {

using wasm::BufferType;
using wasm::MapType;
using wasm::Status;
using wasm::StreamType;

LocalReplyRequest plugin_failed_reply() {
  LocalReplyRequest reply;
  reply.status = 503;
  reply.details = "wasm_fail_stream";
  return reply;
}

void WasmStream::begin(Exchange& exchange) noexcept {
  exchange_ = &exchange;
  filter_.worker_.begin_state(exchange);
  context_ = nullptr;
  request_.emplace(exchange.request());
  response_.emplace(exchange.response());
  request_trailers_.emplace(exchange.request_trailers());
  response_trailers_.emplace(exchange.response_trailers());
  request_trailers_shown_ = response_trailers_shown_ = false;
  request_body_ = response_body_ = nullptr;
  request_end_ = response_end_ = false;
  request_had_body_ = response_had_body_ = false;
  request_shown_ = response_shown_ = seen_ = over_ = stopped_ = false;
}

void WasmStream::log() noexcept {
  over_ = true;
  if (context_ != nullptr && !seen_) context_->create();  // As Envoy: nothing is shown to that yet.
  response_->hide_hop_by_hop();
  request_shown_ = !exchange_->request().method().empty();
  response_shown_ = exchange_->response().status != 0;
  response_trailers_shown_ = response_trailers_shown_ || exchange_->response_trailers().present();
  if (context_ != nullptr) context_->log();
}

void WasmStream::finish() noexcept {
  over_ = true;
  // As Envoy: behind proxy_on_log there is nothing of the messages any more.
  request_shown_ = response_shown_ = false;
  request_trailers_shown_ = response_trailers_shown_ = false;
  if (context_ == nullptr) return;
  const bool client_left =
      context_->pending_calls() != 0 &&
      (exchange_->info().response_flags & StreamInfo::kDownstreamTermination) != 0;
  std::exchange(context_, nullptr)->end(client_left);
}

void WasmStream::show(Part part, base::ByteQueue* body, bool end) noexcept {
  switch (part) {
    case Part::request_head:
      request_shown_ = true;
      return;
    case Part::request_body:
      request_body_ = body;
      request_end_ = end;
      request_had_body_ = true;
      return;
    case Part::response_head:
      response_shown_ = true;
      return;
    case Part::response_body:
      response_body_ = body;
      response_end_ = end;
      response_had_body_ = true;
      return;
    case Part::request_trailers:
      request_trailers_shown_ = true;
      return;
    case Part::response_trailers:
      response_trailers_shown_ = true;
      return;
  }
}

void WasmStream::hide(Part part) noexcept {
  switch (part) {
    case Part::request_head:
      request_shown_ = false;
      return;
    case Part::request_body:
      request_body_ = nullptr;
      return;
    case Part::response_head:
      response_shown_ = false;
      return;
    case Part::response_body:
      response_body_ = nullptr;
      return;
    case Part::request_trailers:
      request_trailers_shown_ = false;
      return;
    case Part::response_trailers:
      response_trailers_shown_ = false;
      return;
  }
}

std::optional<LocalReplyRequest> WasmStream::unsendable() const {
  const std::string_view missing = request_->missing();
  if (missing.empty()) return std::nullopt;
  LocalReplyRequest reply;
  if (missing == ":method" || missing == ":protocol") {
    reply.status = 503;
    reply.body = "missing required header: " + std::string(missing);
    reply.details = "filter_removed_required_request_headers{missing_required_header:_" +
                    std::string(missing) + "}";
  } else {
    reply.status = 404;
    reply.details = "route_not_found";
  }
  return reply;
}

bool WasmStream::refuse_unsendable() noexcept {
  if (!request_shown_) return false;  // The head has gone on.
  auto refusal = unsendable();
  if (!refusal) return false;
  stopped_ = true;
  exchange_->send_local_reply(std::move(*refusal));
  return true;
}

std::uint32_t WasmStream::field_count(MapType type) noexcept {
  const wasm::HeaderMap* map = headers(type);
  return map == nullptr ? 0 : static_cast<std::uint32_t>(map->size());
}

wasm::HeaderMap* WasmStream::headers(MapType type) noexcept {
  if (type == MapType::request_headers && request_shown_) return &*request_;
  if (type == MapType::response_headers && response_shown_) return &*response_;
  if (type == MapType::request_trailers && request_trailers_shown_) return &*request_trailers_;
  if (type == MapType::response_trailers && response_trailers_shown_) return &*response_trailers_;
  return nullptr;
}

wasm::HeaderMap* WasmStream::to_change(MapType type) noexcept {
  // As Envoy: trailers can be added as soon as the whole body is with the plugin, and to the log.
  const bool request = over_ ? request_had_body_ : request_body_ != nullptr && request_end_;
  const bool response = over_ ? response_had_body_ : response_body_ != nullptr && response_end_;
  if (type == MapType::request_trailers && request && !request_trailers_shown_) {
    exchange_->request_trailers().make();
    request_trailers_shown_ = true;
  } else if (type == MapType::response_trailers && response && !response_trailers_shown_) {
    exchange_->response_trailers().make();
    response_trailers_shown_ = true;
  }
  return headers(type);
}

void WasmStream::on_headers_modified(MapType type) noexcept {
  if (type == MapType::request_headers && !over_) exchange_->clear_route_cache();
}

base::ByteQueue* WasmStream::body_queue(BufferType type) noexcept {
  return type == BufferType::request_body    ? request_body_
         : type == BufferType::response_body ? response_body_
                                             : nullptr;
}

std::optional<std::string_view> WasmStream::body(BufferType type) noexcept {
  const base::ByteQueue* queue = body_queue(type);
  return queue == nullptr ? std::nullopt : std::optional(queue->view());
}

Status WasmStream::edit_body(BufferType type, std::size_t start, std::size_t length,
                             std::string_view data) noexcept {
  base::ByteQueue* queue = body_queue(type);
  return queue == nullptr ? Status::bad_argument : filters::edit_body(*queue, start, length, data);
}

void WasmStream::resume(StreamType type) noexcept {
  if (exchange_ == nullptr || stopped_ || over_) return;
  if (type == StreamType::request) {
    if (refuse_unsendable()) return;
    hide(Part::request_head);
    exchange_->continue_request(filter_.index());
  } else if (type == StreamType::response) {
    hide(Part::response_head);
    exchange_->continue_response(filter_.index());
  }
}

void WasmStream::close(StreamType type) noexcept {
  if (exchange_ == nullptr || over_) return;
  if (type != StreamType::request && type != StreamType::response) return;
  stopped_ = true;
  exchange_->reset_stream();
}

void WasmStream::send_local_response(wasm::LocalResponse&& response) noexcept {
  if (exchange_ == nullptr || stopped_ || over_) return;
  stopped_ = true;
  LocalReplyRequest reply;
  reply.status = response.status;
  reply.body = std::move(response.body);
  reply.details = std::move(response.details);
  for (auto& [name, value] : response.headers) {  // The others are left out, as in Envoy.
    if (name != "content-length" && is_plugin_field(name, value)) {
      reply.headers.emplace_back(std::move(name), std::move(value));
    }
  }
  exchange_->send_local_reply(std::move(reply));
}

void WasmStream::clear_route_cache() noexcept {
  if (exchange_ != nullptr && !over_) exchange_->clear_route_cache();
}

wasm::Property WasmStream::property(std::string_view path) noexcept {
  if (exchange_ == nullptr) return {};
  wasm::Property known = stream_property(path, {.node = filter_.worker_.node(),
                                                .exchange = exchange_,
                                                .request_head = request_shown_,
                                                .response_head = response_shown_,
                                                .over = over_});
  // As Envoy: what plugins have set can be read back under a name that is not taken.
  if (known.status != Status::not_found) return known;
  return own_property(path, {connection_state(), filter_.worker_.find_state(*exchange_)});
}

WasmState* WasmStream::connection_state() const noexcept {
  return static_cast<WasmState*>(exchange_->connection_state().get());
}

WasmState& WasmStream::state_for(wasm::Span span) {
  if (span == wasm::Span::exchange) return filter_.worker_.state(*exchange_);
  auto& state = exchange_->connection_state();
  if (state == nullptr) state = std::make_unique<WasmState>();
  return static_cast<WasmState&>(*state);
}

Status WasmStream::set_property(std::string_view path, std::string_view value,
                                const wasm::PropertyKind& kind) noexcept {
  if (exchange_ == nullptr) return Status::bad_argument;
  // What is there stays where it is.
  const WasmState* own = filter_.worker_.find_state(*exchange_);
  WasmState* all = connection_state();
  const bool in_all = all != nullptr && all->property(path) != nullptr;
  const bool in_own = own != nullptr && own->property(path) != nullptr;
  const wasm::Span span = in_all   ? wasm::Span::connection
                          : in_own ? wasm::Span::exchange
                                   : kind.span;
  return state_for(span).set_property(path, value, kind.read_only);
}

Status WasmStream::set_filter_state(std::string_view name, std::string_view value,
                                    wasm::Span span) noexcept {
  std::string kept;
  const Status status = steering_value(name, value, kept);
  if (status != Status::ok) return status;
  if (exchange_ == nullptr) return Status::not_found;
  // As Envoy: who has said it first has also said for how long.
  const WasmState* own = filter_.worker_.find_state(*exchange_);
  const WasmState* all = connection_state();
  const bool said = span == wasm::Span::exchange ? all != nullptr && all->steering(name) != nullptr
                                                 : own != nullptr && own->steering(name) != nullptr;
  if (!said) state_for(span).set_steering(name, std::move(kept));
  return Status::ok;
}

void WasmStream::on_plugin_failed() noexcept {
  if (exchange_ == nullptr || over_) return;
  if (filter_.config_.plugin->policy == wasm::FailurePolicy::fail_open) {
    exchange_->continue_request(filter_.index());
    exchange_->continue_response(filter_.index());
    return;
  }
  if (stopped_) return;
  stopped_ = true;
  exchange_->send_local_reply(plugin_failed_reply());
}

}  // namespace holdfast::filters
