// One VM for all plugins of a worker that share it, made anew when it traps: the policy over
// guests.
//
// Owner: a PluginHost. Thread: the worker's. After a trap in what an exchange has caused, the next
// guest is made at once as long as that is cheap: kBudget times, and once more each second. Beyond
// that, and when ticks or queues trap or a start fails: after the back-off (the first trap of a
// tick or queue: at once), then twice as long and so on up to longest_backoff, until a guest has
// lived ten back-offs. Meanwhile the plugins are down.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "wasm/guest.hpp"
#include "wasm/shared_state.hpp"

namespace holdfast::wasm {

/// What has led to a trap.
enum class Cause : std::uint8_t {
  exchange,  ///< Its callbacks, and answers to calls.
  plugin,    ///< A start, a tick, a queue: nothing of a client's.
};

class Machine {
 public:
  /// Guests that are made at once; the least price of one is 1.
  static constexpr unsigned kBudget = 10;

  explicit Machine(const Services& services);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Whether a plugin of that configuration goes into the same VM. REQUIRES: add() has been called.
  [[nodiscard]] bool serves(const PluginConfig& config) const noexcept;
  /// Before start(). Its number, for begin().
  std::size_t add(std::shared_ptr<const PluginConfig> config);
  /// The first guest. False: error(), and another try after the back-off.
  bool make() noexcept;
  /// The same, and says in the log why not.
  bool make_loudly() noexcept;
  /// Ends without a word to the plugins: it was a trial.
  void discard() noexcept { current_.reset(); }
  /// Why there is no VM; of the last attempt.
  [[nodiscard]] const std::string& error() const noexcept { return error_; }
  [[nodiscard]] bool up() const noexcept { return current_ != nullptr; }
  /// Null: down.
  [[nodiscard]] StreamSlot* begin(std::size_t plugin, StreamHost& stream) noexcept;

  /// Around whatever enters a guest: guests are destroyed when the outermost has gone.
  class Turn {
   public:
    explicit Turn(Machine& machine) noexcept : machine_(machine) { ++machine_.turns_; }
    ~Turn() {
      if (--machine_.turns_ == 0 && !machine_.retired_.empty()) machine_.sweep();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Machine& machine_;
  };

  // Of its guests.
  void on_trap(Guest& guest, const Trap& trap, std::string_view plugin, Cause cause) noexcept;
  void give_back(StreamSlot& slot) { free_slots_.push_back(&slot); }
  /// Tells the guests that listen, on this worker, of entries in a queue of that owner.
  [[nodiscard]] SharedState::Notify queue_notifier(const Guest& owner);

 private:
  /// What tasks from other threads find the machine by; emptied on the worker, with it.
  struct Anchor {
    Machine* machine;
  };

  void on_queue(const void* owner, std::uint32_t token) noexcept;
  /// False: no guest listens to it.
  bool tell_of_entry(std::uint32_t token) noexcept;
  /// For a guest at once. False: too dear.
  bool pay();
  void refill();
  void schedule(std::chrono::milliseconds delay);
  void watch_over();
  void sweep() noexcept;
  [[nodiscard]] std::chrono::milliseconds backoff() const noexcept;
  [[nodiscard]] const PluginConfig& vm_config() const noexcept { return *plugins_.front(); }

  const Services services_;
  std::vector<std::shared_ptr<const PluginConfig>> plugins_;
  std::shared_ptr<Anchor> anchor_;
  std::string error_;
  std::vector<std::unique_ptr<StreamSlot>> slots_;  ///< Before the guests: they outlive them.
  std::vector<StreamSlot*> free_slots_;
  std::unique_ptr<Guest> current_;
  std::vector<std::unique_ptr<Guest>> retired_;
  bool made_ = false;  ///< One guest at least.
  unsigned turns_ = 0;
  unsigned budget_ = kBudget;  ///< Its address is a timer's owner, too.
  unsigned price_ = 1;         ///< Of the last guest that was made.
  unsigned strikes_ = 0;       ///< Traps beyond the budget and failed starts since a guest has last
                               ///< lived long enough.
  bool due_ = false;           ///< The next guest is to be made at once.
  char lived_long_tag_ = 0;    ///< Its address is a timer's owner.
  base::LogGate trap_gate_;
  unsigned traps_told_ = 0;
};

}  // namespace holdfast::wasm
