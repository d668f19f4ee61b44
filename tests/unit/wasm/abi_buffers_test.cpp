// Host functions about bodies and configurations.
#include "catch.hpp"
#include "wasm/plugin_fixture.hpp"

namespace holdfast::wasm {
namespace {

struct BuffersFixture : PluginFixture {
  Lines run(std::string_view body) {
    Wat wat;
    return run(wat, body);
  }
  Lines run(Wat& wat, std::string_view body) {
    wat.quiet("proxy_on_request_headers", 3, 0, body);
    Plugin& plugin = start(wat);
    stream.bodies[BufferType::request_body] = "0123456789";
    request(plugin, stream)->end(true);
    return said();
  }
  static std::string bytes(int type, int start, int length) {
    return note_given("get_buffer_bytes", ints(type, start, length, 16, 20));
  }

  FakeStream stream;
};

TEST_CASE_METHOD(BuffersFixture, "parts of a body are given, as far as they reach", "[wasm]") {
  CHECK(run(bytes(0, 0, 10) + bytes(0, 2, 3) + bytes(0, 8, 100) + bytes(0, 0, -1) +
            bytes(0, 3, 2'147'483'647)) ==
        Lines{"0", "0123456789", "0", "234", "0", "89", "0", "0123456789", "0", "3456789"});
}

TEST_CASE_METHOD(BuffersFixture, "a part beyond the end is empty", "[wasm]") {
  CHECK(run(bytes(0, 10, 1) + bytes(0, 11, 1) + bytes(0, -1, -1) + bytes(0, 0, 0)) ==
        Lines{"0", "", "0", "", "0", "", "0", ""});
}

TEST_CASE_METHOD(BuffersFixture,
                 "buffers with nothing in them are there and empty, or not found, as in Envoy",
                 "[wasm]") {
  CHECK(run(bytes(1, 0, 9) + bytes(2, 0, 9) + bytes(3, 0, 9) + bytes(4, 0, 9) + bytes(5, 0, 9) +
            bytes(7, 0, 9) + bytes(8, 0, 9) + bytes(9, 0, 9) + bytes(-1, 0, 9)) ==
        Lines{"0", "", "0", "", "0", "", "1", "", "0", "", "1", "", "0", "", "2", "", "2", ""});
}

TEST_CASE_METHOD(BuffersFixture, "the size of a buffer is told", "[wasm]") {
  CHECK(
      run(note("get_buffer_status", ints(0, 16, 20)) + "(call $note (i32.load (i32.const 16)))" +
          note("get_buffer_status", ints(4, 16, 20)) + note("get_buffer_status", ints(9, 16, 20)) +
          note("get_buffer_status", ints(0, -1, 20)) +
          note("get_buffer_status", ints(0, 16, 262'141))) == Lines{"0", "10", "1", "2", "6", "6"});
}

TEST_CASE_METHOD(BuffersFixture, "bodies are edited by the exchange", "[wasm]") {
  Wat wat;
  CHECK(run(wat, note("set_buffer_bytes", ints(0, 0, 10) + wat.text("new")) +
                     note("set_buffer_bytes", ints(0, 0, 0) + wat.text("front")) +
                     note("set_buffer_bytes", ints(0, -1, 0) + wat.text(""))) == Lines(3, "0"));
  CHECK(stream.events == Lines{"edit 0 0 10 new", "edit 0 0 0 front", "edit 0 4294967295 0 "});
}

TEST_CASE_METHOD(BuffersFixture, "what is no body can't be edited", "[wasm]") {
  Wat wat;
  CHECK(run(wat,
            note("set_buffer_bytes", ints(1, 0, 0) + wat.text("new")) +      // None at hand.
                note("set_buffer_bytes", ints(4, 0, 0) + wat.text("new")) +  // No answer to a call.
                note("set_buffer_bytes", ints(6, 0, 0) + wat.text("new")) +
                note("set_buffer_bytes", ints(7, 0, 0) + wat.text("new")) +
                note("set_buffer_bytes", ints(9, 0, 0) + wat.text("new")) +
                note("set_buffer_bytes", ints(0, 0, 0, -8, 16))) ==
        Lines{"2", "1", "2", "1", "2", "6"});
  CHECK(stream.events.empty());
}

TEST_CASE_METHOD(BuffersFixture, "a plugin reads its configuration while it is configured",
                 "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_context_create", 2, -1, bytes(7, 0, 99))
      .quiet("proxy_on_vm_start", 2, 1, bytes(6, 0, 99) + bytes(7, 0, 99))
      .quiet("proxy_on_configure", 2, 1, bytes(7, 0, 99) + bytes(6, 3, 99));
  start(wat);
  CHECK(said() == Lines{"0", "configured", "0", "vm configured", "1", "", "0", "configured", "0",
                        "configured"});
}

TEST_CASE_METHOD(BuffersFixture, "ABI 0.1.0 has one function for both configurations", "[wasm]") {
  Wat wat("proxy_abi_version_0_1_0");
  wat.quiet("proxy_on_vm_start", 2, 1, note_given("get_configuration", ints(16, 20)))
      .quiet(
          "proxy_on_configure", 2, 1,
          note_given("get_configuration", ints(16, 20)) + note("get_configuration", ints(-1, 20)));
  start(wat);
  CHECK(said() == Lines{"0", "vm configured", "0", "configured", "6"});
}

}  // namespace
}  // namespace holdfast::wasm
