// What a plugin may make of a head, at its limits.
#include "filters/wasm_headers.hpp"

#include <string>

#include "catch.hpp"

namespace holdfast::filters {
namespace {

using wasm::Status;

constexpr std::size_t kMiB = 1024UL * 1024;

TEST_CASE("a name that a head can't hold is refused", "[wasm]") {
  http::Head head;
  WasmResponseHeaders map(head);
  // Lengths of names have 16 bits: this one would become "a".
  const std::string name(65'537, 'a');
  CHECK(map.add(name, "1") == Status::bad_argument);
  CHECK(map.set(name, "1") == Status::bad_argument);
  CHECK(map.assign({{name, "1"}}) == Status::bad_argument);
  CHECK(head.field_count() == 0);
  CHECK(map.add(std::string(16'384, 'a'), "1") == Status::ok);
  http::Trailers owned;
  WasmTrailers trailers(owned);
  CHECK(trailers.add(name, "1") == Status::bad_argument);
}

TEST_CASE("a head does not grow without end", "[wasm]") {
  http::Head head;
  head.set_method("GET");
  head.set_target("/");
  head.add("host", "a");
  WasmRequestHeaders map(head);
  const std::string value(40'000, 'v');
  const auto fill = [&](auto change) {
    Status status = Status::ok;
    for (int i = 0; i < 1'000 && status == Status::ok; ++i) status = change();
    CHECK(status == Status::bad_argument);
    CHECK(head.raw_size() <= kMiB);
  };
  SECTION("by fields") {
    fill([&] { return map.add("x", value); });
  }
  SECTION("by one field that is replaced") {
    fill([&] { return map.set("x", value); });
  }
  SECTION("by one line that is joined") {
    fill([&] { return map.add("via", value); });
  }
  SECTION("by the path") {
    std::string path = "/";
    fill([&] { return map.set(":path", path += value); });
  }
}

TEST_CASE("a trailer is no longer than it needs to be", "[wasm]") {
  http::Trailers trailers;
  WasmTrailers map(trailers);
  CHECK(map.add("x", std::string(64UL * 1024, 'v')) == Status::ok);
  CHECK(map.add("x", std::string(64UL * 1024 + 1, 'v')) == Status::bad_argument);
}

TEST_CASE("a plugin gives no trailer that only a head may hold", "[wasm]") {
  http::Trailers trailers;
  WasmTrailers map(trailers);
  for (const char* name : {"content-length", "host", "transfer-encoding", "x-forwarded-for"}) {
    CHECK(map.add(name, "1") == Status::bad_argument);
    CHECK(map.set(name, "1") == Status::bad_argument);
  }
  CHECK(map.size() == 0);
  CHECK(map.add("grpc-status", "0") == Status::ok);
  CHECK(map.get("grpc-status") == "0");
}

}  // namespace
}  // namespace holdfast::filters
