// What becomes of exchanges, plugins and VMs when guest code traps.
#include <memory>

#include "catch.hpp"
#include "wasm/machine.hpp"
#include "wasm/plugin_fixture.hpp"

namespace holdfast::wasm {
namespace {

using std::chrono::milliseconds;

/// Panics in proxy_on_response_headers of messages with so many headers.
Wat panics_at(int headers) {
  Wat wat;
  wat.callback("proxy_on_configure", 2, 1)
      .callback("proxy_on_request_headers", 3, 0)
      .callback("proxy_on_response_headers", 3, 0,
                "(if (i32.eq (local.get $b) (i32.const " + std::to_string(headers) +
                    ")) (then (unreachable)))")
      .callback("proxy_on_log", 1, -1);
  return wat;
}

TEST_CASE_METHOD(PluginFixture,
                 "a trap fails its own exchange, and the next one gets a new VM at once",
                 "[wasm]") {
  Plugin& plugin = start(panics_at(66));
  FakeStream stream;
  FakeStream older;
  StreamContext* old_context = request(plugin, older);
  StreamContext* context = request(plugin, stream);
  (void)said();
  CHECK(context->on_response_headers(66, false) == Action::proceed);
  CHECK(stream.events == Lines{"failed"});
  CHECK(context->failed());
  CHECK(traps() == 1);
  CHECK(stats->trap_unreachable.get() == 1);
  const Lines told = said();
  CHECK(told.at(0) == "proxy_on_response_headers 3 66 0");
  CHECK_THAT(told.at(1), Catch::Matchers::StartsWith(
                             "error plugin plug (vm_id \"vm\") has trapped: unreachable"));

  // Nothing comes to it any more.
  CHECK(context->on_response_body(1, true) == Action::proceed);
  context->end(true);
  CHECK(said().empty());

  FakeStream next;
  StreamContext* next_context = request(plugin, next);
  CHECK(said() == Lines{"proxy_on_configure 1 10", "proxy_on_request_headers 2 8 1"});
  CHECK(stats->vms_replaced.get() == 1);
  CHECK(stats->vms_active.get() == 2);
  next_context->end(true);

  // The older exchange goes on in the VM that has trapped, which goes with it.
  (void)said();
  CHECK(old_context->on_response_headers(1, false) == Action::proceed);
  old_context->end(true);
  CHECK(said() == Lines{"proxy_on_response_headers 2 1 0", "proxy_on_log 2"});
  CHECK(older.events.empty());
  CHECK(stats->vms_active.get() == 1);
  CHECK(stats->vms_created.get() == 2);
}

TEST_CASE_METHOD(PluginFixture, "nothing is asked of an exchange that has failed", "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_request_headers", 3, 1,
            note("http_call", wat.text("cluster") +
                                  wat.pairs(":method: GET\n:path: /\n:authority: a") +
                                  ints(0, 0, 0, 0, 100, 24)))
      .quiet("proxy_on_response_headers", 3, 0, "(unreachable)")
      .quiet("proxy_on_http_call_response", 5, -1,
             note("set_effective_context", ints(2)) + note("continue_stream", ints(1)));
  Plugin& plugin = start(wat);
  FakeStream failed;
  FakeStream other;
  StreamContext* failed_context = request(plugin, failed);
  StreamContext* other_context = request(plugin, other);
  (void)failed_context->on_response_headers(1, false);
  CHECK(failed.events == Lines{"failed"});
  (void)said();
  // The other one's call comes back to the VM that has trapped.
  REQUIRE(worker.calls.size() == 1);
  worker.answer({});
  CHECK(said() == Lines{"0", "0"});
  CHECK(failed.events == Lines{"failed"});
  failed_context->end(false);
  other_context->end(false);
}

TEST_CASE_METHOD(PluginFixture, "a plugin that has no context for exchanges fails them", "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_context_create", 2, -1, "(if (local.get $b) (then (unreachable)))")
      .callback("proxy_on_request_headers", 3, 0);
  Plugin& plugin = start(wat);
  FakeStream stream;
  StreamContext* context = request(plugin, stream);
  CHECK(stream.events == Lines{"failed"});
  CHECK(said().size() == 1);  // The trap.
  context->end(true);
}

TEST_CASE_METHOD(PluginFixture, "a new VM is made without a request, too", "[wasm]") {
  Plugin& plugin = start(panics_at(66));
  FakeStream stream;
  StreamContext* context = request(plugin, stream);
  (void)context->on_response_headers(66, false);
  context->end(true);
  CHECK(stats->vms_active.get() == 0);
  worker.advance(milliseconds{0});
  CHECK(stats->vms_active.get() == 1);
}

/// Requests that trap.
struct TrapFixture : PluginFixture {
  Plugin* plugin = nullptr;

  /// False: the plugin is down.
  bool trap() {
    FakeStream stream;
    StreamContext* context = plugin->begin(stream);
    if (context == nullptr) return false;
    (void)context->on_request_headers(8, true);
    (void)context->on_response_headers(66, false);
    CHECK(stream.events == Lines{"failed"});
    context->end(true);
    return true;
  }
  /// How many it takes until the plugin is down.
  unsigned trap_until_down() {
    unsigned count = 0;
    while (count < 100 && trap()) ++count;
    return count;
  }
  bool serves() {
    FakeStream stream;
    StreamContext* context = plugin->begin(stream);
    if (context != nullptr) context->end(true);
    return context != nullptr;
  }
};

TEST_CASE_METHOD(TrapFixture, "traps of requests have a budget of VMs that are made at once",
                 "[wasm]") {
  plugin = &start(panics_at(66));
  for (unsigned i = 0; i < Machine::kBudget; ++i) {
    CHECK(trap());
    CHECK(serves());
  }
  CHECK(trap());  // One too many.
  CHECK_FALSE(serves());
  worker.advance(milliseconds{1'000});  // The back-off, and one more in the budget.
  CHECK(serves());
  CHECK(trap_until_down() == 2);
}

TEST_CASE_METHOD(TrapFixture, "one trap a second is no reason for a back-off", "[wasm]") {
  plugin = &start(panics_at(66));
  for (unsigned i = 0; i < 100; ++i) {
    CHECK(trap());
    CHECK(serves());
    worker.advance(milliseconds{1'000});
  }
  CHECK(trap_until_down() == Machine::kBudget + 1);
}

TEST_CASE_METHOD(TrapFixture, "no VM is made at once while many that have trapped are in use",
                 "[wasm]") {
  plugin = &start(panics_at(66));
  std::vector<std::unique_ptr<FakeStream>> streams;
  std::vector<StreamContext*> contexts;
  do {
    streams.push_back(std::make_unique<FakeStream>());
    contexts.push_back(request(*plugin, *streams.back()));
  } while (trap() && serves() && contexts.size() < 50);
  CHECK(contexts.size() == 9);
  CHECK(stats->vms_active.get() == 9);
  for (StreamContext* context : contexts) context->end(false);
  CHECK(stats->vms_active.get() == 0);
  worker.advance(milliseconds{1'000});
  CHECK(serves());
}

TEST_CASE_METHOD(TrapFixture, "traps beyond the budget wait longer and longer, up to a minute",
                 "[wasm]") {
  plugin = &start(panics_at(66));
  for (const int seconds : {1, 2, 4, 8, 16, 32, 60, 60}) {
    INFO(seconds);
    (void)trap_until_down();
    worker.advance(milliseconds{seconds * 1'000 - 1});
    const std::uint64_t refused = stats->requests_down.get();
    CHECK_FALSE(serves());
    CHECK(stats->requests_down.get() == refused + 1);
    worker.advance(milliseconds{1});
  }
  CHECK(serves());
}

TEST_CASE_METHOD(TrapFixture, "a VM that has lived ten back-offs clears the count", "[wasm]") {
  const auto settings = config(panics_at(66));
  settings->reload_backoff = milliseconds{200};
  plugin = &start(settings);
  (void)trap_until_down();  // 200 ms.
  worker.advance(milliseconds{200});
  worker.advance(milliseconds{1'999});
  (void)trap_until_down();  // Not long enough: 400 ms.
  worker.advance(milliseconds{399});
  CHECK_FALSE(serves());
  worker.advance(milliseconds{1});
  worker.advance(milliseconds{4'000});
  (void)trap_until_down();  // Long enough: 200 ms again.
  worker.advance(milliseconds{199});
  CHECK_FALSE(serves());
  worker.advance(milliseconds{1});
  CHECK(serves());
}

TEST_CASE_METHOD(TrapFixture, "the back-off grows to its longest", "[wasm]") {
  const auto settings = config(panics_at(66));
  settings->reload_backoff = milliseconds{200};
  settings->longest_backoff = milliseconds{300};
  plugin = &start(settings);
  for (const int wait : {200, 300, 300}) {
    (void)trap_until_down();
    worker.advance(milliseconds{wait - 1});
    CHECK_FALSE(serves());
    worker.advance(milliseconds{1});
  }
  CHECK(serves());
}

TEST_CASE_METHOD(PluginFixture, "a plugin that does not start again is down, and tried again",
                 "[wasm]") {
  // Starts once in each VM's life only when shared data say so.
  Wat wat;
  wat.quiet("proxy_on_configure", 2, 1,
            "(if (i32.eqz (call $get_shared_data " + wat.text("broken") +
                " (i32.const 16) (i32.const 20) (i32.const 24))) (then (unreachable)))")
      .quiet("proxy_on_request_headers", 3, 0, "(unreachable)");
  Plugin& plugin = start(wat);
  CHECK(shared.set_data("vm", "broken", "yes", 0) == Status::ok);
  FakeStream stream;
  request(plugin, stream)->end(true);
  CHECK(stream.events == Lines{"failed"});
  (void)said();
  FakeStream other;
  CHECK(plugin.begin(other) == nullptr);  // Made at once, and failed: 1 s.
  const Lines told = said();
  CHECK_THAT(told.back(), Catch::Matchers::StartsWith(
                              "error plugin plug (vm_id \"vm\") is down for now: trapped: "));
  worker.advance(milliseconds{999});
  CHECK(stats->vms_created.get() == 2);
  worker.advance(milliseconds{1});  // Failed again: 2 s.
  CHECK(stats->vms_created.get() == 3);
  worker.advance(milliseconds{1'999});
  CHECK(stats->vms_created.get() == 3);
  CHECK(stats->vms_active.get() == 0);
  worker.advance(milliseconds{1});
  CHECK(stats->vms_created.get() == 4);
}

TEST_CASE_METHOD(PluginFixture, "what a callback has asked for is forgotten when it traps",
                 "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_request_headers", 3, 0,
            "(drop (call $continue_stream (i32.const 0)))"
            "(drop (call $send_local_response (i32.const 403) (i32.const 0) (i32.const 0) "
            "(i32.const 0) (i32.const 0)"
            " (i32.const 0) (i32.const 0) (i32.const -1)))"
            "(unreachable)");
  Plugin& plugin = start(wat);
  FakeStream stream;
  request(plugin, stream)->end(true);
  CHECK(stream.events == Lines{"failed"});
}

TEST_CASE_METHOD(PluginFixture, "an exchange that ends while it is told of its failure ends once",
                 "[wasm]") {
  Plugin& plugin = start(panics_at(66));
  FakeStream stream;
  StreamContext* context = request(plugin, stream);
  stream.on_event = [&] { context->end(true); };
  CHECK(context->on_response_headers(66, false) == Action::proceed);
  CHECK(stream.events == Lines{"failed"});
  CHECK(stats->vms_active.get() == 0);
}

TEST_CASE_METHOD(PluginFixture, "a trap in the last callbacks of an exchange fails nobody",
                 "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_log", 1, -1, "(unreachable)").callback("proxy_on_done", 1, 1);
  Plugin& plugin = start(wat);
  FakeStream stream;
  request(plugin, stream)->end(true);
  CHECK(stream.events.empty());
  CHECK(traps() == 1);
  CHECK(stats->vms_active.get() == 0);
}

TEST_CASE_METHOD(PluginFixture, "a trap in a tick retires the VM, and its ticks end", "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_configure", 2, 1,
            "(drop (call $set_tick_period_milliseconds (i32.const 100)))")
      .callback("proxy_on_tick", 1, -1, "(unreachable)")
      .callback("proxy_on_request_headers", 3, 0);
  Plugin& plugin = start(wat);
  FakeStream stream;
  StreamContext* context = request(plugin, stream);
  worker.advance(milliseconds{100});
  CHECK(traps() == 1);
  CHECK(stream.events.empty());
  CHECK_FALSE(context->failed());
  worker.advance(milliseconds{100});  // The new VM ticks, and traps: down for a second.
  CHECK(traps() == 2);
  worker.advance(milliseconds{999});
  CHECK(traps() == 2);
  context->end(true);
  CHECK(stats->vms_active.get() == 0);
}

TEST_CASE_METHOD(PluginFixture,
                 "a trap in the answer to a call fails the exchange that has made it", "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_response_headers", 3, 1,
            "(drop (call $http_call " + wat.text("cluster") +
                wat.pairs(":method: GET\n:path: /\n:authority: a") +
                "(i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 100) "
                "(i32.const 16)))")
      .quiet("proxy_on_http_call_response", 5, -1, "(unreachable)");
  Plugin& plugin = start(wat);
  FakeStream stream;
  FakeStream other;
  StreamContext* context = request(plugin, stream);
  StreamContext* other_context = request(plugin, other);
  CHECK(context->on_response_headers(1, true) == Action::pause);
  CHECK(context->on_response_headers(1, true) == Action::pause);
  CHECK(other_context->on_response_headers(1, true) == Action::pause);
  worker.answer({});
  CHECK(stream.events == Lines{"failed"});
  CHECK(context->failed());
  CHECK(worker.cancelled == std::vector<std::uint32_t>{8});
  CHECK(other.events.empty());
  CHECK(other_context->pending_calls() == 1);
  context->end(true);
  other_context->end(true);
  CHECK(stats->calls_active.get() == 0);
}

TEST_CASE_METHOD(PluginFixture,
                 "traps are told each at first, later once a minute, and counted always",
                 "[wasm]") {
  const auto settings = config(panics_at(66));
  settings->reload_backoff = milliseconds{1};
  Plugin& plugin = start(settings);
  (void)said();
  unsigned told = 0;
  for (unsigned i = 0; i < 50; ++i) {
    FakeStream stream;
    StreamContext* context = request(plugin, stream);
    (void)context->on_response_headers(66, false);
    context->end(true);
    worker.advance(milliseconds{60'000});
    for (const std::string& line : said())
      told += line.find("has trapped") != std::string::npos ? 1 : 0;
  }
  CHECK(traps() == 50);
  CHECK(told == 21);
}

}  // namespace
}  // namespace holdfast::wasm
