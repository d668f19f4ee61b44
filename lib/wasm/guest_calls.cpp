// What comes to a guest by itself: answers to its calls, ticks, entries in queues.
#include <algorithm>
#include <cassert>

#include "wasm/guest.hpp"
#include "wasm/machine.hpp"
#include "wasm/plugin_stats.hpp"
#include "wasm/shared_state.hpp"

namespace holdfast::wasm {
namespace {

/// Of proxy-wasm-cpp-host: the two lowest bits of a token tell what kind of call it is; 0 is HTTP.
constexpr std::uint32_t kTokenStep = 4;

}  // namespace

// Who has asked for a call, as far as it dies with an exchange: SDKs set the effective context to
// the exchange when they go on with it in the callback of an earlier call. What an exchange asks
// for in its last callbacks is the plugin's own.
StreamSlot* Guest::call_owner() noexcept {
  StreamSlot* owner = frame_.effective != nullptr ? frame_.effective->slot : nullptr;
  if (owner == nullptr) owner = frame_.current->slot;
  return owner != nullptr && owner->active() ? owner : nullptr;
}

PluginCall& Guest::take_call() {
  if (free_calls_.empty()) {
    call_pool_.push_back(std::make_unique<PluginCall>());
    free_calls_.push_back(call_pool_.back().get());
  }
  PluginCall& call = *free_calls_.back();
  free_calls_.pop_back();
  return call;
}

/// The call is over: out of every table.
void Guest::recycle_call(PluginCall& call) {
  calls_.erase(call);
  if (call.owner != nullptr) {
    call.owner->remove_call(call);
  } else {
    call.unlink();
  }
  services_.stats.calls_active.sub();
  free_calls_.push_back(&call);
}

void Guest::cancel_call(PluginCall& call) noexcept {
  const std::uint32_t token = call.id;
  recycle_call(call);
  services_.worker.cancel_call(*this, token);
}

void Guest::disown_call(PluginCall& call) noexcept {
  call.owner->remove_call(call);
  call.owner = nullptr;
  root_calls_.push_back(call);
}

Status Guest::start_call(std::string_view cluster, const Pairs& headers, std::string_view body,
                         const Pairs& trailers, std::chrono::milliseconds timeout,
                         std::uint32_t& token) {
  RootContext* const root = context().root;
  if (root == nullptr || (silent_ && call_owner() == nullptr)) return Status::internal_failure;
  std::uint32_t next = next_call_token_ + kTokenStep;
  while (next == 0 || calls_.find(next) != nullptr) next += kTokenStep;
  const Status status =
      services_.worker.start_call({cluster, headers, body, trailers, timeout}, *this, next);
  if (status != Status::bad_argument) next_call_token_ = next;
  if (status != Status::ok) {
    services_.stats.calls_refused.add();
    return status;
  }
  PluginCall& call = take_call();
  call.id = token = next;
  call.root = root;
  call.owner = call_owner();
  calls_.insert(call);
  if (call.owner != nullptr) {
    call.owner->add_call(call);
  } else {
    root_calls_.push_back(call);
  }
  services_.stats.calls_total.add();
  services_.stats.calls_active.add();
  return Status::ok;
}

void Guest::on_call_reply(std::uint32_t token, const CallReply& reply) noexcept {
  assert(frame_.current == nullptr);
  PluginCall* const call = calls_.find(token);
  if (call == nullptr) return;
  const Machine::Turn turn(machine_);
  RootContext& root = *call->root;
  StreamSlot* const owner = call->owner;
  recycle_call(*call);
  (void)give_reply(root, owner, token, reply);
  settle();
}

bool Guest::give_reply(RootContext& root, StreamSlot* owner, std::uint32_t token,
                       const CallReply& reply) noexcept {
  const bool came = reply.kind == CallReply::Kind::response;
  reply_ = came ? &reply : nullptr;
  reply_owner_ = owner;
  if (!came) {
    root.status_code = static_cast<std::uint32_t>(Status::broken_connection);
    root.status_message = "reset";
  }
  const auto count = [came](std::size_t n) { return came ? static_cast<std::uint32_t>(n) : 0U; };
  const Answer answer = call(root, Export::on_http_call_response,
                             {root.id, token, count(reply.headers.size()), count(reply.body.size()),
                              count(reply.trailers.size())});
  root.status_message = {};
  reply_ = nullptr;
  reply_owner_ = nullptr;
  return !answer.trapped;
}

Status Guest::set_tick_period(std::chrono::milliseconds period) {
  RootContext* const root = context().root;
  if (root == nullptr) return Status::bad_argument;
  root->tick_period = period;
  if (period.count() == 0) {
    services_.worker.clear_timer(root);
  } else {
    arm_tick(*root);
  }
  return Status::ok;
}

void Guest::arm_tick(RootContext& root) {
  if (silent_) return;
  services_.worker.set_timer(&root, root.tick_period, [this, &root] { on_tick(root); });
}

void Guest::on_tick(RootContext& root) noexcept {
  const Machine::Turn turn(machine_);
  (void)call(root, Export::on_tick, {root.id});
  settle();
  if (root.tick_period.count() != 0) arm_tick(root);
}

Status Guest::register_queue(std::string_view name, std::uint32_t& token) {
  RootContext* const root = context().root;
  if (root == nullptr) return Status::bad_argument;
  // The guest that has taken this one's place is the queue's owner.
  token = retired_ ? services_.shared.resolve_queue(vm_config_.vm_id, name).value_or(0)
                   : services_.shared.register_queue(vm_config_.vm_id, name, this,
                                                     machine_.queue_notifier(*this));
  if (token == 0) return Status::internal_failure;
  if (silent_) return Status::ok;
  const auto there = std::ranges::find(queues_, token, &Listener::token);
  if (there == queues_.end()) {
    queues_.push_back({token, root});
  } else {
    there->root = root;
  }
  return Status::ok;
}

bool Guest::on_queue_ready(std::uint32_t token) noexcept {
  const auto there = std::ranges::find(queues_, token, &Listener::token);
  if (there == queues_.end()) return false;
  RootContext& root = *there->root;
  (void)call(root, Export::on_queue_ready, {root.id, token});
  settle();
  return true;
}

}  // namespace holdfast::wasm
