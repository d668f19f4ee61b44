#include "wasm/machine.hpp"

#include <algorithm>

#include "wasm/plugin_stats.hpp"

namespace holdfast::wasm {
namespace {

/// So many times the back-off a guest lives before a trap counts as the first again.
constexpr int kLongLife = 10;
/// Traps that are told each; later ones once a minute.
constexpr unsigned kToldEach = 20;

}  // namespace

Machine::Machine(const Services& services)
    : services_(services), anchor_(std::make_shared<Anchor>(Anchor{this})) {}

Machine::~Machine() {
  anchor_->machine = nullptr;
  ++turns_;  // No sweep any more.
  if (current_ != nullptr) current_->shut_down();
  services_.worker.clear_timer(this);
  services_.worker.clear_timer(&lived_long_tag_);
}

bool Machine::serves(const PluginConfig& config) const noexcept {
  const PluginConfig& own = vm_config();
  return own.vm_id == config.vm_id && own.code_key == config.code_key &&
         own.vm_configuration == config.vm_configuration;
}

std::size_t Machine::add(std::shared_ptr<const PluginConfig> config) {
  // As Envoy: plugins that differ in nothing that they can see have one root context.
  for (std::size_t i = 0; i < plugins_.size(); ++i) {
    const PluginConfig& other = *plugins_[i];
    if (other.root_id == config->root_id && other.configuration == config->configuration &&
        other.name == config->name) {
      return i;
    }
  }
  plugins_.push_back(std::move(config));
  return plugins_.size() - 1;
}

bool Machine::make() noexcept {
  const Turn turn(*this);
  due_ = false;
  services_.worker.clear_timer(this);
  const bool again = serial_ != 0;
  auto guest = std::make_unique<Guest>(*this, services_, vm_config(), ++serial_);
  error_ = guest->start(plugins_);
  if (error_.empty()) {
    if (again) services_.stats.vms_replaced.add();
    current_ = std::move(guest);
    watch_over();
    return true;
  }
  retired_.push_back(std::move(guest));
  strikes_ = std::max(strikes_ + 1, 2U);
  schedule(backoff());
  return false;
}

bool Machine::make_loudly() noexcept {
  if (make()) return true;
  base::log(base::Component::wasm, base::LogLevel::error,
            "plugin " + vm_config().name + " (vm_id \"" + vm_config().vm_id +
                "\") is down for now: " + error_);
  return false;
}

std::chrono::milliseconds Machine::backoff() const noexcept {
  if (strikes_ < 2) return std::chrono::milliseconds{0};
  std::chrono::milliseconds delay =
      std::max(vm_config().reload_backoff, std::chrono::milliseconds{1});
  for (unsigned i = 2; i < strikes_ && delay < kLongestBackoff; ++i) delay *= 2;
  return std::min(delay, kLongestBackoff);
}

void Machine::schedule(std::chrono::milliseconds delay) {
  services_.worker.clear_timer(&lived_long_tag_);
  due_ = delay.count() == 0;
  services_.worker.set_timer(this, delay, [this] {
    if (current_ == nullptr) make_loudly();
  });
}

void Machine::watch_over() {
  if (strikes_ == 0) return;
  const auto long_life = kLongLife * std::max(vm_config().reload_backoff, backoff());
  services_.worker.set_timer(&lived_long_tag_, long_life, [this] { strikes_ = 0; });
}

StreamSlot* Machine::begin(std::size_t plugin, StreamHost& stream) noexcept {
  if (current_ == nullptr && (!due_ || !make_loudly())) {
    services_.stats.requests_down.add();
    return nullptr;
  }
  if (free_slots_.empty()) {
    slots_.push_back(std::make_unique<StreamSlot>());
    free_slots_.push_back(slots_.back().get());
  }
  StreamSlot& slot = *free_slots_.back();
  free_slots_.pop_back();
  current_->open_stream(slot, current_->root_at(plugin), stream);
  return &slot;
}

void Machine::on_trap(Guest& guest, const Trap& trap, std::string_view plugin) noexcept {
  trap_cell(services_.stats, trap.kind).add();
  if (traps_told_ < kToldEach || trap_gate_.try_pass()) {
    ++traps_told_;
    base::log(base::Component::wasm, base::LogLevel::error,
              std::string("plugin ").append(plugin) + " (vm_id \"" + vm_config().vm_id +
                  "\") has trapped: " + std::string(trap_name(trap.kind)) + ": " + trap.text);
  }
  if (&guest != current_.get()) return;  // Retired already, or its start is not over.
  guest.retire();
  retired_.push_back(std::move(current_));
  ++strikes_;
  schedule(backoff());
}

void Machine::sweep() noexcept {
  std::erase_if(retired_, [](const auto& guest) { return !guest->has_streams(); });
}

SharedState::Notify Machine::queue_notifier(std::uint64_t guest_serial, std::uint32_t root_id) {
  return
      [&worker = services_.worker, anchor = anchor_, guest_serial, root_id](std::uint32_t token) {
        worker.post([anchor, guest_serial, root_id, token] {
          Machine* const machine = anchor->machine;
          if (machine == nullptr || machine->current_ == nullptr) return;
          if (machine->current_->serial() == guest_serial)
            machine->current_->on_queue_ready(root_id, token);
        });
      };
}

}  // namespace holdfast::wasm
