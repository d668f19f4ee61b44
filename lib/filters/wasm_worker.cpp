#include "filters/wasm_worker.hpp"

#include <algorithm>
#include <utility>

#include "filters/wasm_config.hpp"
#include "filters/wasm_headers.hpp"
#include "stats/registry.hpp"
#include "wasm/shared_state.hpp"

namespace holdfast::filters {

using upstream::CallOutcome;
using upstream::HttpCall;
using wasm::Status;

class WasmWorker::Tick final : public net::Timer {
 public:
  explicit Tick(std::function<void()> tick) : tick_(std::move(tick)) {}
  void set(std::function<void()> tick) { tick_ = std::move(tick); }

 private:
  void on_timer() noexcept override {
    const std::function<void()> tick = std::move(tick_);  // It may set this timer again.
    tick();
  }
  std::function<void()> tick_;
};

WasmWorker::WasmWorker(net::Worker& worker, upstream::ClusterManager& clusters,
                       wasm::SharedState& shared, const NodeInfo& node)
    : worker_(worker),
      clusters_(clusters),
      node_(node),
      host_(wasm::PluginHost::make(*this, shared, stats_, worker.index())) {}

WasmWorker::~WasmWorker() {
  host_.reset();  // The plugins' last words; what they still wait for is cancelled.
  while (HttpCall* call = calls_.front()) call->cancel();
}

wasm::Plugin& WasmWorker::plugin(const std::shared_ptr<const wasm::PluginConfig>& config) {
  wasm::Plugin*& plugin = plugins_[config.get()];
  if (plugin == nullptr) plugin = &host_->add(config);
  return *plugin;
}

void WasmWorker::start() noexcept {
  host_->start();
}

void WasmWorker::add_stats(stats::Registry& registry) const {
  registry.add_plugins({&stats_});
}

// --- What plugins set ---------------------------------------------------------------------------

const WasmState* WasmWorker::find_state_of(const void* owner) const noexcept {
  const auto found = states_.find(owner);
  if (found != states_.end()) return &found->second;
  return ending_ == owner ? &ending_state_ : nullptr;
}

void WasmWorker::end_state_of(const void* owner) noexcept {
  const auto found = states_.find(owner);
  if (found == states_.end()) return;
  ending_ = owner;
  ending_state_ = std::move(found->second);
  states_.erase(found);
}

// --- Calls --------------------------------------------------------------------------------------

Status WasmWorker::start_call(const wasm::CallRequest& request, wasm::CallSink& sink,
                              std::uint32_t token) noexcept {
  upstream::Cluster* cluster = clusters_.find(request.cluster);
  if (cluster == nullptr) return Status::bad_argument;
  upstream::HttpCallRequest call{
      .body = request.body, .timeout = request.timeout, .user = &sink, .token = token};
  head_.clear();
  if (!upstream::append_call_head(head_, request.headers, call)) return Status::bad_argument;
  CallOutcome failure{};
  HttpCall* started = pool_.start(*cluster, call, *this, failure);
  if (started == nullptr) return Status::internal_failure;
  calls_.push_back(*started);
  return Status::ok;
}

void WasmWorker::on_http_call_done(HttpCall& call, CallOutcome /*outcome*/) noexcept {
  auto& sink = *static_cast<wasm::CallSink*>(call.user());
  reply_.headers.clear();
  reply_.body = {};
  reply_.trailers.clear();
  reply_.kind = wasm::CallReply::Kind::reset;
  // The map's view of the status lives as long as the map.
  const WasmResponseHeaders map(const_cast<http::Head&>(call.response()));
  if (call.has_response()) {
    reply_.kind = wasm::CallReply::Kind::response;
    map.collect(reply_.headers);
    reply_.body = call.body();
    for (const auto& [name, value] : call.trailers().fields()) {
      reply_.trailers.emplace_back(name, value);
    }
  }
  sink.on_call_reply(call.token(), reply_);
}

void WasmWorker::cancel_call(wasm::CallSink& sink, std::uint32_t token) noexcept {
  HttpCall* found = nullptr;
  calls_.for_each([&](HttpCall& call) {
    if (call.user() == &sink && call.token() == token) found = &call;
  });
  if (found != nullptr) found->cancel();
}

// --- Time ---------------------------------------------------------------------------------------

void WasmWorker::set_timer(const void* owner, std::chrono::milliseconds delay,
                           std::function<void()> tick) {
  std::unique_ptr<Tick>& timer = ticks_[owner];
  if (timer == nullptr) {
    timer = std::make_unique<Tick>(std::move(tick));
  } else {
    timer->set(std::move(tick));
  }
  net::Reactor& reactor = worker_.reactor();
  reactor.timers().set(*timer, reactor.after(delay));
}

void WasmWorker::clear_timer(const void* owner) noexcept {
  ticks_.erase(owner);  // Perhaps from inside its tick, which is a copy.
}

void WasmWorker::post(std::function<void()> task) {
  worker_.post(std::move(task));
}

wasm::Property WasmWorker::property(std::string_view /*path*/) noexcept {
  return {};  // As Envoy 1.40: outside of an exchange there is nothing but the plugin's own names.
}

// --- For the server -----------------------------------------------------------------------------

namespace {

class WasmShared final : public SharedPlugins {
 public:
  WasmShared(const config::Bootstrap& bootstrap, stats::CustomStats& metrics)
      : bootstrap_(bootstrap), state_(metrics) {}
  [[nodiscard]] wasm::SharedState& state() noexcept { return state_; }
  [[nodiscard]] NodeInfo node() const noexcept {
    return {.id = bootstrap_.node_id, .cluster = bootstrap_.node_cluster};
  }
  /// The plugins without connections that run on that worker.
  void add_services(WasmWorker& worker, unsigned index) const {
    for (const config::Extension& extension : bootstrap_.extensions) {
      const auto* service = dynamic_cast<const WasmConfig*>(extension.config.get());
      if (service == nullptr) continue;
      if (!service->singleton) {
        (void)worker.plugin(service->plugin);
      } else if (index == 0) {
        // In a machine of its own, as in Envoy, where it runs on a thread of its own.
        auto alone = std::make_shared<wasm::PluginConfig>(*service->plugin);
        alone->code_key += " singleton";
        (void)worker.plugin(std::move(alone));
      }
    }
  }

 private:
  const config::Bootstrap& bootstrap_;
  wasm::SharedState state_;
};

}  // namespace

std::unique_ptr<SharedPlugins> make_shared_plugins(const config::Bootstrap& bootstrap,
                                                   stats::CustomStats& metrics) {
  if (plugins_of(bootstrap).empty()) return nullptr;
  return std::make_unique<WasmShared>(bootstrap, metrics);
}

std::unique_ptr<WorkerPlugins> make_worker_plugins(SharedPlugins& shared, net::Worker& worker,
                                                   upstream::ClusterManager& clusters) {
  auto& all = static_cast<WasmShared&>(shared);
  auto plugins = std::make_unique<WasmWorker>(worker, clusters, all.state(), all.node());
  all.add_services(*plugins, worker.index());
  return plugins;
}

}  // namespace holdfast::filters
