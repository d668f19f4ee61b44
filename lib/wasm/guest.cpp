#include "wasm/guest.hpp"

#include <cassert>

#include "wasm/machine.hpp"
#include "wasm/plugin_stats.hpp"
#include "wasm/shared_state.hpp"

namespace holdfast::wasm {
namespace {

std::string prefix(std::initializer_list<std::string_view> words) {
  std::string all;
  for (const std::string_view word : words) {
    if (!word.empty()) all.append(" ").append(word);
  }
  return all;
}

}  // namespace

RootContext::RootContext(std::shared_ptr<const PluginConfig> plugin, std::uint32_t own_id)
    : config(std::move(plugin)),
      root_prefix(prefix({config->root_id, config->vm_id})),
      stream_prefix(prefix({config->name, config->root_id, config->vm_id})) {
  id = own_id;
  root = this;
  log_prefix = root_prefix;
}

Guest::Guest(Machine& machine, const Services& services, const PluginConfig& vm_config)
    : machine_(machine),
      services_(services),
      vm_config_(vm_config),
      abi_(vm_config.module->abi()),
      metrics_(services.shared.metrics(), services.worker_index) {}

Guest::~Guest() {
  fall_silent();
  while (PluginCall* left = calls_.any()) cancel_call(*left);
  if (vm_ == nullptr) return;
  services_.stats.vms_active.sub();
  services_.stats.memory_bytes.sub(memory_);
}

std::string Guest::start(const std::vector<std::shared_ptr<const PluginConfig>>& plugins) {
  std::string error;
  frame_.current = &vm_context_;
  vm_ = Vm::instantiate(*vm_config_.module, vm_config_.limits, *this, error);
  if (vm_ == nullptr) return error.empty() ? "the VM cannot be made" : error;
  services_.stats.vms_active.add();
  services_.stats.vms_created.add();
  const bool started = vm_->start();
  output_.flush(*this);
  frame_.current = nullptr;
  measure_memory();
  if (!started) {
    machine_.on_trap(*this, vm_->trap(), vm_config_.name, Cause::plugin);
    return trap_text();
  }
  for (const auto& plugin : plugins) {
    roots_.push_back(std::make_unique<RootContext>(plugin, next_context_id()));
    contexts_.insert(*roots_.back());
    if (error = start_root(*roots_.back()); !error.empty()) return error;
  }
  measure_memory();
  return {};
}

std::string Guest::start_root(RootContext& root) {
  const auto size = [](const std::string& bytes) {
    return static_cast<std::uint32_t>(bytes.size());
  };
  root.configuring = true;
  if (call(root, Export::on_context_create, {root.id, 0}).trapped) return trap_text();
  root.created = true;
  root.configuring = false;
  settle();
  Answer answer = call(root, Export::on_vm_start, {root.id, size(vm_config_.vm_configuration)});
  if (answer.trapped) return trap_text();
  settle();
  if (has(Export::on_vm_start) && answer.value == 0) return "proxy_on_vm_start returned 0";
  root.configuring = true;
  answer = call(root, Export::on_configure, {root.id, size(root.config->configuration)});
  root.configuring = false;
  if (answer.trapped) return trap_text();
  settle();
  if (has(Export::on_configure) && answer.value == 0) return "proxy_on_configure returned 0";
  return {};
}

std::string Guest::trap_text() const {
  return std::string("trapped: ").append(trap_name(vm_->trap().kind)) + ": " + vm_->trap().text;
}

void Guest::shut_down() noexcept {
  for (const auto& root : roots_) {
    if (retired_ || !root->created) continue;
    const Answer answer = call(*root, Export::on_done, {root->id});
    // 0 asks for time until proxy_done(): there is none.
    const bool done = !has(Export::on_done) || answer.value != 0;
    if (!answer.trapped && done) (void)call(*root, Export::on_delete, {root->id});
  }
  settle();
}

void Guest::retire() noexcept {
  retired_ = true;
  if (live_streams_ == 0) fall_silent();
}

void Guest::fall_silent() noexcept {
  if (silent_) return;
  silent_ = true;
  queues_.clear();
  services_.shared.forget_queue_owner(this);
  for (const auto& root : roots_) services_.worker.clear_timer(root.get());
  while (PluginCall* own = root_calls_.front()) cancel_call(*own);
}

std::uint32_t Guest::next_context_id() noexcept {
  std::uint32_t id = next_context_id_++;
  while (id == 0 || contexts_.find(id) != nullptr) id = next_context_id_++;
  return id;
}

void Guest::open_stream(StreamSlot& slot, RootContext& root, StreamHost& host) {
  slot.open(*this, root, host, next_context_id());
  contexts_.insert(slot);
  ++streams_;
  ++live_streams_;
}

void Guest::close_stream(StreamSlot& slot, bool client_left) noexcept {
  contexts_.erase(slot);
  --streams_;
  if (!slot.failed()) --live_streams_;
  slot.detach();
  // Told only now that the plugin has forgotten the exchange, so that nothing but the SDK's table
  // of calls hears of it.
  bool told = !slot.failed();
  while (PluginCall* call = slot.first_call()) {
    RootContext& root = *call->root;
    const std::uint32_t token = call->id;
    if (!client_left) {
      disown_call(*call);
      continue;
    }
    cancel_call(*call);
    told = told && give_reply(root, nullptr, token, CallReply{});
  }
  if (retired_ && live_streams_ == 0) fall_silent();
  measure_memory();
  settle();
  machine_.give_back(slot);
}

Guest::Answer Guest::call(Context& who, Export e,
                          std::initializer_list<std::uint32_t> arguments) noexcept {
  if (!vm_->has(e)) return {};
  assert(frame_.current == nullptr);
  frame_ = {&who, nullptr, false};
  const auto since = std::chrono::steady_clock::now();
  const std::optional<std::uint32_t> result = vm_->call(e, arguments);
  services_.stats.callback_time.record(std::chrono::steady_clock::now() - since);
  output_.flush(*this);
  const Frame inside = frame_;
  frame_ = {};
  if (!result) on_trap(who, inside.effective, e);
  return {result.value_or(0), !result.has_value(), inside.replied};
}

void Guest::on_trap(Context& who, Context* effective, Export e) noexcept {
  StreamSlot* victim = who.slot;
  if (victim == nullptr) victim = reply_owner_;
  if (victim == nullptr && effective != nullptr) victim = effective->slot;
  if (victim != nullptr && !victim->failed() && victim->host() != nullptr) {
    victim->fail();
    --live_streams_;
    for (std::size_t i = next_deferred_; i < deferred_.size(); ++i) {
      if (deferred_[i].slot == victim) deferred_[i].slot = nullptr;
    }
    deferred_.push_back({victim, Deferred::Kind::fail, StreamType::request, nullptr});
  }
  const RootContext* root = who.root;
  // What comes by itself would trap again and again.
  const bool by_itself = e == Export::on_tick || e == Export::on_queue_ready;
  machine_.on_trap(*this, vm_->trap(), root != nullptr ? root->config->name : vm_config_.name,
                   by_itself ? Cause::plugin : Cause::exchange);
  if (retired_ && (by_itself || live_streams_ == 0)) fall_silent();
}

Status Guest::set_effective_context(std::uint32_t id) noexcept {
  Context* const found = id == 0 ? nullptr : contexts_.find(id);
  if (id != 0 && found == nullptr) return Status::bad_argument;
  frame_.effective = found;
  return Status::ok;
}

void Guest::log(base::LogLevel level, std::string_view message) noexcept {
  if (!base::log_enabled(base::Component::wasm, level)) return;
  log_line_.assign("wasm log").append(context().log_prefix).append(": ").append(message);
  base::log(base::Component::wasm, level, log_line_);
}

// Once each: a plugin must not fill our memory by asking again and again.
Guest::Deferred* Guest::defer(Deferred::Kind kind, StreamType type) {
  StreamSlot* const slot = context().slot;
  if (slot == nullptr || slot->host() == nullptr || slot->failed()) return nullptr;
  for (std::size_t i = next_deferred_; i < deferred_.size(); ++i) {
    const Deferred& there = deferred_[i];
    if (there.slot == slot && there.kind == kind && there.type == type) return nullptr;
  }
  return &deferred_.emplace_back(Deferred{slot, kind, type, nullptr});
}

void Guest::defer_resume(StreamType type) {
  defer(Deferred::Kind::resume, type);
}

void Guest::defer_close(StreamType type) {
  defer(Deferred::Kind::close, type);
}

void Guest::defer_local_response(LocalResponse&& response) {
  frame_.replied = true;
  if (Deferred* action = defer(Deferred::Kind::local_response, StreamType::request)) {
    action->response = std::make_unique<LocalResponse>(std::move(response));
  }
}

void Guest::settle() noexcept {
  while (next_deferred_ < deferred_.size()) {
    Deferred action = std::move(deferred_[next_deferred_++]);
    if (next_deferred_ == deferred_.size()) {
      deferred_.clear();
      next_deferred_ = 0;
    }
    perform(action);
  }
}

void Guest::perform(Deferred& action) noexcept {
  // A slot is given back only when nothing is deferred any more: it is still the same exchange's.
  if (action.slot == nullptr || action.slot->host() == nullptr) return;
  StreamHost& host = *action.slot->host();
  switch (action.kind) {
    case Deferred::Kind::resume:
      host.resume(action.type);
      break;
    case Deferred::Kind::close:
      host.close(action.type);
      break;
    case Deferred::Kind::local_response:
      host.send_local_response(std::move(*action.response));
      break;
    case Deferred::Kind::fail:
      fail_stream(*action.slot);
      break;
  }
}

void Guest::fail_stream(StreamSlot& slot) noexcept {
  while (PluginCall* call = slot.first_call()) cancel_call(*call);
  slot.host()->on_plugin_failed();
}

void Guest::measure_memory() noexcept {
  constexpr std::size_t kKept = 1UL << 20;
  if (scratch.capacity() > kKept) scratch = {};
  const std::size_t size = vm_->memory_size();
  services_.stats.memory_bytes.add(size -
                                   memory_);  // Wraps where it shrinks, and the sum is right.
  memory_ = size;
}

}  // namespace holdfast::wasm
