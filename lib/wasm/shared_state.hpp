// What plugins share over workers: data by key, queues, metrics by name.
//
// Owner: the server, one per process; outlives all plugin hosts. Thread: any. A mutex guards each
// of the three: only plugins that use these functions ever take one; reading and writing a metric
// takes none.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wasm/abi.hpp"

namespace holdfast::stats {
class CustomStats;
}

namespace holdfast::wasm {

class SharedState {
 public:
  /// `metrics` outlives this.
  explicit SharedState(stats::CustomStats& metrics);
  ~SharedState();
  SharedState(const SharedState&) = delete;
  SharedState& operator=(const SharedState&) = delete;

  // Shared data, by vm_id (proxy_get_shared_data, proxy_set_shared_data). A compare-and-swap value
  // of 0 in set() = whatever is there.
  struct Data {
    std::string value;
    std::uint32_t cas;
  };
  [[nodiscard]] std::optional<Data> get_data(std::string_view vm_id, std::string_view key) const;
  [[nodiscard]] Status set_data(std::string_view vm_id, std::string_view key,
                                std::string_view value, std::uint32_t cas);

  // Queues. A token of 0: too many queues, or too long a name. `notify` is called with the queue's
  // token, on any thread, when there are notices for the owner to take; it must only post. It is
  // not called again before they have been taken. Registering again (another worker, a VM made
  // anew) replaces who is told, also of what is in the queue already.
  using Notify = std::function<void(std::uint32_t token)>;
  [[nodiscard]] std::uint32_t register_queue(std::string_view vm_id, std::string_view name,
                                             const void* owner, Notify notify);
  void forget_queue_owner(const void* owner);
  /// How often the owner is to be told: once for each entry that was put in, as in Envoy, but not
  /// much more often than there are entries. 0 for everyone else.
  [[nodiscard]] std::size_t take_notices(std::uint32_t token, const void* owner);
  /// Notices that were taken and are for later.
  void give_back_notices(std::uint32_t token, const void* owner, std::size_t count);
  [[nodiscard]] std::optional<std::uint32_t> resolve_queue(std::string_view vm_id,
                                                           std::string_view name) const;
  [[nodiscard]] Status enqueue(std::uint32_t token, std::string_view value);
  /// not_found: no such queue; empty: nothing in it.
  [[nodiscard]] Status dequeue(std::uint32_t token, std::string& value);

  [[nodiscard]] stats::CustomStats& metrics() noexcept { return metrics_; }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  stats::CustomStats& metrics_;
};

}  // namespace holdfast::wasm
