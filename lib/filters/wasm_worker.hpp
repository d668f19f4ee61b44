// The plugins of one worker, and what they may ask of it: calls to its clusters, timers, tasks from
// other threads.
//
// Owner: the worker's runtime; made on the control thread when the configuration has a plugin.
// Thread: the worker's, from start() on.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "filters/exchange.hpp"
#include "filters/plugins.hpp"
#include "filters/wasm_properties.hpp"
#include "filters/wasm_state.hpp"
#include "upstream/http_call.hpp"
#include "wasm/plugin.hpp"
#include "wasm/plugin_stats.hpp"

namespace holdfast::filters {

class WasmWorker final : public WorkerPlugins,
                         public wasm::WorkerHost,
                         private upstream::HttpCallOwner {
 public:
  WasmWorker(net::Worker& worker, upstream::ClusterManager& clusters, wasm::SharedState& shared,
             const NodeInfo& node);
  ~WasmWorker() override;

  /// The root context of a plugin; the filters that share its configuration share it.
  [[nodiscard]] wasm::Plugin& plugin(const std::shared_ptr<const wasm::PluginConfig>& config);
  void start() noexcept override;
  void add_stats(stats::Registry& registry) const override;
  [[nodiscard]] wasm::PluginStats& stats() noexcept { return stats_; }
  [[nodiscard]] const NodeInfo& node() const noexcept { return node_; }

  // What plugins have set on an exchange or a TCP connection: all of its plugins see it.
  template <class Owner>  // An Exchange or a Connection.
  [[nodiscard]] WasmState& state(const Owner& owner) {
    return states_[&owner];
  }
  /// Null: nothing.
  template <class Owner>
  [[nodiscard]] const WasmState* find_state(const Owner& owner) const noexcept {
    return find_state_of(&owner);
  }
  /// Nothing is left of who had its place before.
  template <class Owner>
  void begin_state(const Owner& owner) noexcept {
    if (ending_ == &owner) ending_ = nullptr;
  }
  /// It ends: only the plugins that are still to be told can see it.
  template <class Owner>
  void end_state(const Owner& owner) noexcept {
    if (!states_.empty()) end_state_of(&owner);
  }

  // wasm::WorkerHost
  wasm::Status start_call(const wasm::CallRequest& request, wasm::CallSink& sink,
                          std::uint32_t token) noexcept override;
  void cancel_call(wasm::CallSink& sink, std::uint32_t token) noexcept override;
  void set_timer(const void* owner, std::chrono::milliseconds delay,
                 std::function<void()> tick) override;
  void clear_timer(const void* owner) noexcept override;
  void post(std::function<void()> task) override;
  wasm::Property property(std::string_view path) noexcept override;

 private:
  class Tick;
  [[nodiscard]] const WasmState* find_state_of(const void* owner) const noexcept;
  void end_state_of(const void* owner) noexcept;
  void on_http_call_done(upstream::HttpCall& call, upstream::CallOutcome outcome) noexcept override;

  // Constant after construction.
  net::Worker& worker_;
  upstream::ClusterManager& clusters_;
  const NodeInfo node_;
  // Touched only on the worker.
  wasm::PluginStats stats_;
  upstream::HttpCallPool pool_;
  base::List<upstream::HttpCall, upstream::HttpCallTag> calls_;  ///< Under way.
  std::string head_;                                             ///< Of the call that starts.
  wasm::CallReply reply_;                                        ///< Of the call that ends.
  std::unordered_map<const void*, WasmState> states_;
  const void* ending_ = nullptr;  ///< Who has ended last.
  WasmState ending_state_;        ///< Its.
  std::unordered_map<const void*, std::unique_ptr<Tick>> ticks_;
  std::unordered_map<const wasm::PluginConfig*, wasm::Plugin*> plugins_;
  std::unique_ptr<wasm::PluginHost> host_;
};

}  // namespace holdfast::filters
