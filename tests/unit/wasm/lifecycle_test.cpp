// In which order a plugin's callbacks come, and who is told what.
#include "catch.hpp"
#include "wasm/plugin_fixture.hpp"

namespace holdfast::wasm {
namespace {

/// A plugin with all callbacks, each logging its arguments.
Wat all_callbacks() {
  Wat wat;
  wat.callback("_initialize", 0, -1)
      .callback("proxy_on_context_create", 2, -1)
      .callback("proxy_on_vm_start", 2, 1)
      .callback("proxy_on_configure", 2, 1)
      .callback("proxy_on_request_headers", 3, 0)
      .callback("proxy_on_request_body", 3, 0)
      .callback("proxy_on_request_trailers", 2, 0)
      .callback("proxy_on_response_headers", 3, 1)
      .callback("proxy_on_response_body", 3, 1)
      .callback("proxy_on_response_trailers", 2, 1)
      .callback("proxy_on_log", 1, -1)
      .callback("proxy_on_done", 1, 1)
      .callback("proxy_on_delete", 1, -1);
  return wat;
}

TEST_CASE_METHOD(PluginFixture,
                 "a plugin is started, serves an exchange and is shut down in Envoy's order",
                 "[wasm]") {
  Plugin& plugin = start(all_callbacks());
  CHECK(said() == Lines{"_initialize", "proxy_on_context_create 1 0", "proxy_on_vm_start 1 13",
                        "proxy_on_configure 1 10"});
  FakeStream stream;
  StreamContext* context = plugin.begin(stream);
  REQUIRE(context != nullptr);
  CHECK(said().empty());
  CHECK(context->on_request_headers(8, false) == Action::proceed);
  CHECK(context->on_request_body(5, true) == Action::proceed);
  CHECK(context->on_request_trailers(2) == Action::proceed);
  CHECK(context->on_response_headers(6, false) == Action::pause);
  CHECK(context->on_response_body(7, true) == Action::pause);
  CHECK(context->on_response_trailers(1) == Action::pause);
  context->end(true);
  CHECK(said() == Lines{"proxy_on_context_create 2 1", "proxy_on_request_headers 2 8 0",
                        "proxy_on_request_body 2 5 1", "proxy_on_request_trailers 2 2",
                        "proxy_on_response_headers 2 6 0", "proxy_on_response_body 2 7 1",
                        "proxy_on_response_trailers 2 1", "proxy_on_log 2", "proxy_on_done 2",
                        "proxy_on_delete 2"});
  request(plugin, stream)->end(true);
  CHECK(said().at(0) == "proxy_on_context_create 3 1");
  CHECK(stream.events.empty());
  host.reset();
  CHECK(said() == Lines{"proxy_on_done 1", "proxy_on_delete 1"});
}

TEST_CASE_METHOD(PluginFixture, "a plugin that asks for time when it is shut down gets none",
                 "[wasm]") {
  Wat wat;
  wat.callback("proxy_on_done", 1, 0, "(call $note (call $done))")
      .callback("proxy_on_delete", 1, -1);
  start(wat);
  host.reset();
  CHECK(said() == Lines{"proxy_on_done 1", "1"});
}

TEST_CASE_METHOD(PluginFixture, "callbacks that a plugin does not export proceed", "[wasm]") {
  Plugin& plugin = start(Wat());
  FakeStream stream;
  StreamContext* context = request(plugin, stream);
  CHECK(context->on_response_headers(1, false) == Action::proceed);
  CHECK(context->on_response_body(1, true) == Action::proceed);
  context->end(true);
  CHECK(said().empty());
  CHECK_FALSE(context->failed());
}

TEST_CASE_METHOD(PluginFixture, "an exchange that a plugin has not seen is logged all the same",
                 "[wasm]") {
  Plugin& plugin = start(all_callbacks());
  (void)said();
  FakeStream stream;
  plugin.begin(stream)->end(true);
  CHECK(said() == Lines{"proxy_on_context_create 2 1", "proxy_on_log 2", "proxy_on_done 2",
                        "proxy_on_delete 2"});
}

TEST_CASE_METHOD(PluginFixture, "headers callbacks of ABI 0.1.0 take two parameters", "[wasm]") {
  Wat wat("proxy_abi_version_0_1_0");
  wat.callback("proxy_on_request_headers", 2, 1).callback("proxy_on_response_headers", 2, 0);
  Plugin& plugin = start(wat);
  FakeStream stream;
  StreamContext* context = plugin.begin(stream);
  CHECK(context->on_request_headers(8, true) == Action::pause);
  CHECK(context->on_response_headers(6, true) == Action::proceed);
  context->end(true);
  CHECK(said() == Lines{"proxy_on_request_headers 2 8", "proxy_on_response_headers 2 6"});
}

TEST_CASE_METHOD(PluginFixture, "answers of callbacks count as in proxy-wasm-cpp-host", "[wasm]") {
  const auto answered = [this](int answer) {
    Wat wat;
    wat.quiet("proxy_on_request_headers", 3, answer).quiet("proxy_on_request_body", 3, answer);
    Plugin& plugin = start(wat);
    FakeStream stream;
    StreamContext* context = plugin.begin(stream);
    const Action headers = context->on_request_headers(1, false);
    const Action body = context->on_request_body(1, false);
    context->end(true);
    host = PluginHost::make(worker, shared, *stats, 1);
    return std::pair(headers, body);
  };
  CHECK(answered(0) == std::pair(Action::proceed, Action::proceed));
  CHECK(answered(1) == std::pair(Action::pause, Action::pause));
  CHECK(answered(2) == std::pair(Action::proceed, Action::pause));
  CHECK(answered(4) == std::pair(Action::pause, Action::pause));
  CHECK(answered(77) == std::pair(Action::pause, Action::pause));
}

TEST_CASE_METHOD(PluginFixture, "plugins with the same vm_id, code and VM configuration share a VM",
                 "[wasm]") {
  const auto first = config(all_callbacks(), "first");
  const auto second = config(all_callbacks(), "second");
  second->configuration = "longer configuration";
  const auto third = config(all_callbacks(), "third");
  third->vm_id = "another";
  Plugin& one = host->add(first);
  Plugin& two = host->add(second);
  Plugin& three = host->add(third);
  host->start();
  CHECK(stats->vms_active.get() == 2);
  CHECK(said() == Lines{"_initialize", "proxy_on_context_create 1 0", "proxy_on_vm_start 1 13",
                        "proxy_on_configure 1 10", "proxy_on_context_create 2 0",
                        "proxy_on_vm_start 2 13", "proxy_on_configure 2 20", "_initialize",
                        "proxy_on_context_create 1 0", "proxy_on_vm_start 1 13",
                        "proxy_on_configure 1 10"});
  CHECK(one.config().name == "first");
  FakeStream stream;
  StreamContext* of_one = one.begin(stream);
  StreamContext* of_two = two.begin(stream);
  StreamContext* of_three = three.begin(stream);
  (void)of_two->on_request_headers(1, true);
  (void)of_one->on_request_headers(1, true);
  (void)of_three->on_request_headers(1, true);
  CHECK(said() == Lines{"proxy_on_context_create 4 2", "proxy_on_request_headers 4 1 1",
                        "proxy_on_context_create 3 1", "proxy_on_request_headers 3 1 1",
                        "proxy_on_context_create 2 1", "proxy_on_request_headers 2 1 1"});
  for (StreamContext* context : {of_one, of_two, of_three}) context->end(true);
}

TEST_CASE_METHOD(PluginFixture,
                 "log lines name the plugin for exchanges, not for the plugin itself", "[wasm]") {
  Plugin& plugin = start(all_callbacks());
  CHECK(log.take() == Lines{"info wasm log: _initialize",
                            "info wasm log root vm: proxy_on_context_create 1 0",
                            "info wasm log root vm: proxy_on_vm_start 1 13",
                            "info wasm log root vm: proxy_on_configure 1 10"});
  FakeStream stream;
  request(plugin, stream)->end(true);
  CHECK(log.take().at(0) == "info wasm log plug root vm: proxy_on_context_create 2 1");
}

TEST_CASE_METHOD(PluginFixture, "a tick comes each period until the period is 0", "[wasm]") {
  Wat wat;
  wat.callback("proxy_on_configure", 2, 1,
               "(call $note (call $set_tick_period_milliseconds (i32.const 100)))")
      .add("(global $ticks (mut i32) (i32.const 0))")
      .callback("proxy_on_tick", 1, -1, R"(
        (global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))
        (if (i32.eq (global.get $ticks) (i32.const 3)) (then (drop (call $set_tick_period_milliseconds (i32.const 0)))))
        (if (i32.eq (global.get $ticks) (i32.const 2)) (then (drop (call $set_tick_period_milliseconds (i32.const 50)))))
      )");
  start(wat);
  (void)said();
  using std::chrono::milliseconds;
  worker.advance(milliseconds{99});
  CHECK(said().empty());
  worker.advance(milliseconds{1});
  CHECK(said() == Lines{"proxy_on_tick 1"});
  worker.advance(milliseconds{100});
  CHECK(said() == Lines{"proxy_on_tick 1"});
  worker.advance(milliseconds{50});
  CHECK(said() == Lines{"proxy_on_tick 1"});
  worker.advance(milliseconds{1'000});
  CHECK(said().empty());
  CHECK(worker.timers() == 0);
}

TEST_CASE_METHOD(PluginFixture, "the end of the host ends ticks and calls", "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_configure", 2, 1,
            "(drop (call $set_tick_period_milliseconds (i32.const 100)))"
            "(drop (call $http_call " +
                wat.text("cluster") + wat.pairs(":method: GET\n:path: /\n:authority: a") +
                "(i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 100) "
                "(i32.const 16)))");
  start(wat);
  CHECK(worker.timers() == 1);
  CHECK(worker.calls.size() == 1);
  host.reset();
  CHECK(worker.timers() == 0);
  CHECK(worker.cancelled == std::vector<std::uint32_t>{4});
  CHECK(stats->vms_active.get() == 0);
  CHECK(stats->vms_created.get() == 1);
  CHECK(stats->calls_active.get() == 0);
  CHECK(stats->memory_bytes.get() == 0);
}

TEST_CASE_METHOD(PluginFixture, "a trial says why a plugin does not start", "[wasm]") {
  Wat good;
  good.quiet("proxy_on_configure", 2, 1);
  CHECK(try_plugin(*config(good)).empty());
  Wat no_start;
  no_start.quiet("proxy_on_vm_start", 2, 0);
  CHECK(try_plugin(*config(no_start)) == "proxy_on_vm_start returned 0");
  Wat no_configuration;
  no_configuration.quiet("proxy_on_configure", 2, 0);
  CHECK(try_plugin(*config(no_configuration)) == "proxy_on_configure returned 0");
  Wat panic;
  panic.quiet("proxy_on_configure", 2, 1, "(unreachable)");
  CHECK_THAT(try_plugin(*config(panic)), Catch::Matchers::StartsWith("trapped: "));
  Wat early_panic;
  early_panic.quiet("_initialize", 0, -1, "(unreachable)");
  CHECK_THAT(try_plugin(*config(early_panic)), Catch::Matchers::StartsWith("trapped: "));
  // What it asks for meanwhile is taken, and forgotten with it.
  Wat busy;
  busy.quiet("proxy_on_configure", 2, 1,
             "(drop (call $set_tick_period_milliseconds (i32.const 1)))"
             "(call $note (call $http_call " +
                 busy.text("any") + busy.pairs(":method: GET\n:path: /\n:authority: a") +
                 "(i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 100) "
                 "(i32.const 16)))");
  (void)said();
  CHECK(try_plugin(*config(busy)).empty());
  CHECK(said() == Lines{"0"});
}

TEST_CASE_METHOD(PluginFixture, "a module's start function may not call host functions", "[wasm]") {
  Wat wat;
  wat.add(
      "(func $early (drop (call $log (i32.const 2) (i32.const 0) (i32.const 1))))(start $early)");
  CHECK(try_plugin(*config(wat)).find("env.proxy_log called by the module's start function") !=
        std::string::npos);
}

TEST_CASE_METHOD(PluginFixture, "plugins with other variables of the environment have other VMs",
                 "[wasm]") {
  const auto add = [&](std::string name, std::vector<std::pair<std::string, std::string>> own) {
    const auto plugin = config(Wat(), std::move(name));
    plugin->environment = std::move(own);
    (void)host->add(plugin);
  };
  add("one", {{"A", "1"}, {"B", "2"}});
  add("two", {{"B", "2"}, {"A", "1"}});
  add("three", {{"A", "1"}, {"B", "3"}});
  add("four", {});
  host->start();
  CHECK(stats->vms_active.get() == 3);
}

}  // namespace
}  // namespace holdfast::wasm
