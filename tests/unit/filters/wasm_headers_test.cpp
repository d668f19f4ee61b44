// What a plugin may make of a head, at its limits.
#include "filters/wasm_headers.hpp"

#include <string>

#include "catch.hpp"
#include "http/head_parser.hpp"

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

std::string names_of(const wasm::HeaderMap& map) {
  wasm::Pairs pairs;
  map.collect(pairs);
  CHECK(map.size() == pairs.size());
  std::string names;
  for (const auto& [name, value] : pairs) names.append(names.empty() ? "" : " ").append(name);
  return names;
}

TEST_CASE("pseudo headers stand in the order in which Envoy comes to know them", "[wasm]") {
  http::Head head;
  const auto read = [&head](const std::string& line) -> http::Head& {
    const std::string bytes = line + " HTTP/1.1\r\nhost: h:1\r\n\r\n";
    REQUIRE(http::parse_request_head(bytes, {}, head).state == http::HeadResult::State::complete);
    return head;
  };
  CHECK(names_of(WasmRequestHeaders(read("GET /"))) == ":authority :path :method :scheme");
  CHECK(names_of(WasmRequestHeaders(read("GET http://a/"))) == ":authority :scheme :path :method");
  const WasmRequestHeaders tunnel(read("CONNECT h:1"));
  CHECK(names_of(tunnel) == ":authority :method :scheme");
  CHECK(tunnel.missing().empty());
}

TEST_CASE("a request that was answered early lacks what was not set", "[wasm]") {
  http::Head head;
  head.set_method("GET");
  head.set_target("/");
  WasmRequestHeaders map(head);
  map.leave_out_unset();
  CHECK(names_of(map) == ":path :method");
  head.add("host", "h");
  WasmRequestHeaders with_host(head);
  with_host.leave_out_unset();
  CHECK(names_of(with_host) == ":authority :path :method");
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
