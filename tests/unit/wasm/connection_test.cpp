// Contexts of TCP connections: callbacks, buffers, ends and traps.
#include "catch.hpp"
#include "wasm/plugin_fixture.hpp"

namespace holdfast::wasm {
namespace {

Wat chatty() {
  Wat wat;
  wat.callback("proxy_on_context_create", 2, -1)
      .callback("proxy_on_new_connection", 1, 0)
      .callback("proxy_on_downstream_data", 3, 1)
      .callback("proxy_on_upstream_data", 3, 0)
      .callback("proxy_on_downstream_connection_close", 2, -1)
      .callback("proxy_on_upstream_connection_close", 2, -1)
      .callback("proxy_on_done", 1, 1)
      .callback("proxy_on_log", 1, -1)
      .callback("proxy_on_delete", 1, -1);
  return wat;
}

TEST_CASE_METHOD(PluginFixture, "a connection's callbacks have Envoy's arguments and order",
                 "[wasm]") {
  Plugin& plugin = start(chatty());
  (void)said();
  FakeStream stream;
  StreamContext* context = plugin.begin(stream);
  REQUIRE(context != nullptr);
  CHECK(said().empty());
  CHECK(context->on_new_connection() == Action::proceed);
  CHECK(context->on_data(StreamType::downstream, 5, false) == Action::pause);
  CHECK(context->on_data(StreamType::upstream, 0, true) == Action::proceed);
  context->on_close(StreamType::upstream, CloseType::unknown);
  context->on_close(StreamType::downstream, CloseType::remote);
  context->end_connection();
  CHECK(said() == Lines{"proxy_on_context_create 2 1", "proxy_on_new_connection 2",
                        "proxy_on_downstream_data 2 5 0", "proxy_on_upstream_data 2 0 1",
                        "proxy_on_upstream_connection_close 2 0",
                        "proxy_on_downstream_connection_close 2 2", "proxy_on_done 2",
                        "proxy_on_log 2", "proxy_on_delete 2"});
  CHECK(stream.events.empty());
}

TEST_CASE_METHOD(PluginFixture, "a connection that the plugin has not heard of ends in silence",
                 "[wasm]") {
  Plugin& plugin = start(chatty());
  (void)said();
  FakeStream stream;
  StreamContext* context = plugin.begin(stream);
  context->on_close(StreamType::downstream, CloseType::local);
  context->end_connection();
  CHECK(said().empty());
}

TEST_CASE_METHOD(PluginFixture, "a connection's bytes are buffers 2 and 3", "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_downstream_data", 3, 0,
            note_given("get_buffer_bytes", ints(2, 1, 3, 16, 20)) +
                note("get_buffer_bytes", ints(3, 0, 3, 16, 20)) +
                note("set_buffer_bytes", ints(2, 0, 99) + wat.text("new")) +
                note("set_buffer_bytes", ints(3, 0, 99) + wat.text("new")));
  Plugin& plugin = start(wat);
  FakeStream stream;
  stream.bodies[BufferType::downstream_data] = "hello";
  StreamContext* context = plugin.begin(stream);
  CHECK(context->on_data(StreamType::downstream, 5, false) == Action::proceed);
  CHECK(said() == Lines{"0", "ell", "0", "0", "2"});
  CHECK(stream.events == Lines{"edit 2 0 99 new"});
  context->end_connection();
}

TEST_CASE_METHOD(PluginFixture, "a local response means nothing to a connection", "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_downstream_data", 3, 0,
            note("send_local_response", ints(403, 0, 0, 0, 0, 0, 0, -1)));
  Plugin& plugin = start(wat);
  FakeStream stream;
  StreamContext* context = plugin.begin(stream);
  CHECK(context->on_data(StreamType::downstream, 5, false) == Action::proceed);
  CHECK(said() == Lines{"0"});
  context->end_connection();
}

TEST_CASE_METHOD(PluginFixture, "a trap fails its connection, and nothing more is called for it",
                 "[wasm]") {
  Wat trapping;
  trapping.quiet("proxy_on_new_connection", 1, 0)
      .quiet("proxy_on_downstream_data", 3, 0, "unreachable")
      .callback("proxy_on_downstream_connection_close", 2, -1)
      .callback("proxy_on_log", 1, -1);
  Plugin& plugin = start(trapping);
  FakeStream stream, other;
  StreamContext* context = plugin.begin(stream);
  StreamContext* bystander = plugin.begin(other);
  CHECK(bystander->on_new_connection() == Action::proceed);
  CHECK(context->on_new_connection() == Action::proceed);
  CHECK(context->on_data(StreamType::downstream, 5, false) == Action::proceed);
  CHECK(context->failed());
  CHECK(stream.events == Lines{"failed"});
  (void)said();
  context->on_close(StreamType::downstream, CloseType::local);
  context->end_connection();
  CHECK(said().empty());
  bystander->on_close(StreamType::downstream, CloseType::local);
  bystander->end_connection();
  CHECK(said().size() == 2);
  CHECK(other.events.empty());
  CHECK(traps() == 1);
}

}  // namespace
}  // namespace holdfast::wasm
