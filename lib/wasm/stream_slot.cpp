#include <cassert>

#include "wasm/guest.hpp"
#include "wasm/machine.hpp"

namespace holdfast::wasm {
namespace {

/// As proxy-wasm-cpp-host reads the answers: 0 goes on; 2 of a headers callback is no pause, every
/// other number is one.
Action to_action(Export e, Guest::Answer answer) noexcept {
  if (answer.trapped) return Action::proceed;
  const bool of_http = e >= Export::on_request_headers && e <= Export::on_response_trailers;
  if (answer.replied && of_http) return Action::pause;
  const bool of_headers = e == Export::on_request_headers || e == Export::on_response_headers;
  const bool goes_on = answer.value == 0 || (of_headers && answer.value == 2);
  return goes_on ? Action::proceed : Action::pause;
}

}  // namespace

void StreamSlot::open(Guest& guest, RootContext& root_context, StreamHost& host,
                      std::uint32_t own_id) noexcept {
  assert(host_ == nullptr && pending_calls_ == 0);
  guest_ = &guest;
  host_ = &host;
  state_ = State::fresh;
  id = own_id;
  root = &root_context;
  slot = this;
  log_prefix = root_context.stream_prefix;
}

bool StreamSlot::create_context() noexcept {
  state_ = State::open;
  return !guest_->call(*this, Export::on_context_create, {id, root->id}).trapped;
}

// After settle() this slot may be another exchange's: nothing of it is touched any more.
Action StreamSlot::run(Export e, std::initializer_list<std::uint32_t> arguments) noexcept {
  if (state_ == State::failed) return Action::proceed;
  Guest& guest = *guest_;
  const Machine::Turn turn(guest.machine());
  Guest::Answer answer;
  if (state_ == State::fresh && !create_context()) {
    answer.trapped = true;
  } else {
    answer = guest.call(*this, e, arguments);
  }
  guest.settle();
  return to_action(e, answer);
}

Action StreamSlot::on_request_headers(std::uint32_t count, bool end) noexcept {
  return run(Export::on_request_headers, {id, count, end ? 1U : 0U});
}

Action StreamSlot::on_request_body(std::uint32_t size, bool end) noexcept {
  return run(Export::on_request_body, {id, size, end ? 1U : 0U});
}

Action StreamSlot::on_request_trailers(std::uint32_t count) noexcept {
  return run(Export::on_request_trailers, {id, count});
}

Action StreamSlot::on_response_headers(std::uint32_t count, bool end) noexcept {
  return run(Export::on_response_headers, {id, count, end ? 1U : 0U});
}

Action StreamSlot::on_response_body(std::uint32_t size, bool end) noexcept {
  return run(Export::on_response_body, {id, size, end ? 1U : 0U});
}

Action StreamSlot::on_response_trailers(std::uint32_t count) noexcept {
  return run(Export::on_response_trailers, {id, count});
}

Action StreamSlot::on_new_connection() noexcept {
  return run(Export::on_new_connection, {id});
}

Action StreamSlot::on_data(StreamType from, std::uint32_t size, bool end) noexcept {
  const bool down = from == StreamType::downstream;
  return run(down ? Export::on_downstream_data : Export::on_upstream_data,
             {id, size, end ? 1U : 0U});
}

void StreamSlot::on_close(StreamType of, CloseType how) noexcept {
  if (state_ == State::fresh) return;
  const bool down = of == StreamType::downstream;
  (void)run(down ? Export::on_downstream_connection_close : Export::on_upstream_connection_close,
            {id, static_cast<std::uint32_t>(how)});
}

void StreamSlot::end_connection() noexcept {
  Guest& guest = *guest_;
  const Machine::Turn turn(guest.machine());
  if (state_ != State::fresh) {
    tell(Export::on_done, State::ending);
    tell(Export::on_log, State::logging);
    tell(Export::on_delete, State::ending);
  }
  guest.close_stream(*this, false);
}

void StreamSlot::tell(Export e, State state) noexcept {
  if (state_ == State::failed) return;
  state_ = state;
  (void)guest_->call(*this, e, {id});
}

void StreamSlot::create() noexcept {
  if (state_ != State::fresh) return;
  Guest& guest = *guest_;
  const Machine::Turn turn(guest.machine());
  create_context();
  guest.settle();
}

void StreamSlot::log() noexcept {
  if (state_ != State::fresh && state_ != State::open) return;
  const Machine::Turn turn(guest_->machine());
  // An exchange that the plugin has not seen (another filter has answered it) is logged all the
  // same, as in Envoy.
  if (state_ == State::fresh) create_context();
  tell(Export::on_log, State::logging);
}

void StreamSlot::end(bool client_left) noexcept {
  Guest& guest = *guest_;
  const Machine::Turn turn(guest.machine());
  log();
  tell(Export::on_done, State::ending);
  tell(Export::on_delete, State::ending);
  guest.close_stream(*this, client_left);
}

void StreamSlot::add_call(PluginCall& call) noexcept {
  calls_.push_back(call);
  ++pending_calls_;
}

void StreamSlot::remove_call(PluginCall& call) noexcept {
  call.unlink();
  --pending_calls_;
}

}  // namespace holdfast::wasm
