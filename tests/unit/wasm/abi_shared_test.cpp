// Host functions about what plugins share: data, queues, metrics.
#include "catch.hpp"
#include "wasm/plugin_fixture.hpp"

namespace holdfast::wasm {
namespace {

struct SharedFixture : PluginFixture {
  Lines run(Wat& wat, std::string_view body) {
    wat.quiet("proxy_on_request_headers", 3, 0, body);
    Plugin& plugin = start(wat);
    FakeStream stream;
    request(plugin, stream)->end(true);
    return said();
  }
};

TEST_CASE_METHOD(SharedFixture, "shared data are set and read with their compare-and-swap value",
                 "[wasm]") {
  Wat wat;
  const std::string key = wat.text("key");
  const std::string get = note_given("get_shared_data", key + ints(16, 20, 24));
  CHECK(
      run(wat, get + note("set_shared_data", key + wat.text("one") + ints(0)) + get +
                   note("set_shared_data", key + wat.text("two") + "(i32.load (i32.const 24))") +
                   note("set_shared_data", key + wat.text("three") + "(i32.load (i32.const 24))") +
                   get + note("set_shared_data", key + ints(0, 0, 0)) + get) ==
      Lines{"1", "", "0", "0", "one", "0", "8", "0", "two", "0", "0", ""});
  CHECK(shared.get_data("vm", "key")->value.empty());
}

TEST_CASE_METHOD(SharedFixture, "shared data are the VM's by its vm_id", "[wasm]") {
  CHECK(shared.set_data("other", "key", "value", 0) == Status::ok);
  Wat wat;
  CHECK(run(wat, note("get_shared_data", wat.text("key") + ints(16, 20, 24))) == Lines{"1"});
}

TEST_CASE_METHOD(SharedFixture, "shared data with bad pointers are refused", "[wasm]") {
  Wat wat;
  const std::string key = wat.text("key");
  CHECK(shared.set_data("vm", "key", "value", 0) == Status::ok);
  CHECK(run(wat, note("get_shared_data", ints(-8, 16, 16, 20, 24)) +
                     note("get_shared_data", key + ints(-1, 20, 24)) +
                     note("get_shared_data", key + ints(16, 20, -1)) +
                     note("set_shared_data", key + ints(-8, 16, 0)) +
                     note("set_shared_data", ints(-8, 16) + key + ints(0))) == Lines(5, "6"));
  CHECK(shared.get_data("vm", "key")->value == "value");
}

TEST_CASE_METHOD(SharedFixture, "a queue tells the plugin that has registered it of each entry",
                 "[wasm]") {
  Wat wat;
  const std::string name = wat.text("q");
  wat.quiet("proxy_on_configure", 2, 1, note("register_shared_queue", name + ints(24)))
      .callback("proxy_on_queue_ready", 2, -1,
                note_given("dequeue_shared_queue", "(local.get $b) " + ints(16, 20)) +
                    note_given("dequeue_shared_queue", "(local.get $b) " + ints(16, 20)));
  CHECK(
      run(wat, note("resolve_shared_queue", ints(0, 0) + name + ints(28)) +
                   note("resolve_shared_queue", wat.text("vm") + name + ints(32)) +
                   note("resolve_shared_queue", wat.text("other") + name + ints(36)) +
                   "(call $note (i32.load (i32.const 28)))(call $note (i32.load (i32.const 32)))" +
                   note("enqueue_shared_queue", "(i32.load (i32.const 28)) " + wat.text("entry")) +
                   note("enqueue_shared_queue", ints(99) + wat.text("entry")) +
                   note("dequeue_shared_queue", ints(99, 16, 20)) +
                   note("enqueue_shared_queue", ints(0) + wat.text("entry"))) ==
      Lines{"0", "0", "0", "1", "1", "1", "0", "1", "1", "1"});
  worker.run_posted();
  CHECK(said() == Lines{"proxy_on_queue_ready 1 1", "0", "entry", "7", ""});
}

TEST_CASE_METHOD(SharedFixture, "a plugin that registers a queue is told of what is in it",
                 "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_configure", 2, 1, note("register_shared_queue", wat.text("q") + ints(24)))
      .callback("proxy_on_queue_ready", 2, -1);
  const auto token = shared.register_queue("vm", "q", nullptr, {});
  CHECK(shared.enqueue(token, "1") == Status::ok);
  CHECK(shared.enqueue(token, "2") == Status::ok);
  start(wat);
  worker.run_posted();
  CHECK(said() == Lines{"0", "proxy_on_queue_ready 1 1", "proxy_on_queue_ready 1 1"});
}

TEST_CASE_METHOD(SharedFixture, "a plugin that feeds its own queue for ever lets others have turns",
                 "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_configure", 2, 1, note("register_shared_queue", wat.text("q") + ints(24)))
      .quiet("proxy_on_queue_ready", 2, -1,
             "(local $i i32) (local.set $i (i32.const 100)) (loop $again"
             "(drop (call $enqueue_shared_queue (local.get $b) (i32.const 0) (i32.const 0)))"
             "(drop (call $dequeue_shared_queue (local.get $b) (i32.const 16) (i32.const 20)))"
             "(br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))");
  start(wat);
  CHECK(shared.enqueue(1, "x") == Status::ok);
  for (int i = 0; i < 20; ++i) {
    CHECK(worker.posted() == 1);
    worker.run_one_posted();
  }
}

TEST_CASE_METHOD(SharedFixture, "an entry that comes when the host has gone is told to nobody",
                 "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_configure", 2, 1, note("register_shared_queue", wat.text("q") + ints(24)))
      .callback("proxy_on_queue_ready", 2, -1);
  start(wat);
  CHECK(shared.enqueue(1, "before") == Status::ok);
  host.reset();
  CHECK(shared.enqueue(1, "after") == Status::ok);
  (void)said();
  worker.run_posted();
  CHECK(said().empty());
}

TEST_CASE_METHOD(SharedFixture, "queues with bad pointers are refused", "[wasm]") {
  Wat wat;
  const std::string name = wat.text("q");
  CHECK(run(wat, note("register_shared_queue", ints(-8, 16, 24)) +
                     note("register_shared_queue", name + ints(-1)) +
                     note("resolve_shared_queue", ints(-8, 16) + name + ints(24)) +
                     note("resolve_shared_queue", ints(0, 0, -8, 16, 24)) +
                     note("resolve_shared_queue", ints(0, 0) + name + ints(-1)) +
                     note("enqueue_shared_queue", ints(1, -8, 16)) +
                     note("enqueue_shared_queue", ints(1) + wat.text("x")) +
                     note("dequeue_shared_queue", ints(1, -1, 20))) ==
        Lines{"6", "6", "6", "6", "6", "6", "0", "6"});
}

// Metrics.

std::string wide(std::int64_t n) {
  return "(i64.const " + std::to_string(n) + ") ";
}

std::string define(int type, const std::string& name) {
  return note("define_metric", ints(type) + name + ints(24)) +
         "(call $note (i32.load (i32.const 24)))";
}

std::string value_of(int id) {
  return note("get_metric", ints(id, 32)) + "(call $note (i32.load (i32.const 32)))";
}

TEST_CASE_METHOD(SharedFixture,
                 "metrics are numbered by type, and named apart from the program's own", "[wasm]") {
  Wat wat;
  CHECK(run(wat, define(0, wat.text("requests")) + define(0, wat.text("more")) +
                     define(1, wat.text("level")) + define(2, wat.text("size")) +
                     define(0, wat.text("requests")) +
                     note("define_metric", ints(3) + wat.text("x") + ints(24)) +
                     note("define_metric", ints(1) + wat.text("requests") + ints(24)) +
                     note("define_metric", ints(0) + wat.text("two\nlines") + ints(24)) +
                     note("define_metric", ints(0) + wat.text("") + ints(24)) +
                     note("define_metric", ints(0, -8, 16, 24)) +
                     note("define_metric", ints(0) + wat.text("y") + ints(-1))) ==
        Lines{"0", "4", "0", "8", "0", "5", "0", "6", "0", "4", "2", "10", "2", "2", "6", "6"});
  CHECK(metrics.define("wasmcustom.requests", stats::StatType::counter) == 0);
  CHECK(metrics.define("wasmcustom.level", stats::StatType::gauge) == 2);
}

TEST_CASE_METHOD(SharedFixture, "a counter rises only", "[wasm]") {
  Wat wat;
  CHECK(run(wat, define(0, wat.text("n")) + note("increment_metric", ints(4) + wide(3)) +
                     note("record_metric", ints(4) + wide(10)) + value_of(4) +
                     note("increment_metric", ints(4) + wide(0)) +
                     note("increment_metric", ints(4) + wide(-1)) + value_of(4)) ==
        Lines{"0", "4", "0", "0", "0", "13", "2", "2", "0", "13"});
}

TEST_CASE_METHOD(SharedFixture, "a gauge rises, falls and is set", "[wasm]") {
  Wat wat;
  CHECK(run(wat, define(1, wat.text("n")) + note("record_metric", ints(5) + wide(10)) +
                     note("increment_metric", ints(5) + wide(-4)) +
                     note("increment_metric", ints(5) + wide(1)) + value_of(5)) ==
        Lines{"0", "5", "0", "0", "0", "0", "7"});
}

TEST_CASE_METHOD(SharedFixture, "a histogram takes values, and tells none", "[wasm]") {
  Wat wat;
  CHECK(run(wat, define(2, wat.text("n")) + note("record_metric", ints(6) + wide(10)) +
                     note("increment_metric", ints(6) + wide(1)) +
                     note("get_metric", ints(6, 32))) == Lines{"0", "6", "0", "2", "2"});
}

TEST_CASE_METHOD(SharedFixture, "metrics that there are none of are answered as in Envoy",
                 "[wasm]") {
  for (const int id : {0, 4, 5, 1'000'000, -4, -3}) {
    INFO(id);
    Wat wat;
    host = PluginHost::make(worker, shared, *stats, 1);
    CHECK(run(wat, note("increment_metric", ints(id) + wide(1)) +
                       note("record_metric", ints(id) + wide(1)) +
                       note("get_metric", ints(id, 32))) == Lines{"1", "1", "1"});
  }
  Wat wat;
  host = PluginHost::make(worker, shared, *stats, 1);
  CHECK(run(wat, note("increment_metric", ints(7) + wide(1)) +
                     note("record_metric", ints(7) + wide(1)) + note("get_metric", ints(7, 32)) +
                     define(0, wat.text("n")) + note("get_metric", ints(4, -1))) ==
        Lines{"2", "1", "2", "0", "4", "6"});
}

}  // namespace
}  // namespace holdfast::wasm
