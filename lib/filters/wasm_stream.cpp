#include "filters/wasm_stream.hpp"

#include <utility>

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
  context_ = nullptr;
  request_.emplace(exchange.request());
  response_.emplace(exchange.response());
  request_body_ = response_body_ = nullptr;
  request_shown_ = response_shown_ = over_ = stopped_ = false;
}

void WasmStream::finish() noexcept {
  over_ = true;
  request_shown_ = true;
  response_shown_ = exchange_->response().status != 0;
  if (context_ != nullptr) std::exchange(context_, nullptr)->end();
}

void WasmStream::show(Part part, base::ByteQueue* body) noexcept {
  switch (part) {
    case Part::request_head:
      request_shown_ = true;
      return;
    case Part::request_body:
      request_body_ = body;
      return;
    case Part::response_head:
      response_shown_ = true;
      return;
    case Part::response_body:
      response_body_ = body;
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
  }
}

std::uint32_t WasmStream::field_count(MapType type) noexcept {
  const wasm::HeaderMap* map = headers(type);
  return map == nullptr ? 0 : static_cast<std::uint32_t>(map->size());
}

wasm::HeaderMap* WasmStream::headers(MapType type) noexcept {
  if (type == MapType::request_headers && request_shown_) return &*request_;
  if (type == MapType::response_headers && response_shown_) return &*response_;
  return nullptr;
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
  if (queue == nullptr) return Status::bad_argument;
  const std::size_t size = queue->size();
  if (start == 0 && length == 0) {
    const std::string behind(queue->view());
    queue->clear();
    queue->append(data);
    queue->append(behind);
  } else if (start == 0 && length >= size) {
    queue->clear();
    queue->append(data);
  } else if (start >= size) {
    queue->append(data);
  } else {
    return Status::bad_argument;
  }
  return Status::ok;
}

void WasmStream::resume(StreamType type) noexcept {
  if (exchange_ == nullptr || stopped_ || over_) return;
  if (type == StreamType::request) {
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
  exchange_->send_local_reply({.status = response.status,
                               .body = std::move(response.body),
                               .headers = std::move(response.headers),
                               .details = std::move(response.details)});
}

void WasmStream::clear_route_cache() noexcept {
  if (exchange_ != nullptr && !over_) exchange_->clear_route_cache();
}

wasm::Property WasmStream::property(std::string_view path) noexcept {
  if (exchange_ == nullptr) return {};
  wasm::Property known = stream_property(path, {.exchange = exchange_,
                                                .request_head = request_shown_,
                                                .response_head = response_shown_,
                                                .over = over_});
  // As Envoy: what plugins have set can be read back under a name of one part that is not taken.
  if (known.status != Status::not_found || path.find('\0') != std::string_view::npos) return known;
  const std::string* own = filter_.worker_.find_property(*exchange_, path);
  return own == nullptr ? known : wasm::Property{Status::ok, *own};
}

Status WasmStream::set_property(std::string_view path, std::string_view value) noexcept {
  if (exchange_ == nullptr) return Status::bad_argument;
  return filter_.worker_.set_property(*exchange_, path, value) ? Status::ok
                                                               : Status::internal_failure;
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
