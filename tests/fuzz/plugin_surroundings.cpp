#include "plugin_surroundings.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "filters/wasm_state.hpp"
#include "fuzz.hpp"
#include "strict_reader.hpp"
#include "upstream/http_call.hpp"

namespace holdfast::fuzz {
namespace {

using wasm::BufferType;
using wasm::MapType;
using wasm::Status;

constexpr std::size_t kMostCalls = 32;
/// So large a body grows, and so many bytes of properties are kept.
constexpr std::size_t kMostBody = 1UL << 20U;

// What a plugin names may be a connection's, too.
bool of_exchange(BufferType type) {
  return type == BufferType::request_body || type == BufferType::response_body;
}

bool of_exchange(wasm::StreamType type) {
  return type == wasm::StreamType::request || type == wasm::StreamType::response;
}

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_clean(std::string_view value) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  if (!value.empty() && (blank(value.front()) || blank(value.back()))) return false;
  return std::ranges::all_of(value,
                             [](unsigned char c) { return c == '\t' || (c >= ' ' && c != 0x7f); });
}

void check_fields(const http::Head& head) {
  std::size_t live = 0;
  for (const http::Field& field : head.fields()) {
    if (field.removed) continue;
    ++live;
    const std::string_view name = head.name(field);
    const std::string_view value = head.value(field);
    require(is_token(name) && is_clean(value));
    require(std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; }));
    if (field.is_line) {
      require(head.line(field) == std::string(name) + ": " + std::string(value) + "\r\n");
    }
  }
  require(live == head.field_count());
}

/// A map's size is that of what it holds, and each of these can be asked for.
void check_map(const wasm::HeaderMap& map) {
  wasm::Pairs pairs;
  map.collect(pairs);
  require(pairs.size() == map.size());
  for (const auto& [name, value] : pairs) require(map.get(name).has_value());
}

}  // namespace

// --- Worker -------------------------------------------------------------------------------------

Status FuzzWorker::start_call(const wasm::CallRequest& request, wasm::CallSink& sink,
                              std::uint32_t token) noexcept {
  for (const Call& call : calls_) require(call.sink != &sink || call.token != token);
  if (request.cluster != "cluster") return Status::bad_argument;
  upstream::HttpCallRequest call{.body = request.body, .timeout = request.timeout};
  std::string bytes;
  const bool good = upstream::append_call_head(bytes, request.headers, call);
  require(good || bytes.empty());
  if (!good) return Status::bad_argument;
  StrictMessage seen;
  bytes.append(request.body);
  require(StrictReader(bytes).request(seen) == StrictReader::Outcome::message);
  require(seen.body == request.body && seen.method == call.method);
  if (calls_.size() == kMostCalls) return Status::internal_failure;
  calls_.push_back({&sink, token});
  return Status::ok;
}

void FuzzWorker::cancel_call(wasm::CallSink& sink, std::uint32_t token) noexcept {
  const std::size_t erased = std::erase_if(
      calls_, [&](const Call& call) { return call.sink == &sink && call.token == token; });
  require(erased == 1);
}

void FuzzWorker::set_timer(const void* owner, std::chrono::milliseconds delay,
                           std::function<void()> tick) {
  timers_[owner] = {now_ + delay, std::move(tick)};
}

wasm::Property FuzzWorker::property(std::string_view path) noexcept {
  return path == "node" ? wasm::Property{Status::ok, "worker"} : wasm::Property{};
}

void FuzzWorker::answer(std::size_t which, const wasm::CallReply& reply) {
  if (calls_.empty()) return;
  const auto at = calls_.begin() + static_cast<std::ptrdiff_t>(which % calls_.size());
  const Call call = *at;
  calls_.erase(at);
  call.sink->on_call_reply(call.token, reply);
}

void FuzzWorker::advance(std::chrono::milliseconds by) {
  now_ += by;
  std::vector<const void*> due;
  for (const auto& [owner, timer] : timers_) {
    if (timer.due <= now_) due.push_back(owner);
  }
  for (const void* owner : due) {
    const auto at = timers_.find(owner);
    if (at == timers_.end()) continue;  // One before has cleared it.
    const std::function<void()> tick = std::move(at->second.tick);
    timers_.erase(at);
    tick();
  }
}

void FuzzWorker::run_posted() {
  for (std::size_t left = posted_.size(); left > 0; --left) {
    const std::function<void()> task = std::move(posted_.front());
    posted_.pop_front();
    task();
  }
}

// --- Exchange -----------------------------------------------------------------------------------

FuzzStream::FuzzStream(std::function<void(FuzzStream&)> react) : react_(std::move(react)) {
  request_.set_method("POST");
  request_.set_target("/p?q=1");
  request_.add("host", "a.test");
  request_.add("x-a", "1");
  request_.add("content-type", "text/plain");
}

void FuzzStream::start_response() {
  if (response_.status != 0) return;
  response_.status = 200;
  response_.add("server", "a");
  response_.add("set-cookie", "a=1");
  response_.add("set-cookie", "b=2");
}

void FuzzStream::receive(BufferType type, std::size_t size) {
  queue(type).append(std::string(size, 'b'));
}

std::uint32_t FuzzStream::count(MapType type) {
  const wasm::HeaderMap* map = headers(type);
  return map == nullptr ? 0 : static_cast<std::uint32_t>(map->size());
}

void FuzzStream::check() const {
  check_fields(request_);
  check_fields(response_);
  check_map(request_map_);
  check_map(response_map_);
  check_map(request_trailers_);
  check_map(response_trailers_);
  require(is_token(request_.method()) && !request_.target().empty());
  require(
      std::ranges::all_of(request_.target(), [](unsigned char c) { return c > ' ' && c < 0x7f; }));
  require(response_.status == 0 || (response_.status >= 200 && response_.status <= 999));
}

wasm::HeaderMap* FuzzStream::headers(MapType type) noexcept {
  switch (type) {
    case MapType::request_headers:
      return &request_map_;
    case MapType::response_headers:
      return response_.status == 0 ? nullptr : &response_map_;
    case MapType::request_trailers:
      return request_body_.empty() ? nullptr : &request_trailers_;
    case MapType::response_trailers:
      return response_body_.empty() ? nullptr : &response_trailers_;
    default:
      require(false);  // Those of calls are none of an exchange's.
      return nullptr;
  }
}

void FuzzStream::on_headers_modified(MapType type) noexcept {
  require(context != nullptr && headers(type) != nullptr);
}

std::optional<std::string_view> FuzzStream::body(BufferType type) noexcept {
  if (!of_exchange(type)) return std::nullopt;
  const base::ByteQueue& bytes = queue(type);
  return bytes.empty() ? std::nullopt : std::optional(bytes.view());
}

Status FuzzStream::edit_body(BufferType type, std::size_t start, std::size_t length,
                             std::string_view data) noexcept {
  if (!of_exchange(type)) return Status::bad_argument;
  base::ByteQueue& bytes = queue(type);
  if (bytes.size() + data.size() > kMostBody) return Status::internal_failure;
  if (start == 0) {
    bytes.consume(std::min(length, bytes.size()));
    bytes.prepend(data);
  } else if (start >= bytes.size()) {
    bytes.append(data);
  } else {
    return Status::bad_argument;
  }
  return Status::ok;
}

void FuzzStream::resume(wasm::StreamType type) noexcept {
  require(context != nullptr && !ending && !failed_);
  if (of_exchange(type)) react_(*this);
}

void FuzzStream::close(wasm::StreamType type) noexcept {
  resume(type);
}

void FuzzStream::send_local_response(wasm::LocalResponse&& response) noexcept {
  require(context != nullptr && !ending && !failed_);
  require(response.status >= 200 && response.status <= 999);
  start_response();
  response_.status = response.status;
  react_(*this);
}

wasm::Property FuzzStream::property(std::string_view path) noexcept {
  const auto found = properties_.find(path);
  return found == properties_.end() ? wasm::Property{} : wasm::Property{Status::ok, found->second};
}

Status FuzzStream::set_property(std::string_view path, std::string_view value,
                                const wasm::PropertyKind& /*kind*/) noexcept {
  if (properties_.size() == 8 || path.size() + value.size() > kMostBody) {
    return Status::internal_failure;
  }
  properties_.insert_or_assign(std::string(path), std::string(value));
  return Status::ok;
}

Status FuzzStream::set_filter_state(std::string_view name, std::string_view value,
                                    wasm::Span /*span*/) noexcept {
  std::string kept;
  return filters::steering_value(name, value, kept);
}

void FuzzStream::on_plugin_failed() noexcept {
  require(context != nullptr && context->failed() && context->pending_calls() == 0);
  require(!ending && !failed_);
  failed_ = true;
  react_(*this);
}

}  // namespace holdfast::fuzz
