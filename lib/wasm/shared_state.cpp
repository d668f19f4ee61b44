#include "wasm/shared_state.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace holdfast::wasm {
namespace {

// So much at most, over all plugins: what they share must not take the process down. Bytes of keys
// and values, and of entries that wait in queues; number of queues, and bytes of their names, which
// last as long as the process.
constexpr std::size_t kMostDataBytes = 64UL * 1024 * 1024;
constexpr std::size_t kMostQueuedBytes = 64UL * 1024 * 1024;
constexpr std::size_t kMostQueues = 10'000;
constexpr std::size_t kLongestQueueName = 4'096;
/// What an entry costs over its bytes, about.
constexpr std::size_t kEntryCost = 64;
/// So many notices at most about entries that have been taken out already.
constexpr std::size_t kMostNotices = 64;

struct Entry {
  std::string value;
  std::uint32_t cas = 0;
};

struct Queue {
  const void* owner = nullptr;
  SharedState::Notify notify;
  std::deque<std::string> entries;
  std::size_t notices = 0;
  bool notified = false;  ///< And they have not been taken yet.

  void tell(std::uint32_t token, std::size_t more) {
    if (!notify) return;
    notices = std::min(notices + more, std::max(entries.size(), kMostNotices));
    if (notices == 0 || std::exchange(notified, true)) return;
    notify(token);
  }
  void pass_to(const void* new_owner, SharedState::Notify new_notify) {
    if (owner != new_owner) {
      notices = 0;
      notified = false;
    }
    owner = new_owner;
    notify = std::move(new_notify);
  }
};

}  // namespace

struct SharedState::Impl {
  mutable std::mutex data_mutex;
  // Guarded by data_mutex.
  std::map<std::string, std::unordered_map<std::string, Entry>, std::less<>> data;  ///< By vm_id.
  std::size_t data_bytes = 0;
  std::uint32_t last_cas = 0;

  mutable std::mutex queue_mutex;
  // Guarded by queue_mutex. A token is an index in `queues` plus 1.
  std::map<std::pair<std::string, std::string>, std::uint32_t> tokens;  ///< By vm_id and name.
  std::deque<Queue> queues;
  std::size_t queued_bytes = 0;

  std::uint32_t next_cas() noexcept {
    if (++last_cas == 0) ++last_cas;  // 0 stands for "whatever is there".
    return last_cas;
  }
  Queue* find(std::uint32_t token) noexcept {
    return token == 0 || token > queues.size() ? nullptr : &queues[token - 1];
  }
};

SharedState::SharedState(stats::CustomStats& metrics)
    : impl_(std::make_unique<Impl>()), metrics_(metrics) {}

SharedState::~SharedState() = default;

std::optional<SharedState::Data> SharedState::get_data(std::string_view vm_id,
                                                       std::string_view key) const {
  const std::lock_guard lock(impl_->data_mutex);
  const auto of_vm = impl_->data.find(vm_id);
  if (of_vm == impl_->data.end()) return std::nullopt;
  const auto at = of_vm->second.find(std::string(key));
  if (at == of_vm->second.end()) return std::nullopt;
  return Data{at->second.value, at->second.cas};
}

Status SharedState::set_data(std::string_view vm_id, std::string_view key, std::string_view value,
                             std::uint32_t cas) {
  const std::lock_guard lock(impl_->data_mutex);
  auto& of_vm = impl_->data.try_emplace(std::string(vm_id)).first->second;
  const auto at = of_vm.find(std::string(key));
  const bool is_new = at == of_vm.end();
  if (!is_new && cas != 0 && cas != at->second.cas) return Status::cas_mismatch;
  const std::size_t before = is_new ? 0 : key.size() + at->second.value.size() + kEntryCost;
  const std::size_t after = key.size() + value.size() + kEntryCost;
  if (impl_->data_bytes - before + after > kMostDataBytes) return Status::internal_failure;
  impl_->data_bytes += after - before;
  Entry& entry = is_new ? of_vm[std::string(key)] : at->second;
  entry.value = value;
  entry.cas = impl_->next_cas();
  return Status::ok;
}

std::uint32_t SharedState::register_queue(std::string_view vm_id, std::string_view name,
                                          const void* owner, Notify notify) {
  if (name.size() > kLongestQueueName) return 0;
  const std::lock_guard lock(impl_->queue_mutex);
  std::pair key{std::string(vm_id), std::string(name)};
  auto at = impl_->tokens.find(key);
  if (at == impl_->tokens.end()) {
    if (impl_->queues.size() == kMostQueues) return 0;
    impl_->queues.emplace_back();
    at = impl_->tokens.emplace(std::move(key), static_cast<std::uint32_t>(impl_->queues.size()))
             .first;
  }
  Queue& queue = *impl_->find(at->second);
  const bool known = queue.owner == owner;
  queue.pass_to(owner, std::move(notify));
  if (!known) queue.tell(at->second, queue.entries.size());
  return at->second;
}

void SharedState::forget_queue_owner(const void* owner) {
  const std::lock_guard lock(impl_->queue_mutex);
  for (Queue& queue : impl_->queues) {
    if (queue.owner == owner) queue.pass_to(nullptr, nullptr);
  }
}

std::size_t SharedState::take_notices(std::uint32_t token, const void* owner) {
  const std::lock_guard lock(impl_->queue_mutex);
  Queue* const queue = impl_->find(token);
  if (queue == nullptr || queue->owner != owner) return 0;
  queue->notified = false;
  return std::exchange(queue->notices, 0);
}

void SharedState::give_back_notices(std::uint32_t token, const void* owner, std::size_t count) {
  const std::lock_guard lock(impl_->queue_mutex);
  Queue* const queue = impl_->find(token);
  if (queue != nullptr && queue->owner == owner) queue->tell(token, count);
}

std::optional<std::uint32_t> SharedState::resolve_queue(std::string_view vm_id,
                                                        std::string_view name) const {
  const std::lock_guard lock(impl_->queue_mutex);
  const auto at = impl_->tokens.find(std::pair(std::string(vm_id), std::string(name)));
  if (at == impl_->tokens.end()) return std::nullopt;
  return at->second;
}

// Tells under the lock, so that nobody is told any more once forget_queue_owner() has returned.
Status SharedState::enqueue(std::uint32_t token, std::string_view value) {
  const std::lock_guard lock(impl_->queue_mutex);
  Queue* const queue = impl_->find(token);
  if (queue == nullptr) return Status::not_found;
  const std::size_t cost = value.size() + kEntryCost;
  if (impl_->queued_bytes + cost > kMostQueuedBytes) return Status::internal_failure;
  impl_->queued_bytes += cost;
  queue->entries.emplace_back(value);
  queue->tell(token, 1);
  return Status::ok;
}

Status SharedState::dequeue(std::uint32_t token, std::string& value) {
  const std::lock_guard lock(impl_->queue_mutex);
  Queue* const queue = impl_->find(token);
  if (queue == nullptr) return Status::not_found;
  if (queue->entries.empty()) return Status::empty;
  value = std::move(queue->entries.front());
  queue->entries.pop_front();
  impl_->queued_bytes -= value.size() + kEntryCost;
  return Status::ok;
}

}  // namespace holdfast::wasm
