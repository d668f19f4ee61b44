// The plugins of one worker, and what they may ask of it: calls to its clusters, timers, tasks from
// other threads.
//
// Owner: the worker's runtime; made when the configuration has a plugin. Thread: the worker's,
// after start(); made on the control thread.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include "filters/filter.hpp"
#include "upstream/http_call.hpp"
#include "wasm/plugin.hpp"
#include "wasm/plugin_stats.hpp"

namespace holdfast::filters {

class WasmWorker final : public wasm::WorkerHost {
 public:
  WasmWorker(const WorkerServices& services, wasm::SharedState& shared);
  ~WasmWorker() override;

  /// The root context of a plugin: the same for all filters that share its configuration.
  [[nodiscard]] wasm::Plugin& plugin(const std::shared_ptr<const wasm::PluginConfig>& config);
  /// Worker thread, before the first exchange.
  void start() noexcept;
  [[nodiscard]] wasm::PluginStats& stats() noexcept { return stats_; }
  [[nodiscard]] const wasm::PluginStats& stats() const noexcept { return stats_; }

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
  class Call;
  class Tick;
  void forget(Call& call) noexcept;

  // Constant after construction.
  WorkerServices services_;
  // Touched only on the worker.
  wasm::PluginStats stats_;
  upstream::HttpCallPool pool_;
  std::vector<std::unique_ptr<Call>> all_calls_;
  std::vector<Call*> free_calls_;
  std::vector<Call*> calls_;  ///< Under way; each knows its place.
  std::unordered_map<const void*, std::unique_ptr<Tick>> ticks_;
  std::unordered_map<const wasm::PluginConfig*, wasm::Plugin*> plugins_;
  std::unique_ptr<wasm::PluginHost> host_;  ///< Last: its plugins end while all else is there.
};

}  // namespace holdfast::filters
