#include <algorithm>
#include <vector>

#include "stats/custom_stats.hpp"
#include "wasm/machine.hpp"
#include "wasm/plugin.hpp"
#include "wasm/plugin_stats.hpp"
#include "wasm/shared_state.hpp"

namespace holdfast::wasm {
namespace {

class MachinePlugin final : public Plugin {
 public:
  MachinePlugin(std::shared_ptr<const PluginConfig> config, Machine& machine)
      : config_(std::move(config)), machine_(machine), number_(machine.add(config_)) {}

  [[nodiscard]] const PluginConfig& config() const noexcept override { return *config_; }
  [[nodiscard]] StreamContext* begin(StreamHost& stream) noexcept override {
    return machine_.begin(number_, stream);
  }

 private:
  const std::shared_ptr<const PluginConfig> config_;
  Machine& machine_;
  const std::size_t number_;
};

class Machines final : public PluginHost {
 public:
  Machines(WorkerHost& worker, SharedState& shared, PluginStats& stats, unsigned worker_index)
      : services_{worker, shared, stats, worker_index} {}

  [[nodiscard]] Plugin& add(std::shared_ptr<const PluginConfig> config) override {
    Machine* home = nullptr;
    for (const auto& machine : machines_) {
      if (machine->serves(*config)) home = machine.get();
    }
    if (home == nullptr) {
      machines_.push_back(std::make_unique<Machine>(services_));
      home = machines_.back().get();
    }
    plugins_.push_back(std::make_unique<MachinePlugin>(std::move(config), *home));
    return *plugins_.back();
  }

  void start() noexcept override {
    for (const auto& machine : machines_) machine->make_loudly();
  }

 private:
  const Services services_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<std::unique_ptr<MachinePlugin>> plugins_;
};

/// Of a trial: takes all, and nothing ever comes of it.
class IdleWorker final : public WorkerHost {
 public:
  Status start_call(const CallRequest& /*request*/, CallSink& /*sink*/,
                    std::uint32_t /*token*/) noexcept override {
    return Status::ok;
  }
  void cancel_call(CallSink& /*sink*/, std::uint32_t /*token*/) noexcept override {}
  void set_timer(const void* /*owner*/, std::chrono::milliseconds /*delay*/,
                 std::function<void()> /*tick*/) override {}
  void clear_timer(const void* /*owner*/) noexcept override {}
  void post(std::function<void()> /*task*/) override {}
  [[nodiscard]] Property property(std::string_view /*path*/) noexcept override { return {}; }
};

}  // namespace

bool share_vm(const PluginConfig& one, const PluginConfig& other) noexcept {
  return one.vm_id == other.vm_id && one.code_key == other.code_key &&
         one.vm_configuration == other.vm_configuration &&
         std::ranges::is_permutation(one.environment, other.environment);
}

std::unique_ptr<PluginHost> PluginHost::make(WorkerHost& worker, SharedState& shared,
                                             PluginStats& stats, unsigned worker_index) {
  return std::make_unique<Machines>(worker, shared, stats, worker_index);
}

std::string try_plugin(const PluginConfig& config) {
  IdleWorker worker;
  stats::CustomStats metrics(1);
  SharedState shared(metrics);
  const auto stats = std::make_unique<PluginStats>();
  Machine machine({worker, shared, *stats, 0});
  machine.add(std::make_shared<PluginConfig>(config));
  std::string error = machine.make() ? std::string{} : machine.error();
  machine.discard();
  return error;
}

}  // namespace holdfast::wasm
