// Foreign functions that work on an exchange or a plugin, and the protobuf messages they are given.
#include <algorithm>
#include <string>
#include <vector>

#include "catch.hpp"
#include "wasm/declared_properties.hpp"
#include "wasm/plugin_fixture.hpp"
#include "wasm/protobuf_reader.hpp"

namespace holdfast::wasm {
namespace {

using namespace std::string_view_literals;
using Field = ProtobufReader::Field;

std::string field(int id, std::string_view text) {
  return std::string{static_cast<char>(id << 3 | 2), static_cast<char>(text.size())} +
         std::string(text);
}

std::string field(int id, int number) {
  return {static_cast<char>(id << 3), static_cast<char>(number)};
}

std::string call(Wat& wat, std::string_view name, const std::string& message) {
  return note("call_foreign_function", wat.text(name) + wat.text(message) + ints(0, 0));
}

TEST_CASE_METHOD(PluginFixture, "set_envoy_filter_state is told to the exchange", "[wasm]") {
  Wat wat;
  const auto set = [&wat](const std::string& message) {
    return call(wat, "set_envoy_filter_state", message);
  };
  const std::string known = field(1, "name") + field(2, "value");
  wat.quiet("proxy_on_configure", 2, 1, set(known) + set("\xff"))
      .quiet("proxy_on_request_headers", 3, 0,
             set(known) + set(known + field(3, 2)) + set(known + field(3, 9)) + set("") +
                 set(known + "\x1a") + set(field(1, "\xff")));
  Plugin& plugin = start(wat);
  CHECK(said() == Lines{"1", "2"});
  FakeStream stream;
  request(plugin, stream)->end(true);
  CHECK(said() == Lines{"0", "0", "0", "0", "2", "2"});
  CHECK(stream.events ==
        Lines{"state name value 0", "state name value 1", "state name value 0", "state   0"});
}

TEST_CASE_METHOD(PluginFixture, "what a plugin has declared tells how a property is set",
                 "[wasm]") {
  Wat wat;
  const auto declare = [&wat](const std::string& message) {
    return call(wat, "declare_property", message);
  };
  const auto set = [&wat](std::string_view name) {
    return note("set_property", wat.text(name) + wat.text("value"));
  };
  wat.quiet("proxy_on_configure", 2, 1,
            declare(field(1, "once") + field(2, 1)) + declare(field(1, "once")) +
                declare(field(1, "long") + field(3, 1) + field(5, 2)) +
                declare(field(1, "message") + field(3, 3)) + declare(field(1, "\xff")) +
                declare("\xff"))
      .quiet("proxy_on_request_headers", 3, 0,
             declare(field(1, "late") + field(2, 1)) + set("once") + set("long") + set("late"));
  Plugin& plugin = start(wat);
  CHECK(said() == Lines{"0", "2", "0", "1", "2", "2"});
  FakeStream stream;
  request(plugin, stream)->end(true);
  CHECK(said() == Lines{"0", "0", "0", "0"});
  CHECK(stream.kinds["once"].read_only);
  CHECK(stream.kinds["once"].span == Span::exchange);
  CHECK(!stream.kinds["long"].read_only);
  CHECK(stream.kinds["long"].span == Span::connection);
  CHECK(!stream.kinds["late"].read_only);
}

TEST_CASE("declared properties do not grow without end", "[wasm]") {
  DeclaredProperties declared;
  int count = 0;
  while (declared.declare(std::to_string(count), {}) == Status::ok) ++count;
  CHECK(count > 500);
  CHECK(count < 1025);
  CHECK(declared.declare(std::string(64UL * 1024, 'x'), {}) == Status::internal_failure);
}

TEST_CASE("a protobuf message is read field by field", "[wasm]") {
  ProtobufReader reader(
      "\x0a\x02hi\x10\x96\x01\x1d...."
      "\x21........\x2b\x08\x01\x2c"sv);
  auto next = reader.next();
  REQUIRE(next);
  CHECK(next->id == 1);
  CHECK(next->kind == Field::Kind::bytes);
  CHECK(next->bytes == "hi");
  next = reader.next();
  REQUIRE(next);
  CHECK(next->kind == Field::Kind::number);
  CHECK(next->number == 150);
  for (const std::uint32_t id : {3U, 4U, 5U}) {
    next = reader.next();
    REQUIRE(next);
    CHECK(next->id == id);
    CHECK(next->kind == Field::Kind::other);
  }
  CHECK(!reader.next());
  CHECK(!reader.malformed());
}

TEST_CASE("a message that is cut anywhere is malformed, and never read past its end", "[wasm]") {
  const std::string whole = field(1, "text") + "\x1d...." + "\x2b\x08\x01\x2c";
  const std::vector<std::size_t> ends = {0, 6, 11, whole.size()};  // Of its fields.
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const std::string part = whole.substr(0, size);  // So that the sanitizer sees its end.
    ProtobufReader reader(part);
    while (reader.next()) continue;
    CHECK(reader.malformed() == (std::find(ends.begin(), ends.end(), size) == ends.end()));
    CHECK(!reader.next());
  }
}

TEST_CASE("text is UTF-8 or not", "[wasm]") {
  for (const auto text :
       {"", "abc", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"})
    CHECK(is_utf8(text));
  for (const auto text : {"\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\x80", "\xed\xa0\x80", "\xe2\x82",
                          "\xf0\x8f\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "a\xff"})
    CHECK(!is_utf8(text));
}

}  // namespace
}  // namespace holdfast::wasm
