// The head of a plugin's call, against what Envoy 1.40 wrote for the same pairs.
#include <string>
#include <vector>

#include "catch.hpp"
#include "upstream/http_call.hpp"

namespace holdfast::upstream {
namespace {

using std::chrono::milliseconds;
using Headers = std::vector<HeaderPair>;

constexpr std::string_view kTail =
    "x-envoy-internal: true\r\nx-envoy-expected-rq-timeout-ms: 5000\r\n";

Headers with(Headers extra, std::string_view method = "GET") {
  Headers all{{":method", method}, {":path", "/"}, {":authority", "h"}};
  all.insert(all.end(), extra.begin(), extra.end());
  return all;
}

/// Empty: refused.
std::string written(const Headers& headers, std::string_view body = {},
                    milliseconds timeout = milliseconds(5000)) {
  std::string out = "kept";
  HttpCallRequest request{.body = body, .timeout = timeout};
  if (!append_call_head(out, headers, request)) {
    CHECK(out == "kept");
    return {};
  }
  CHECK(out == "kept" + std::string(request.head));
  return std::string(request.head);
}

std::string head(std::string_view start, std::string_view fields) {
  return std::string(start) + " HTTP/1.1\r\nhost: h\r\n" + std::string(fields) + "\r\n";
}

}  // namespace

TEST_CASE("a call's head is what Envoy's async client writes", "[upstream]") {
  const std::string tail(kTail);
  CHECK(written(with({})) == head("GET /", tail));
  CHECK(written(with({}, "POST"), "abc") == head("POST /", "content-length: 3\r\n" + tail));
  CHECK(written(with({}, "POST")) == head("POST /", tail + "content-length: 0\r\n"));
  CHECK(written(with({}), "body") == head("GET /", "content-length: 4\r\n" + tail));
  CHECK(written(with({}), {}, milliseconds(0)) == head("GET /", "x-envoy-internal: true\r\n"));
  CHECK(
      written({{"x-first", "1"}, {":authority", "a b"}, {":path", "*"}, {":method", "OPTIONS"}}) ==
      "OPTIONS * HTTP/1.1\r\nhost: a b\r\nx-first: 1\r\n" + tail + "\r\n");
  CHECK(written(
            with({{"Host", "other"}, {"X-Upper", "A"}, {":scheme", "https"}, {"x-upper", "b"}})) ==
        "GET / HTTP/1.1\r\nhost: h,other\r\nx-upper: A\r\nx-upper: b\r\n" + tail + "\r\n");
  CHECK(written(with({{":foo", "b"}, {"", "nameless"}})) == head("GET /", tail));
  CHECK(written(with({{"connection", "x-foo"}, {"te", "trailers"}, {"user-agent", ""}})) ==
        head("GET /", "connection: x-foo\r\nte: trailers\r\nuser-agent: \r\n" + tail));
}

TEST_CASE("fields that the host sets stay where the plugin put them", "[upstream]") {
  CHECK(written(with({{"x-a", "\x80\t"}, {"X-Envoy-Internal", "no"}, {"x-z", "1"}})) ==
        head("GET /",
             "x-a: \x80\t\r\nx-envoy-internal: true\r\nx-z: 1\r\n"
             "x-envoy-expected-rq-timeout-ms: 5000\r\n"));
  CHECK(written(with({{"content-length", "77"}, {"x-a", "1"}, {"Content-Length", "8"}}, "POST"),
                "abc") == head("POST /", "content-length: 3\r\nx-a: 1\r\n" + std::string(kTail)));
  // Envoy sends the 77, and the upstream waits for a body that never comes.
  CHECK(written(with({{"content-length", "77"}}, "POST")) ==
        head("POST /", std::string(kTail) + "content-length: 0\r\n"));
  CHECK(written(with({{"x-envoy-expected-rq-timeout-ms", "3"}}), {}, milliseconds(0)) ==
        head("GET /", "x-envoy-expected-rq-timeout-ms: 3\r\nx-envoy-internal: true\r\n"));
}

TEST_CASE("what is meant for Envoy's router goes no further", "[upstream]") {
  CHECK(written(with({{"x-envoy-upstream-rq-timeout-ms", "300"},
                      {"x-envoy-max-retries", "3"},
                      {"X-Envoy-Retry-On", "5xx"},
                      {"x-envoy-foo", "1"},
                      {"x-envoy-expected-rq-timeout-ms", "3"},
                      {"x-envoy-hedge-on-per-try-timeout", "true"},
                      {"x-envoy-attempt-count", "1"}})) ==
        head("GET /",
             "x-envoy-foo: 1\r\nx-envoy-expected-rq-timeout-ms: 300\r\nx-envoy-attempt-count: 1\r\n"
             "x-envoy-internal: true\r\n"));
  HttpCallRequest request{.timeout = milliseconds(5000)};
  std::string out;
  REQUIRE(append_call_head(out, with({{"x-envoy-upstream-rq-timeout-ms", "300"}}), request));
  CHECK(request.timeout == milliseconds(300));
  CHECK(request.method == "GET");
  CHECK(request.repeatable);
  REQUIRE(append_call_head(out, with({{"x-envoy-upstream-rq-timeout-ms", "3x"}}, "POST"), request));
  CHECK(request.timeout == milliseconds(300));
  CHECK_FALSE(request.repeatable);
}

TEST_CASE("a call that would be ambiguous on the wire is refused", "[upstream]") {
  CHECK(written(with({{"transfer-encoding", "chunked"}}), "abc").empty());
  CHECK(written(with({{"Transfer-Encoding", ""}})).empty());
  CHECK(written(with({{"bad name", "1"}})).empty());
  CHECK(written(with({{"x-a", "b\r\nx-injected: 1"}})).empty());
  CHECK(written(with({{"x-a", std::string_view("\0", 1)}})).empty());
  CHECK(written(with({{"x-a", "\x7f"}})).empty());
  CHECK(written(with({{"x-a\r\nb", "c"}})).empty());
  CHECK(written(with({{":path", "/second"}})).empty());
  CHECK(written(with({{":method", "PUT"}})).empty());
  CHECK(written(with({}, "CONNECT")).empty());
  CHECK(written(with({}, "FOO BAR")).empty());
  CHECK(written(with({}, "")).empty());
  CHECK(written({{":method", "GET"}, {":authority", "h"}, {":path", ""}}).empty());
  CHECK(written({{":method", "GET"}, {":authority", "h"}, {":path", "/a b"}}).empty());
  CHECK(written({{":method", "GET"}, {":path", "/"}}).empty());
  CHECK(written({{":method", "GET"}, {":authority", "h\n"}, {":path", "/"}}).empty());
  CHECK(written({}).empty());
}

}  // namespace holdfast::upstream
