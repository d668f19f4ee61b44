#include "filters/dispatch_filter.hpp"

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <cassert>

#include "base/text.hpp"
#include "stats/registry.hpp"

namespace holdfast::filters {
namespace {

constexpr std::uint16_t kBadGateway = 502;
constexpr std::string_view kFailedHeader = "x-dispatch-failed";
constexpr std::string_view kFailedBody = "side request failed";

bool is_failure(const upstream::CallResult& result) {
  return result.outcome != upstream::CallOutcome::response || result.status >= 500;
}

upstream::CallRequest make_request(const DispatchConfig& config) {
  std::vector<std::pair<std::string, std::string>> headers;
  headers.reserve(config.headers.size());
  for (const HeaderValue& header : config.headers) headers.emplace_back(header.key, header.value);
  const std::string one = upstream::side_request_head(config.method, config.path, config.authority,
                                                      headers, config.timeout);
  // More than one response asks for are never sent at once.
  const std::uint32_t copies = std::max(std::min(config.max_pipelined, config.count), 1U);
  std::string bytes;
  bytes.reserve(one.size() * copies);
  for (std::uint32_t i = 0; i < copies; ++i) bytes += one;
  return {.bytes = std::move(bytes),
          .max_pipelined = copies,
          .method = config.method,
          .repeatable = is_idempotent(config.method),
          .timeout = config.timeout};
}

}  // namespace

/// One held response and its calls.
struct DispatchFilter::Join final : upstream::CallOwner {
  explicit Join(DispatchFilter& owner) : filter(owner) {}

  void on_call_done(upstream::Call&, const upstream::CallResult& result) noexcept override {
    filter.count(result);
    filter.arrive(*this, is_failure(result));
  }
  void on_call_split(upstream::Call& call) noexcept override {
    filter.stats_.calls_resent.add();
    out.push_back(call);
  }

  DispatchFilter& filter;
  Hold hold;
  base::List<upstream::Call, upstream::CallTag> out;
  net::TimePoint since;
  std::uint32_t serial = 0;   ///< Which use of this object.
  std::uint32_t pending = 0;  ///< Touched only on strand_, once the calls have been started.
  std::uint32_t failed = 0;   ///< Likewise.
};

DispatchFilter::DispatchFilter(const DispatchConfig& config, const WorkerServices& services,
                               std::size_t index)
    : Filter(index),
      config_(config),
      cluster_(*services.clusters.find(config.cluster)),
      calls_(services.calls),
      request_(make_request(config)),
      count_text_(std::to_string(config.count)),
      strand_(services.io.get_executor()) {}

DispatchFilter::~DispatchFilter() {
  for (const auto& join : joins_) cancel_calls(*join, /*late=*/false);
}

Verdict DispatchFilter::on_response(Exchange& exchange) noexcept {
  if (config_.count == 0) return Verdict::proceed;  // The original would hold for ever.
  Join& join = *take_join();
  exchange.slot(index()) = &join;
  join.hold = exchange.hold();
  join.since = cluster_.reactor().now();
  join.pending = config_.count;
  join.failed = 0;
  stats_.holds_total.add();
  stats_.holds_active.add();
  start_calls(join);
  if (join.pending == 0) {  // None could even be started.
    settle(join, exchange);
    return Verdict::proceed;
  }
  exchange.set_hold_limit(config_.max_hold.value_or(exchange.route_timeout()));
  return Verdict::hold;
}

void DispatchFilter::start_calls(Join& join) noexcept {
  stats_.calls_total.add(config_.count);
  stats_.calls_active.add(config_.count);
  for (std::uint32_t left = config_.count; left != 0;) {
    upstream::CallResult result{upstream::CallOutcome::overflow, 0};
    if (upstream::Call* call = start_call(join, left, result)) {
      join.out.push_back(*call);
      in_flight_ += call->size();
      if (call->size() > 1) stats_.calls_pipelined.add(call->size());
      left -= call->size();
      continue;
    }
    ++in_flight_;
    count(result);
    --join.pending;
    ++join.failed;
    --left;
  }
}

/// Of `wanted` calls as many as go out together. Null: not even one did.
upstream::Call* DispatchFilter::start_call(Join& join, std::uint32_t wanted,
                                           upstream::CallResult& failure) noexcept {
  if (const std::uint32_t most = config_.max_in_flight; most != 0) {
    if (in_flight_ >= most) {
      stats_.in_flight_overflow.add();
      return nullptr;
    }
    wanted = std::min(wanted, most - in_flight_);
  }
  return calls_.start(cluster_, request_, join, failure, wanted);
}

void DispatchFilter::count(const upstream::CallResult& result) noexcept {
  --in_flight_;
  stats_.calls_active.sub();
  switch (result.outcome) {
    case upstream::CallOutcome::response:
      return stats_.calls_ok.add();
    case upstream::CallOutcome::failed:
      return stats_.calls_failed.add();
    case upstream::CallOutcome::timeout:
      return stats_.calls_timeout.add();
    case upstream::CallOutcome::overflow:
      return stats_.calls_overflow.add();
  }
}

/// To be handled later in this turn, with all others of it: entering the strand costs more than
/// what is done there.
void DispatchFilter::arrive(Join& join, bool failed) noexcept {
  if (arrivals_.empty()) cluster_.reactor().schedule(arrival_turn_);
  arrivals_.push_back({&join, join.serial, failed});
}

void DispatchFilter::enter_strand() noexcept {
  // Inline, as the calls end on this worker: the strand orders arrivals, whoever may bring them.
  boost::asio::dispatch(strand_, [this] { on_arrivals(); });
}

void DispatchFilter::on_arrivals() noexcept {
  for (std::size_t i = 0; i < arrivals_.size(); ++i) {
    const Arrival arrival = arrivals_[i];
    if (arrival.serial == arrival.join->serial) on_arrival(*arrival.join, arrival.failed);
  }
  arrivals_.clear();
}

void DispatchFilter::on_arrival(Join& join, bool failed) noexcept {
  assert(strand_.running_in_this_thread());
  if (failed) ++join.failed;
  if (--join.pending != 0) return;
  Exchange* exchange = join.hold.exchange();
  assert(exchange != nullptr);  // on_end() and on_hold_expired() would have retired this join.
  const Hold hold = join.hold;
  settle(join, *exchange);
  hold.resume();
}

void DispatchFilter::settle(Join& join, Exchange& exchange) noexcept {
  if (join.failed != 0 && config_.on_failure == DispatchConfig::OnFailure::error) {
    exchange.replace_response(kBadGateway, kFailedBody);
    exchange.set_details("dispatch_failed");
  }
  exchange.response().add(config_.header_name, count_text_);
  if (join.failed != 0 && config_.on_failure != DispatchConfig::OnFailure::count) {
    exchange.response().add(kFailedHeader, base::Decimal(join.failed).view());
  }
  give_back(join, exchange);
}

std::chrono::milliseconds DispatchFilter::on_hold_expired(Exchange& exchange) noexcept {
  Join& join = *static_cast<Join*>(exchange.slot(index()));
  const std::uint32_t late = cancel_calls(join, /*late=*/true);
  for (const Arrival& arrival : arrivals_) {  // In this very turn.
    if (arrival.join == &join && arrival.serial == join.serial && arrival.failed) ++join.failed;
  }
  stats_.max_hold_reached.add();
  stats_.calls_timeout.add(late);
  join.failed += late;
  settle(join, exchange);
  return {};
}

void DispatchFilter::on_end(Exchange& exchange) noexcept {
  Join& join = *static_cast<Join*>(exchange.slot(index()));
  stats_.calls_cancelled.add(cancel_calls(join, /*late=*/false));
  stats_.holds_abandoned.add();
  give_back(join, exchange);
}

std::uint32_t DispatchFilter::cancel_calls(Join& join, bool late) noexcept {
  std::uint32_t cancelled = 0;
  while (upstream::Call* call = join.out.front()) {
    cancelled += call->cancel(late);
  }
  in_flight_ -= cancelled;
  stats_.calls_active.sub(cancelled);
  return cancelled;
}

DispatchFilter::Join* DispatchFilter::take_join() {
  if (free_joins_.empty()) {
    joins_.push_back(std::make_unique<Join>(*this));
    free_joins_.reserve(joins_.size());  // give_back() must not allocate.
    return joins_.back().get();
  }
  Join* join = free_joins_.back();
  free_joins_.pop_back();
  return join;
}

void DispatchFilter::give_back(Join& join, Exchange& exchange) noexcept {
  exchange.slot(index()) = nullptr;
  ++join.serial;
  stats_.holds_active.sub();
  stats_.hold_time.record(cluster_.reactor().now() - join.since);
  free_joins_.push_back(&join);
}

void DispatchFilter::add_stats(stats::Registry& registry) const {
  registry.add_dispatch(config_.cluster, {&stats_});
}

std::unique_ptr<Filter> make_dispatch_filter(const config::FilterConfig& config,
                                             const WorkerServices& services, std::size_t index) {
  return std::make_unique<DispatchFilter>(dynamic_cast<const DispatchConfig&>(config), services,
                                          index);
}

}  // namespace holdfast::filters
