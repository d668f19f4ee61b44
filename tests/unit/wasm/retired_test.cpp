// A VM that has trapped goes on for the exchanges that it still has.
#include <algorithm>
#include <utility>

#include "catch.hpp"
#include "wasm/plugin_fixture.hpp"

namespace holdfast::wasm {
namespace {

using std::chrono::milliseconds;

TEST_CASE_METHOD(PluginFixture, "calls under way go on as long as an exchange may wait for them",
                 "[wasm]") {
  Wat wat;
  const std::string call =
      "(drop (call $http_call " + wat.text("cluster") +
      wat.pairs(":method: GET\n:path: /\n:authority: a") +
      "(i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 100) (i32.const 16)))";
  wat.quiet("proxy_on_configure", 2, 1, call)
      .quiet("proxy_on_response_headers", 3, 1, call)
      .quiet("proxy_on_response_body", 3, 1, "(unreachable)")
      .callback("proxy_on_http_call_response", 5, -1);
  Plugin& plugin = start(wat);
  FakeStream paused;
  FakeStream broken;
  StreamContext* paused_context = request(plugin, paused);
  StreamContext* broken_context = request(plugin, broken);
  (void)paused_context->on_response_headers(1, true);
  (void)broken_context->on_response_body(1, true);
  CHECK(worker.cancelled.empty());
  broken_context->end(true);
  (void)said();
  std::swap(worker.calls[0], worker.calls[1]);
  worker.answer({});
  CHECK(said() == Lines{"proxy_on_http_call_response 1 8 0 0 0"});
  paused_context->end(true);
  CHECK(worker.cancelled == std::vector<std::uint32_t>{4});
}

TEST_CASE_METHOD(PluginFixture, "queues and ticks of a VM that has trapped are the new one's",
                 "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_configure", 2, 1,
            "(drop (call $register_shared_queue " + wat.text("q") +
                " (i32.const 16)))"
                "(call $number (i32.load (i32.const 16))) (call $end_line)")
      .callback("proxy_on_queue_ready", 2, -1)
      .quiet("proxy_on_request_headers", 3, 0, "(unreachable)");
  Plugin& plugin = start(wat);
  CHECK(said() == Lines{"1"});
  CHECK(shared.enqueue(1, "before") == Status::ok);
  FakeStream stream;
  StreamContext* context = request(plugin, stream);
  CHECK(shared.enqueue(1, "meanwhile") == Status::ok);
  worker.advance(milliseconds{0});
  CHECK(shared.enqueue(1, "after") == Status::ok);
  (void)said();
  worker.run_posted();
  CHECK(said() == Lines(3, "proxy_on_queue_ready 1 1"));
  context->end(true);
}

/// Traps in proxy_on_response_body; an exchange can be held by what comes to the plugin itself.
Wat& holds(Wat& wat, std::string_view configure) {
  wat.quiet("proxy_on_request_headers", 3, 1)
      .quiet("proxy_on_response_body", 3, 0, "(unreachable)");
  const std::string resume =
      note("set_effective_context", ints(2)) + note("continue_stream", ints(0));
  wat.callback("proxy_on_tick", 1, -1, resume)
      .callback("proxy_on_queue_ready", 2, -1, resume)
      .quiet("proxy_on_configure", 2, 1, configure);
  return wat;
}

TEST_CASE_METHOD(PluginFixture, "an exchange that waits for a tick gets it after another's trap",
                 "[wasm]") {
  Wat wat;
  Plugin& plugin = start(holds(wat, note("set_tick_period_milliseconds", ints(100))));
  FakeStream held;
  FakeStream broken;
  StreamContext* held_context = request(plugin, held);
  StreamContext* broken_context = request(plugin, broken);
  (void)broken_context->on_response_body(1, true);
  broken_context->end(true);
  worker.advance(milliseconds{100});
  CHECK(held.events == Lines{"resume 0"});
  held_context->end(true);
  CHECK(stats->vms_active.get() == 1);
  (void)said();
  worker.advance(milliseconds{100});
  CHECK(said() == Lines{"proxy_on_tick 1", "2", "0"});  // The new VM's only.
}

TEST_CASE_METHOD(PluginFixture,
                 "an exchange that waits for a queue is told of entries after another's trap",
                 "[wasm]") {
  Wat wat;
  Plugin& plugin = start(holds(wat, note("register_shared_queue", wat.text("q") + ints(24))));
  FakeStream held;
  FakeStream broken;
  StreamContext* held_context = request(plugin, held);
  StreamContext* broken_context = request(plugin, broken);
  (void)broken_context->on_response_body(1, true);
  broken_context->end(true);
  SECTION("before there is a new VM") {}
  SECTION("and both VMs are") {
    worker.advance(milliseconds{0});
  }
  const std::uint64_t vms = stats->vms_active.get();
  (void)said();
  CHECK(shared.enqueue(1, "entry") == Status::ok);
  worker.run_posted();
  CHECK(held.events == Lines{"resume 0"});
  const Lines told = said();
  CHECK(static_cast<std::uint64_t>(std::ranges::count(told, "proxy_on_queue_ready 1 1")) == vms);
  held_context->end(true);
}

TEST_CASE_METHOD(PluginFixture, "a queue whose callback traps is told to no VM that has trapped",
                 "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_configure", 2, 1, note("register_shared_queue", wat.text("q") + ints(24)))
      .quiet("proxy_on_queue_ready", 2, -1, "(unreachable)")
      .quiet("proxy_on_request_headers", 3, 1);
  Plugin& plugin = start(wat);
  FakeStream stream;
  StreamContext* context = request(plugin, stream);
  for (int i = 0; i < 5; ++i) CHECK(shared.enqueue(1, "entry") == Status::ok);
  worker.run_posted();
  CHECK(traps() == 1);
  worker.advance(milliseconds{0});
  worker.run_posted();
  CHECK(traps() == 2);  // The new VM hears of them, and the plugin is down now.
  CHECK(stream.events.empty());
  context->end(true);
}

TEST_CASE_METHOD(PluginFixture, "an exchange can call out after another's trap", "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_request_headers", 3, 0)
      .quiet("proxy_on_response_body", 3, 0, "(unreachable)")
      .quiet("proxy_on_response_headers", 3, 1,
             note("http_call", wat.text("cluster") +
                                   wat.pairs(":method: GET\n:path: /\n:authority: a") +
                                   ints(0, 0, 0, 0, 100, 24)));
  Plugin& plugin = start(wat);
  FakeStream stream;
  FakeStream broken;
  StreamContext* context = request(plugin, stream);
  StreamContext* broken_context = request(plugin, broken);
  (void)broken_context->on_response_body(1, true);
  broken_context->end(true);
  (void)said();
  CHECK(context->on_response_headers(1, true) == Action::pause);
  CHECK(said() == Lines{"0"});
  CHECK(context->pending_calls() == 1);
  context->end(false);
  CHECK(worker.calls.empty());
  CHECK(stats->calls_active.get() == 0);
}

}  // namespace
}  // namespace holdfast::wasm
