// Host functions by which a plugin asks something of its exchange, and the contexts that they work
// on.
#include "catch.hpp"
#include "wasm/plugin_fixture.hpp"

namespace holdfast::wasm {
namespace {

std::string local_response(int code, const std::string& details, const std::string& body,
                           const std::string& headers) {
  return "send_local_response " + ints(code) + details + body + headers + ints(-1);
}

TEST_CASE_METHOD(PluginFixture, "an exchange is asked after the callback, in order", "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_request_headers", 3, 1,
            note("continue_stream", ints(1)) + note("close_stream", ints(0)) +
                note("continue_stream", ints(0)) + note("clear_route_cache") + "(call $say " +
                wat.text("end of callback") + ")");
  Plugin& plugin = start(wat);
  FakeStream stream;
  Lines at_event;
  stream.on_event = [&] {
    const Lines more = said();
    at_event.insert(at_event.end(), more.begin(), more.end());
  };
  StreamContext* context = request(plugin, stream);
  CHECK(stream.events == Lines{"clear_route_cache", "resume 1", "close 0", "resume 0"});
  CHECK(at_event == Lines{"0", "0", "0", "0", "end of callback"});
  context->end(true);
}

TEST_CASE_METHOD(PluginFixture,
                 "streams of connections are told, whatever they mean to an exchange", "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_request_headers", 3, 1,
            note("continue_stream", ints(2)) + note("continue_stream", ints(3)) +
                note("continue_stream", ints(4)) + note("continue_stream", ints(-1)) +
                note("close_stream", ints(2)) + note("close_stream", ints(3)) +
                note("close_stream", ints(4)) + note("close_stream", ints(-1)))
      .quiet("proxy_on_configure", 2, 1,
             note("continue_stream", ints(0)) + note("close_stream", ints(0)) +
                 note("clear_route_cache") +
                 note(local_response(200, ints(0, 0), ints(0, 0), ints(0, 0))));
  Plugin& plugin = start(wat);
  CHECK(said() == Lines{"0", "0", "0", "0"});
  FakeStream stream;
  request(plugin, stream)->end(true);
  CHECK(said() == Lines{"0", "12", "2", "2", "0", "0", "2", "2"});
  CHECK(stream.events == Lines{"resume 2", "close 2", "close 3"});
}

TEST_CASE_METHOD(PluginFixture, "ABI 0.1.0 continues by functions of their own", "[wasm]") {
  Wat wat("proxy_abi_version_0_1_0");
  wat.quiet("proxy_on_request_headers", 2, 1, note("continue_request") + note("continue_response"));
  Plugin& plugin = start(wat);
  FakeStream stream;
  request(plugin, stream)->end(true);
  CHECK(said() == Lines{"0", "0"});
  CHECK(stream.events == Lines{"resume 0", "resume 1"});
}

TEST_CASE_METHOD(PluginFixture, "a local response stops the message, whatever the callback answers",
                 "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_request_headers", 3, 0,
            note(local_response(403, wat.text("not for you"), wat.text("body"),
                                wat.pairs("X-Why: because\ny: z"))))
      .quiet("proxy_on_response_headers", 3, 0);
  Plugin& plugin = start(wat);
  FakeStream stream;
  StreamContext* context = plugin.begin(stream);
  Action nested = Action::pause;
  stream.on_event = [&] { nested = context->on_response_headers(1, true); };  // On that response.
  CHECK(context->on_request_headers(1, true) == Action::pause);
  CHECK(nested == Action::proceed);
  CHECK(stream.events == Lines{"reply 403 body"});
  CHECK(stream.reply.details == "not_for_you");
  CHECK(stream.reply.headers == OwnedPairs{{"x-why", "because"}, {"y", "z"}});
  context->end(true);
}

TEST_CASE_METHOD(PluginFixture, "local responses that can't be are refused", "[wasm]") {
  Wat wat;
  const std::string none = ints(0, 0);
  const std::string bad = ints(-8, 16);
  wat.quiet(
      "proxy_on_request_headers", 3, 0,
      note(local_response(0, none, none, none)) + note(local_response(100, none, none, none)) +
          note(local_response(1000, none, none, none)) +
          note(local_response(65736, none, none, none)) +
          note(local_response(200, bad, none, none)) + note(local_response(200, none, bad, none)) +
          note(local_response(200, none, none, bad)));
  Plugin& plugin = start(wat);
  FakeStream stream;
  StreamContext* context = plugin.begin(stream);
  CHECK(context->on_request_headers(1, true) == Action::proceed);
  CHECK(said() == Lines{"2", "2", "2", "2", "6", "6", "6"});
  CHECK(stream.events.empty());
  context->end(true);
}

TEST_CASE_METHOD(PluginFixture, "an exchange that ends while it is asked is not asked any further",
                 "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_request_headers", 3, 1,
            note("close_stream", ints(0)) + note("continue_stream", ints(0)));
  Plugin& plugin = start(wat);
  FakeStream stream;
  FakeStream next;
  StreamContext* context = plugin.begin(stream);
  StreamContext* next_context = nullptr;
  stream.on_event = [&] {
    context->end(true);
    next_context = plugin.begin(next);  // In the same place.
  };
  CHECK(context->on_request_headers(1, true) == Action::pause);
  CHECK(stream.events == Lines{"close 0"});
  CHECK(next_context == context);
  CHECK(next.events.empty());
  next_context->end(true);
}

TEST_CASE_METHOD(PluginFixture,
                 "the effective context is who functions work for, for the rest of the callback",
                 "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_request_headers", 3, 1)
      .quiet("proxy_on_response_headers", 3, 0,
             note("set_effective_context", ints(2)) + note("continue_stream", ints(0)) +
                 note("set_effective_context", ints(99)) + note("continue_stream", ints(0)) +
                 note("set_effective_context", ints(0)) + note("continue_stream", ints(1)))
      .quiet("proxy_on_response_body", 3, 0, note("continue_stream", ints(1)))
      .quiet("proxy_on_tick", 1, -1,
             note("set_effective_context", ints(3)) + note("continue_stream", ints(0)) +
                 note("set_effective_context", ints(1)) + note("continue_stream", ints(1)))
      .quiet("proxy_on_configure", 2, 1, note("set_tick_period_milliseconds", ints(10)));
  Plugin& plugin = start(wat);
  FakeStream first;
  FakeStream second;
  StreamContext* first_context = request(plugin, first);
  StreamContext* second_context = request(plugin, second);
  (void)said();
  (void)second_context->on_response_headers(1, false);
  CHECK(said() == Lines{"0", "0", "2", "0", "0", "0"});
  CHECK(first.events == Lines{"resume 0"});  // Asked twice.
  CHECK(second.events == Lines{"resume 1"});
  (void)second_context->on_response_body(1, true);  // Its own again.
  CHECK(second.events == Lines{"resume 1", "resume 1"});
  worker.advance(std::chrono::milliseconds{10});
  CHECK(second.events == Lines{"resume 1", "resume 1", "resume 0"});
  second_context->end(true);
  worker.advance(std::chrono::milliseconds{10});
  CHECK(second.events.size() == 3);
  first_context->end(true);
}

TEST_CASE_METHOD(PluginFixture,
                 "properties come from the exchange, the worker, or the plugin itself", "[wasm]") {
  Wat wat;
  const std::string path = wat.text("request.path");
  const auto get = [&](const std::string& of) {
    return note_given("get_property", of + ints(16, 20));
  };
  const std::string own = get(wat.text("plugin_name")) + get(wat.text("plugin_root_id")) +
                          get(wat.text("plugin_vm_id"));
  wat.quiet("proxy_on_configure", 2, 1,
            get(path) + own + get(wat.text("node")) +
                note("set_property", wat.text("mine") + wat.text("value")))
      .quiet(
          "proxy_on_request_headers", 3, 0,
          get(path) + get(wat.text(std::string_view("request\0path", 12))) + own +
              get(wat.text("node")) + note("set_property", wat.text("mine") + wat.text("value")) +
              get(wat.text("mine")) + note("get_property", ints(-1, 5, 16, 20)) +
              note("get_property", path + ints(-1, 20)) + note("set_property", ints(-1, 5) + path) +
              note("set_property", path + ints(-1, 5)));
  worker.properties["node"] = "of the worker";
  Plugin& plugin = start(wat);
  CHECK(said() == Lines{"1", "", "0", "plug", "0", "root", "0", "vm", "0", "of the worker", "1"});
  FakeStream stream;
  stream.properties[std::string("request\0path", 12)] = "/";
  stream.properties["request.path"] = "";
  request(plugin, stream)->end(true);
  CHECK(said() == Lines{"0", "", "0", "/", "0", "plug", "0", "root", "0", "vm", "1", "", "0", "0",
                        "value", "6", "6", "6", "6"});
}

}  // namespace
}  // namespace holdfast::wasm
