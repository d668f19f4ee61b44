// Host functions about header maps.
#include "catch.hpp"
#include "wasm/pairs.hpp"
#include "wasm/plugin_fixture.hpp"

namespace holdfast::wasm {
namespace {

constexpr auto kRequest = static_cast<int>(MapType::request_headers);
constexpr auto kResponse = static_cast<int>(MapType::response_headers);

struct HeadersFixture : PluginFixture {
  /// Runs `body` as proxy_on_request_headers on an exchange with request headers.
  Lines run(Wat& wat, std::string_view body, std::string_view callback = "proxy_on_request_headers",
            unsigned n = 3) {
    wat.quiet(callback, n, callback == "proxy_on_log" ? -1 : 0, body);
    Plugin& plugin = start(wat);
    stream.maps[MapType::request_headers].pairs = {
        {":path", "/"}, {"a", "1"}, {"a", "2"}, {"empty", ""}};
    request(plugin, stream)->end(true);
    return said();
  }
  Lines run(std::string_view body) {
    Wat wat;
    return run(wat, body);
  }
  Lines request_headers() { return stream.maps[MapType::request_headers].lines(); }

  FakeStream stream;
};

TEST_CASE_METHOD(HeadersFixture, "the first value of a name is given, whatever its case",
                 "[wasm]") {
  Wat wat;
  CHECK(run(wat, note_given("get_header_map_value", ints(kRequest) + wat.text("A") + ints(16, 20)) +
                     note_given("get_header_map_value",
                                ints(kRequest) + wat.text("empty") + ints(16, 20))) ==
        Lines{"0", "1", "0", ""});
}

TEST_CASE_METHOD(HeadersFixture,
                 "a name that is missing is not found, but an empty value in ABI 0.1.0", "[wasm]") {
  for (const bool old : {false, true}) {
    Wat wat(old ? "proxy_abi_version_0_1_0" : "proxy_abi_version_0_2_0");
    const std::string body =
        note_given("get_header_map_value", ints(kRequest) + wat.text("nope") + ints(16, 20));
    host = PluginHost::make(worker, shared, *stats, 1);
    CHECK(run(wat, body, "proxy_on_request_headers", old ? 2 : 3) == Lines{old ? "0" : "1", ""});
  }
}

TEST_CASE_METHOD(HeadersFixture, "a map that is not at hand is a bad argument, and empty as pairs",
                 "[wasm]") {
  Wat wat;
  CHECK(run(wat,
            note("get_header_map_value", ints(kResponse) + wat.text("a") + ints(16, 20)) +
                note("add_header_map_value", ints(kResponse) + wat.text("a") + wat.text("b")) +
                note("replace_header_map_value", ints(kResponse) + wat.text("a") + wat.text("b")) +
                note("remove_header_map_value", ints(kResponse) + wat.text("a")) +
                note("set_header_map_pairs", ints(kResponse) + wat.pairs("a: b")) +
                note("get_header_map_size", ints(kResponse, 16)) +
                note_given("get_header_map_pairs", ints(kResponse, 16, 20)) +
                note("get_header_map_value", ints(6) + wat.text("a") + ints(16, 20)) +
                note("get_header_map_value", ints(4) + wat.text("a") + ints(16, 20)) +
                note("add_header_map_value", ints(6) + wat.text("a") + wat.text("b"))) ==
        Lines{"2", "2", "2", "2", "2", "2", "0", "", "2", "2", "2"});
  CHECK(stream.events.empty());
}

TEST_CASE_METHOD(HeadersFixture, "maps that do not exist are bad arguments", "[wasm]") {
  Wat wat;
  for (const std::string& type : {ints(8), ints(-1)}) {
    host = PluginHost::make(worker, shared, *stats, 1);
    Wat each;
    CHECK(run(each, note("get_header_map_value", type + each.text("a") + ints(16, 20)) +
                        note("add_header_map_value", type + each.text("a") + each.text("b")) +
                        note("replace_header_map_value", type + each.text("a") + each.text("b")) +
                        note("remove_header_map_value", type + each.text("a")) +
                        note("set_header_map_pairs", type + each.pairs("a: b")) +
                        note("get_header_map_size", type + ints(16)) +
                        note("get_header_map_pairs", type + ints(16, 20))) == Lines(7, "2"));
  }
}

TEST_CASE_METHOD(HeadersFixture, "headers are added, replaced and removed under lower-case names",
                 "[wasm]") {
  Wat wat;
  CHECK(run(wat,
            note("add_header_map_value", ints(kRequest) + wat.text("X-New") + wat.text("Value")) +
                note("replace_header_map_value", ints(kRequest) + wat.text("A") + wat.text("3")) +
                note("remove_header_map_value", ints(kRequest) + wat.text("EMPTY"))) ==
        Lines(3, "0"));
  CHECK(request_headers() == Lines{":path: /", "a: 3", "a: 2", "x-new: Value"});
  CHECK(stream.events == Lines(3, "modified 0"));
}

TEST_CASE_METHOD(HeadersFixture,
                 "what the exchange refuses is told to the plugin, and is no change", "[wasm]") {
  Wat wat;
  CHECK(run(wat, note("add_header_map_value", ints(kRequest) + wat.text("a") + wat.text("x\ny"))) ==
        Lines{"2"});
  CHECK(stream.events.empty());
}

TEST_CASE_METHOD(HeadersFixture, "all pairs are given in the ABI's layout, and can be set",
                 "[wasm]") {
  Wat wat;
  wat.quiet(
      "proxy_on_response_headers", 3, 0,
      note("set_header_map_pairs",
           ints(kRequest) + "(i32.load (i32.const 16)) (i32.load (i32.const 20))") +
          note("set_header_map_pairs", ints(kResponse) + wat.pairs("X-One: 1\ny: 2\nX-TWO: 3")) +
          note("set_header_map_pairs", ints(kResponse) + wat.text("no pairs")));
  wat.quiet("proxy_on_request_headers", 3, 0,
            note("get_header_map_pairs", ints(kRequest, 16, 20)) +
                note("get_header_map_size", ints(kRequest, 24)) +
                "(call $note (i32.load (i32.const 24)))");
  Plugin& plugin = start(wat);
  const OwnedPairs all = {{":path", "/"}, {"a", "1"}, {"a", "2"}, {"empty", ""}};
  stream.maps[MapType::request_headers].pairs = all;
  stream.maps[MapType::response_headers].pairs = {{"old", "old"}};
  StreamContext* context = request(plugin, stream);
  CHECK(said() == Lines{"0", "0", "15"});
  stream.maps[MapType::request_headers].pairs.clear();
  (void)context->on_response_headers(1, true);
  CHECK(said() == Lines{"0", "0", "2"});
  CHECK(stream.maps[MapType::request_headers].pairs == all);
  CHECK(stream.maps[MapType::response_headers].lines() == Lines{"x-one: 1", "y: 2", "x-two: 3"});
  CHECK(stream.events == Lines{"modified 0", "modified 2"});
  context->end(true);
}

TEST_CASE_METHOD(HeadersFixture, "setting no pairs removes all", "[wasm]") {
  for (const std::string_view bytes : {std::string_view(), std::string_view("\0\0\0\0", 4)}) {
    host = PluginHost::make(worker, shared, *stats, 1);
    Wat wat;
    CHECK(run(wat, note("set_header_map_pairs", ints(kRequest) + wat.text(bytes))) == Lines{"0"});
    CHECK(request_headers().empty());
  }
}

TEST_CASE_METHOD(HeadersFixture, "while an exchange is logged its maps can be read, not changed",
                 "[wasm]") {
  Wat wat;
  CHECK(run(wat,
            note_given("get_header_map_value", ints(kRequest) + wat.text("a") + ints(16, 20)) +
                note("get_header_map_value", ints(kResponse) + wat.text("a") + ints(16, 20)) +
                note("add_header_map_value", ints(kRequest) + wat.text("a") + wat.text("b")) +
                note("get_header_map_size", ints(kRequest, 16)),
            "proxy_on_log", 1) == Lines{"0", "1", "1", "2", "2"});
}

TEST_CASE_METHOD(HeadersFixture, "pointers outside of the memory are found", "[wasm]") {
  const std::string far = ints(262'140, 16);  // 4 bytes of it are in.
  const std::string wrapping = ints(-8, 16);
  for (const std::string& bad : {far, wrapping, ints(0, -1)}) {
    host = PluginHost::make(worker, shared, *stats, 1);
    Wat wat;
    INFO(bad);
    CHECK(run(wat, note("get_header_map_value", ints(kRequest) + bad + ints(16, 20)) +
                       note("add_header_map_value", ints(kRequest) + bad + wat.text("b")) +
                       note("add_header_map_value", ints(kRequest) + wat.text("b") + bad) +
                       note("replace_header_map_value", ints(kRequest) + bad + wat.text("b")) +
                       note("remove_header_map_value", ints(kRequest) + bad) +
                       note("set_header_map_pairs", ints(kRequest) + bad)) == Lines(6, "6"));
  }
  host = PluginHost::make(worker, shared, *stats, 1);
  Wat wat;
  CHECK(run(wat,
            note("get_header_map_value", ints(kRequest) + wat.text("a") + ints(-1, 20)) +
                note("get_header_map_value", ints(kRequest) + wat.text("a") + ints(16, 262'141)) +
                note("get_header_map_pairs", ints(kRequest, 16, -4)) +
                note("get_header_map_size", ints(kRequest, -4))) == Lines{"6", "6", "6", "6"});
  CHECK(request_headers().size() == 4);
}

}  // namespace
}  // namespace holdfast::wasm
