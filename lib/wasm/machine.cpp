#include "wasm/machine.hpp"

#include <algorithm>
#include <utility>

#include "base/cpu_time.hpp"
#include "wasm/plugin_stats.hpp"

namespace holdfast::wasm {
namespace {

/// So many times the back-off a guest lives before a trap counts as the first again.
constexpr int kLongLife = 10;
/// Traps that are told each; later ones once a minute.
constexpr unsigned kToldEach = 20;
/// A guest is made at once for 1 of the budget per such a time of the CPU: at most a fifth of it
/// goes there in the long run, for starts of up to two seconds. (A twentieth is too little for
/// plugins that compile rules when they start: a client that trapped one each five seconds had it
/// down for half the time.)
constexpr std::chrono::milliseconds kPriceUnit{200};
constexpr std::chrono::milliseconds kRefill{1'000};
/// No guest is made at once while more than so many that have trapped still have exchanges, and
/// memory.
constexpr std::size_t kMostRetired = 8;
/// So long at most a turn of callbacks about a queue's entries.
constexpr std::chrono::milliseconds kQueueTurn{10};

}  // namespace

Machine::Machine(const Services& services)
    : services_(services), anchor_(std::make_shared<Anchor>(Anchor{this})) {}

Machine::~Machine() {
  anchor_->machine = nullptr;
  ++turns_;  // No sweep any more.
  if (current_ != nullptr) current_->shut_down();
  services_.worker.clear_timer(this);
  services_.worker.clear_timer(&lived_long_tag_);
  services_.worker.clear_timer(&budget_);
}

bool Machine::serves(const PluginConfig& config) const noexcept {
  return share_vm(vm_config(), config);
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
  const bool again = std::exchange(made_, true);
  const auto since = base::thread_cpu_time();
  auto guest = std::make_unique<Guest>(*this, services_, vm_config());
  error_ = guest->start(plugins_);
  if (error_.empty()) {
    if (again) services_.stats.vms_replaced.add();
    price_ = static_cast<unsigned>(
        std::min<std::int64_t>(1 + (base::thread_cpu_time() - since) / kPriceUnit, kBudget));
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
  const std::chrono::milliseconds longest = vm_config().longest_backoff;
  std::chrono::milliseconds delay =
      std::max(vm_config().reload_backoff, std::chrono::milliseconds{1});
  for (unsigned i = 2; i < strikes_ && delay < longest; ++i) delay *= 2;
  return std::min(delay, longest);
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

void Machine::on_trap(Guest& guest, const Trap& trap, std::string_view plugin,
                      Cause cause) noexcept {
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
  if (cause == Cause::exchange && pay()) return schedule(std::chrono::milliseconds{0});
  ++strikes_;
  if (cause == Cause::exchange) strikes_ = std::max(strikes_, 2U);
  schedule(backoff());
}

bool Machine::pay() {
  if (budget_ < price_ || retired_.size() > kMostRetired) return false;
  if (budget_ == kBudget) refill();
  budget_ -= price_;
  return true;
}

void Machine::refill() {
  services_.worker.set_timer(&budget_, kRefill, [this] {
    if (++budget_ < kBudget) refill();
  });
}

void Machine::sweep() noexcept {
  std::erase_if(retired_, [](const auto& guest) { return !guest->has_streams(); });
}

SharedState::Notify Machine::queue_notifier(const Guest& owner) {
  return [&worker = services_.worker, anchor = anchor_,
          key = static_cast<const void*>(&owner)](std::uint32_t token) {
    worker.post([anchor, key, token] {
      if (anchor->machine != nullptr) anchor->machine->on_queue(key, token);
    });
  };
}

void Machine::on_queue(const void* owner, std::uint32_t token) noexcept {
  const Turn turn(*this);
  const auto end = std::chrono::steady_clock::now() + kQueueTurn;
  std::size_t left = services_.shared.take_notices(token, owner);
  while (left != 0) {
    if (!tell_of_entry(token)) return;  // Whoever registers the queue hears of what is in it.
    --left;
    if (std::chrono::steady_clock::now() >= end) break;
  }
  if (left != 0) services_.shared.give_back_notices(token, owner, left);
}

// Whose exchange waits for an entry is not known. Those in retired guests have waited longer, and
// there will be no more of them.
bool Machine::tell_of_entry(std::uint32_t token) noexcept {
  bool told = false;
  const std::size_t retired = retired_.size();  // One more when a callback traps.
  for (std::size_t i = 0; i < retired; ++i) {
    if (retired_[i]->on_queue_ready(token)) told = true;
  }
  if (current_ != nullptr && current_->on_queue_ready(token)) told = true;
  return told;
}

}  // namespace holdfast::wasm
