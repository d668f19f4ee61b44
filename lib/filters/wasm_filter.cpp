#include "filters/wasm_filter.hpp"

#include <utility>

#include "filters/wasm_stream.hpp"
#include "filters/wasm_worker.hpp"

namespace holdfast::filters {
namespace {

/// A plugin that waits for its calls is asked again so soon whether it still does.
constexpr std::chrono::milliseconds kHoldOn{1'000};

using Part = WasmStream::Part;
using wasm::Action;
using wasm::MapType;

WasmStream* stream_of(const Filter& filter, Exchange& exchange) {
  return static_cast<WasmStream*>(exchange.slot(filter.index()));
}

}  // namespace

WasmFilter::WasmFilter(const WasmConfig& config, WasmWorker& worker, std::size_t index)
    : Filter(index), config_(config), worker_(worker), plugin_(worker.plugin(config.plugin)) {}

WasmFilter::~WasmFilter() = default;

/// Without a context: the plugin is down.
WasmStream& WasmFilter::begin(Exchange& exchange) noexcept {
  if (free_.empty()) {
    all_.push_back(std::make_unique<WasmStream>(*this));
    free_.reserve(all_.size());  // on_end() must not allocate.
    free_.push_back(all_.back().get());
  }
  WasmStream& stream = *free_.back();
  free_.pop_back();
  stream.begin(exchange);
  stream.set_context(plugin_.begin(stream));
  exchange.slot(index()) = &stream;
  return stream;
}

Verdict WasmFilter::verdict_of(WasmStream& stream, Action action) const noexcept {
  if (stream.stopped()) return Verdict::hold;  // What it asked for comes in a turn of its own.
  if (action == Action::proceed) return Verdict::proceed;
  return config_.plugin->allow_on_headers_stop_iteration ? Verdict::hold_head : Verdict::hold;
}

Verdict WasmFilter::on_request(Exchange& exchange) noexcept {
  WasmStream* const stream = &begin(exchange);
  if (stream->context() == nullptr) {
    if (config_.plugin->policy == wasm::FailurePolicy::fail_open) return Verdict::proceed;
    exchange.send_local_reply(plugin_failed_reply());
    return Verdict::hold;
  }
  stream->see();
  stream->context()->create();
  stream->show(Part::request_head);
  const Action action = stream->context()->on_request_headers(
      stream->field_count(MapType::request_headers), exchange.request_ends_with_head());
  const Verdict verdict = verdict_of(*stream, action);
  if (verdict != Verdict::proceed) return verdict;  // Until the stream's idle time has passed.
  if (stream->refuse_unsendable()) return Verdict::hold;
  stream->hide(Part::request_head);
  return verdict;
}

BodyVerdict WasmFilter::on_request_body(Exchange& exchange, base::ByteQueue& body,
                                        bool end) noexcept {
  WasmStream* stream = stream_of(*this, exchange);
  if (stream == nullptr || stream->context() == nullptr) return BodyVerdict::proceed;
  stream->show(Part::request_body, &body, end);
  const Action action =
      stream->context()->on_request_body(static_cast<std::uint32_t>(body.size()), end);
  if (stream->stopped() || action == Action::pause) return BodyVerdict::buffer;
  if (stream->refuse_unsendable()) return BodyVerdict::buffer;
  stream->hide(Part::request_body);
  stream->hide(Part::request_head);
  return BodyVerdict::proceed;
}

Verdict WasmFilter::on_response(Exchange& exchange) noexcept {
  WasmStream* stream = stream_of(*this, exchange);
  if (stream == nullptr) {  // Answered before it came here: the plugin hears of it at the end.
    (void)begin(exchange);
    return Verdict::proceed;
  }
  if (stream->context() == nullptr || !stream->seen()) return Verdict::proceed;
  stream->go_on();
  stream->show(Part::response_head);
  const Action action = stream->context()->on_response_headers(
      stream->field_count(MapType::response_headers), exchange.response_ends_with_head());
  const Verdict verdict = verdict_of(*stream, action);
  if (verdict == Verdict::proceed) {
    stream->hide(Part::response_head);
  } else {
    exchange.set_hold_limit(config_.max_hold.value_or(exchange.route_timeout()));
  }
  return verdict;
}

BodyVerdict WasmFilter::on_response_body(Exchange& exchange, base::ByteQueue& body,
                                         bool end) noexcept {
  WasmStream* stream = stream_of(*this, exchange);
  if (stream == nullptr || stream->context() == nullptr || !stream->seen()) {
    return BodyVerdict::proceed;
  }
  stream->show(Part::response_body, &body, end);
  const Action action =
      stream->context()->on_response_body(static_cast<std::uint32_t>(body.size()), end);
  if (stream->stopped() || action == Action::pause) {
    exchange.set_hold_limit(config_.max_hold.value_or(exchange.route_timeout()));
    return BodyVerdict::buffer;
  }
  stream->hide(Part::response_body);
  stream->hide(Part::response_head);
  return BodyVerdict::proceed;
}

BodyVerdict WasmFilter::on_request_trailers(Exchange& exchange) noexcept {
  WasmStream* stream = stream_of(*this, exchange);
  if (stream == nullptr || stream->context() == nullptr) return BodyVerdict::proceed;
  stream->show(Part::request_trailers);
  const Action action =
      stream->context()->on_request_trailers(stream->field_count(MapType::request_trailers));
  if (stream->stopped() || action == Action::pause) return BodyVerdict::buffer;
  if (stream->refuse_unsendable()) return BodyVerdict::buffer;
  stream->hide(Part::request_trailers);
  stream->hide(Part::request_body);
  stream->hide(Part::request_head);
  return BodyVerdict::proceed;
}

BodyVerdict WasmFilter::on_response_trailers(Exchange& exchange) noexcept {
  WasmStream* stream = stream_of(*this, exchange);
  if (stream == nullptr || stream->context() == nullptr || !stream->seen()) {
    return BodyVerdict::proceed;
  }
  stream->show(Part::response_trailers);
  const Action action =
      stream->context()->on_response_trailers(stream->field_count(MapType::response_trailers));
  if (stream->stopped() || action == Action::pause) {
    exchange.set_hold_limit(config_.max_hold.value_or(exchange.route_timeout()));
    return BodyVerdict::buffer;
  }
  stream->hide(Part::response_trailers);
  stream->hide(Part::response_body);
  stream->hide(Part::response_head);
  return BodyVerdict::proceed;
}

void WasmFilter::on_answered_early(Exchange& exchange) noexcept {
  if (stream_of(*this, exchange) == nullptr) begin(exchange).leave_out_unset();
}

void WasmFilter::on_complete(Exchange& exchange) noexcept {
  stream_of(*this, exchange)->log();
}

void WasmFilter::on_hold_cancelled(Exchange& exchange) noexcept {
  WasmStream* stream = stream_of(*this, exchange);
  stream->hide(Part::response_head);
  stream->hide(Part::response_body);
}

std::chrono::milliseconds WasmFilter::on_hold_expired(Exchange& exchange) noexcept {
  WasmStream* stream = stream_of(*this, exchange);
  if (stream != nullptr && stream->context() != nullptr &&
      stream->context()->pending_calls() != 0) {
    return kHoldOn;
  }
  worker_.stats().max_hold_reached.add();
  return {};
}

void WasmFilter::on_end(Exchange& exchange) noexcept {
  WasmStream* stream = stream_of(*this, exchange);
  stream->finish();
  worker_.end_state(exchange);
  exchange.slot(index()) = nullptr;
  free_.push_back(stream);
}

std::unique_ptr<Filter> make_wasm_filter(const config::FilterConfig& config,
                                         const WorkerServices& services, std::size_t index) {
  const auto& wasm = dynamic_cast<const WasmConfig&>(config);
  auto& worker = static_cast<WasmWorker&>(*services.plugins);
  return std::make_unique<WasmFilter>(wasm, worker, index);
}

}  // namespace holdfast::filters
