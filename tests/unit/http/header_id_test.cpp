#include "http/header_id.hpp"

#include <string>

#include "catch.hpp"

namespace holdfast::http {
namespace {

TEST_CASE("each id has a name that leads back to it", "[http]") {
  for (std::size_t i = 1; i < kHeaderIds; ++i) {
    const auto id = static_cast<HeaderId>(i);
    INFO(header_name(id));
    CHECK(header_id(header_name(id)) == id);
    CHECK(header_id(std::string(header_name(id)) + "x") == HeaderId::other);
    CHECK(header_id(header_name(id).substr(1)) == HeaderId::other);
  }
  CHECK(header_id("host") == HeaderId::host);
  CHECK(header_id("transfer-encoding") == HeaderId::transfer_encoding);
  CHECK(header_id("x-envoy-expected-rq-timeout-ms") == HeaderId::x_envoy_expected_rq_timeout_ms);
}

TEST_CASE("a name is known in any case", "[http]") {
  for (std::size_t i = 1; i < kHeaderIds; ++i) {
    std::string name(header_name(static_cast<HeaderId>(i)));
    for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
    CHECK(header_id(name) == static_cast<HeaderId>(i));
    name.back() = '^';
    CHECK(header_id(name) == HeaderId::other);
  }
}

TEST_CASE("other names have no id", "[http]") {
  for (const char* name :
       {"", "x", "accept", "hosu", "x-forwarded-foo", "x_request_id", "x-request~id"}) {
    CHECK(header_id(name) == HeaderId::other);
  }
  CHECK(header_id(std::string(100'000, 'x')) == HeaderId::other);
}

}  // namespace
}  // namespace holdfast::http
