// What plugins set on an exchange or a connection, at its limits.
#include "filters/wasm_state.hpp"

#include <algorithm>
#include <string>

#include "catch.hpp"
#include "filters/wasm_properties_path.hpp"

namespace holdfast::filters {
namespace {

using wasm::Status;

TEST_CASE("what is read-only is set once", "[wasm]") {
  WasmState state;
  CHECK(state.set_property("a", "1", false) == Status::ok);
  CHECK(state.set_property("a", "2", true) == Status::ok);
  CHECK(state.set_property("a", "3", false) == Status::ok);
  CHECK(*state.property("a") == "3");
  CHECK(state.set_property("b", "1", true) == Status::ok);
  CHECK(state.set_property("b", "2", false) == Status::bad_argument);
  CHECK(*state.property("b") == "1");
  CHECK(state.property("c") == nullptr);
}

TEST_CASE("properties do not grow without end", "[wasm]") {
  WasmState state;
  const std::string half(32UL * 1024 - 1, 'x');
  CHECK(state.set_property("a", half, false) == Status::ok);
  CHECK(state.set_property("b", half, false) == Status::ok);
  CHECK(state.set_property("c", "", false) == Status::internal_failure);
  CHECK(state.set_property("b", "", false) == Status::ok);
  CHECK(state.set_property("c", "1", false) == Status::ok);
  CHECK(state.set_property("a", std::string(64UL * 1024, 'x'), false) == Status::internal_failure);
  CHECK(*state.property("a") == half);
}

TEST_CASE("only what is honoured can be set as filter state", "[wasm]") {
  std::string kept;
  CHECK(steering_value(kClusterSteering, "", kept) == Status::ok);
  CHECK(steering_value(kClusterSteering, "name", kept) == Status::ok);
  CHECK(kept == "name");
  CHECK(steering_value(kClusterSteering, std::string(1025, 'x'), kept) == Status::internal_failure);
  CHECK(steering_value(kIdleTimeoutSteering, "0050", kept) == Status::ok);
  CHECK(kept == "50");
  for (const auto* text : {"", "-1", "1s", "18446744073709551616"})
    CHECK(steering_value(kIdleTimeoutSteering, text, kept) == Status::bad_argument);
  CHECK(steering_value("envoy.string", "x", kept) == Status::not_found);
}

TEST_CASE("what is set is read under its name, and below filter_state", "[wasm]") {
  WasmState first;
  WasmState second;
  CHECK(second.set_property("own", "2", false) == Status::ok);
  second.set_steering(kClusterSteering, "be");
  const auto get = [&](std::string path) {
    std::replace(path.begin(), path.end(), '/', '\0');
    const wasm::Property found = own_property(path, {nullptr, &first, &second});
    return found.status == Status::ok ? found.bytes
                                      : std::to_string(static_cast<int>(found.status));
  };
  CHECK(get("own") == "2");
  CHECK(get("own/") == "2");
  CHECK(get("own/x") == "1");
  CHECK(get("filter_state/wasm.own") == "2");
  CHECK(get("filter_state/wasm.own/x") == "1");
  CHECK(get("filter_state/own") == "1");
  CHECK(get("filter_state/envoy.tcp_proxy.cluster") == "be");
  CHECK(get("envoy.tcp_proxy.cluster") == "1");
  CHECK(get("") == "3");
  CHECK(first.set_property("own", "1", false) == Status::ok);
  CHECK(get("own") == "1");
}

TEST_CASE("a path is taken part by part; an empty one at its end does not count", "[wasm]") {
  PropertyPath path(std::string_view("a\0\0b\0", 5));
  CHECK(path.take() == "a");
  CHECK(path.rest() == std::string_view("\0b\0", 3));
  CHECK(path.take().empty());
  CHECK(!path.done());
  CHECK(path.take() == "b");
  CHECK(path.done());
  CHECK(path.take().empty());
  CHECK(PropertyPath("").done());
}

}  // namespace
}  // namespace holdfast::filters
