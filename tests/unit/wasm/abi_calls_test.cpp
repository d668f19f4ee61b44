// Calls that plugins make, and their answers.
#include "catch.hpp"
#include "wasm/plugin_fixture.hpp"

namespace holdfast::wasm {
namespace {

constexpr std::string_view kGet = ":method: GET\n:path: /\n:authority: ";

struct CallsFixture : PluginFixture {
  static std::string call(Wat& wat, std::string_view headers = kGet, int timeout = 100) {
    return note("http_call",
                wat.text("cluster") + wat.pairs(headers) + ints(0, 0, 0, 0, timeout, 24)) +
           "(call $note (i32.load (i32.const 24)))";
  }
  /// Calls from proxy_on_response_headers and proxy_on_tick; tells of answers.
  static Wat caller() {
    Wat wat;
    wat.quiet("proxy_on_response_headers", 3, 1, call(wat))
        .quiet("proxy_on_tick", 1, -1, call(wat))
        .callback("proxy_on_http_call_response", 5, -1);
    return wat;
  }
  CallReply reply() {
    CallReply made;
    made.kind = CallReply::Kind::response;
    made.headers = {{":status", "200"}, {"a", "b"}};
    made.body = "body";
    made.trailers = {{"t", "1"}};
    return made;
  }

  FakeStream stream;
};

TEST_CASE_METHOD(CallsFixture,
                 "a call goes to the worker as the plugin has it, and its tokens are Envoy's",
                 "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_response_headers", 3, 1,
            note("http_call", wat.text("cluster") +
                                  wat.pairs(":Method: POST\n:path: /x\nHost: h\nX-Y: z") +
                                  wat.text("body") + wat.pairs("T: 1") + ints(250, 24)) +
                "(call $note (i32.load (i32.const 24)))" + call(wat, kGet, 0));
  Plugin& plugin = start(wat);
  StreamContext* context = request(plugin, stream);
  CHECK(context->on_response_headers(1, true) == Action::pause);
  CHECK(said() == Lines{"0", "4", "0", "8"});
  REQUIRE(worker.calls.size() == 2);
  const FakeWorker::Call& first = worker.calls.front();
  CHECK(first.cluster == "cluster");
  CHECK(first.headers ==
        OwnedPairs{{":method", "POST"}, {":path", "/x"}, {":authority", "h"}, {"x-y", "z"}});
  CHECK(first.body == "body");
  CHECK(first.trailers == OwnedPairs{{"T", "1"}});
  CHECK(first.timeout.count() == 250);
  CHECK(worker.calls.back().timeout.count() == 0);
  CHECK(context->pending_calls() == 2);
  CHECK(stats->calls_active.get() == 2);
  CHECK(stats->calls_total.get() == 2);
  context->end(true);
}

TEST_CASE_METHOD(CallsFixture,
                 "an answer is at hand during the callback about it, and nowhere else", "[wasm]") {
  Wat wat;
  const std::string look =
      note_given("get_header_map_value", ints(6) + wat.text(":status") + ints(16, 20)) +
      note_given("get_header_map_value", ints(7) + wat.text("t") + ints(16, 20)) +
      note_given("get_buffer_bytes", ints(4, 1, 2, 16, 20)) +
      note("get_header_map_value", ints(6) + wat.text("nope") + ints(16, 20)) +
      note("get_header_map_pairs", ints(6, 16, 20)) + "(call $note (i32.load (i32.const 20)))" +
      note("set_header_map_pairs", ints(6) + wat.pairs("a: b"));
  wat.quiet("proxy_on_response_headers", 3, 1, call(wat))
      .callback("proxy_on_http_call_response", 5, -1, look)
      .quiet("proxy_on_response_body", 3, 0, look);
  Plugin& plugin = start(wat);
  StreamContext* context = request(plugin, stream);
  (void)context->on_response_headers(1, true);
  (void)said();
  worker.answer(reply());
  CHECK(said() == Lines{"proxy_on_http_call_response 1 4 2 4 1", "0", "200", "0", "1", "0", "od",
                        "1", "0", "36", "2"});
  CHECK(context->pending_calls() == 0);
  CHECK(stats->calls_active.get() == 0);
  (void)context->on_response_body(1, true);
  CHECK(said() == Lines{"2", "", "2", "", "1", "", "2", "0", "0", "2"});
  context->end(true);
}

TEST_CASE_METHOD(CallsFixture, "a call that was reset is told as nothing, and its status says why",
                 "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_response_headers", 3, 1, call(wat))
      .callback(
          "proxy_on_http_call_response", 5, -1,
          note_given("get_status", ints(24, 16, 20)) + "(call $note (i32.load (i32.const 24)))" +
              note("get_header_map_pairs", ints(6, 16, 20)) + note("get_status", ints(-1, 16, 20)));
  Plugin& plugin = start(wat);
  StreamContext* context = request(plugin, stream);
  (void)context->on_response_headers(1, true);
  (void)said();
  worker.answer({});
  CHECK(said() == Lines{"proxy_on_http_call_response 1 4 0 0 0", "0", "reset", "11", "0", "6"});
  context->end(true);
}

TEST_CASE_METHOD(CallsFixture, "requests that can't be sent are refused before there is a call",
                 "[wasm]") {
  Wat wat;
  wat.quiet(
      "proxy_on_response_headers", 3, 1,
      call(wat, ":path: /\n:authority: a") + call(wat, ":method: GET\n:authority: a") +
          call(wat, ":method: GET\n:path: /") + call(wat, kGet, -1) +
          note("http_call", wat.text("cluster") + wat.text("no pairs") + ints(0, 0, 0, 0, 1, 24)) +
          note("http_call", ints(-8, 16) + wat.pairs(kGet) + ints(0, 0, 0, 0, 1, 24)) +
          note("http_call", wat.text("cluster") + ints(-8, 16) + ints(0, 0, 0, 0, 1, 24)) +
          note("http_call", wat.text("cluster") + wat.pairs(kGet) + ints(-8, 16, 0, 0, 1, 24)) +
          note("http_call", wat.text("cluster") + wat.pairs(kGet) + ints(0, 0, -8, 16, 1, 24)) +
          note("http_call", wat.text("cluster") + wat.pairs(kGet) + ints(0, 0, 0, 0, 1, -2)));
  Plugin& plugin = start(wat);
  StreamContext* context = request(plugin, stream);
  (void)context->on_response_headers(1, true);
  CHECK(said() == Lines{"2", "0", "2", "0", "2", "0", "2", "0", "2", "6", "6", "6", "6", "6"});
  CHECK(worker.calls.empty());
  context->end(true);
}

TEST_CASE_METHOD(CallsFixture, "what the worker answers is what the plugin sees", "[wasm]") {
  Plugin& plugin = start(caller());
  StreamContext* context = request(plugin, stream);
  worker.call_status = Status::bad_argument;
  (void)context->on_response_headers(1, true);
  worker.call_status = Status::internal_failure;
  (void)context->on_response_headers(1, true);
  CHECK(said() == Lines{"2", "0", "10", "0"});
  CHECK(context->pending_calls() == 0);
  CHECK(stats->calls_total.get() == 0);
  context->end(true);
}

TEST_CASE_METHOD(CallsFixture, "calls of an exchange end with it, and the plugin hears of it last",
                 "[wasm]") {
  Wat wat = caller();
  wat.callback("proxy_on_log", 1, -1)
      .callback("proxy_on_done", 1, 1)
      .callback("proxy_on_delete", 1, -1);
  Plugin& plugin = start(wat);
  StreamContext* context = request(plugin, stream);
  (void)context->on_response_headers(1, true);
  (void)context->on_response_headers(1, true);
  (void)said();
  context->end(true);
  CHECK(worker.cancelled == std::vector<std::uint32_t>{4, 8});
  CHECK(said() == Lines{"proxy_on_log 2", "proxy_on_done 2", "proxy_on_delete 2",
                        "proxy_on_http_call_response 1 4 0 0 0",
                        "proxy_on_http_call_response 1 8 0 0 0"});
  CHECK(stats->calls_active.get() == 0);
}

TEST_CASE_METHOD(CallsFixture,
                 "calls that an exchange makes in its last callbacks are the plugin's", "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_log", 1, -1, call(wat)).callback("proxy_on_http_call_response", 5, -1);
  Plugin& plugin = start(wat);
  request(plugin, stream)->end(true);
  CHECK(worker.cancelled.empty());
  (void)said();
  worker.answer(reply());
  CHECK(said() == Lines{"proxy_on_http_call_response 1 4 2 4 1"});
}

TEST_CASE_METHOD(CallsFixture, "calls of the plugin itself outlive exchanges", "[wasm]") {
  Wat wat = caller();
  wat.quiet("proxy_on_configure", 2, 1, note("set_tick_period_milliseconds", ints(10)));
  Plugin& plugin = start(wat);
  StreamContext* context = request(plugin, stream);
  worker.advance(std::chrono::milliseconds{10});
  CHECK(context->pending_calls() == 0);
  context->end(true);
  CHECK(worker.cancelled.empty());
  CHECK(worker.calls.size() == 1);
}

TEST_CASE_METHOD(CallsFixture,
                 "the next call of a chain is the exchange's, made under its effective context",
                 "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_response_headers", 3, 1, call(wat))
      .quiet("proxy_on_http_call_response", 5, -1,
             note("set_effective_context", ints(2)) + call(wat) + note("continue_stream", ints(1)));
  Plugin& plugin = start(wat);
  StreamContext* context = request(plugin, stream);
  (void)context->on_response_headers(1, true);
  worker.answer(reply());
  CHECK(stream.events == Lines{"resume 1"});
  CHECK(context->pending_calls() == 1);
  context->end(true);
  CHECK(worker.cancelled == std::vector<std::uint32_t>{8});
}

TEST_CASE_METHOD(CallsFixture,
                 "a call is its exchange's also when its root context is the effective one",
                 "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_response_headers", 3, 1, note("set_effective_context", ints(1)) + call(wat));
  Plugin& plugin = start(wat);
  StreamContext* context = request(plugin, stream);
  (void)context->on_response_headers(1, true);
  CHECK(context->pending_calls() == 1);
  context->end(true);
}

TEST_CASE_METHOD(CallsFixture, "gRPC is not implemented, and says so", "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_request_headers", 3, 0,
            note("grpc_call", ints(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)) +
                note("grpc_stream", ints(0, 0, 0, 0, 0, 0, 0, 0, 0)) +
                note("grpc_send", ints(1, 0, 0, 1)) + note("grpc_cancel", ints(1)) +
                note("grpc_close", ints(1)));
  Plugin& plugin = start(wat);
  request(plugin, stream)->end(true);
  CHECK(said() == Lines(5, "12"));
}

}  // namespace
}  // namespace holdfast::wasm
