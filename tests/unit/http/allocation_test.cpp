// A warm Head costs no allocation: neither parsing, nor edits within its capacity, nor writing it
// out.
#include <string>

#include "allocation_counter.hpp"
#include "catch.hpp"
#include "http/head_parser.hpp"
#include "http/serialize.hpp"

namespace holdfast::http {
namespace {

const std::string kRequest =
    "GET http://www.example.org/a/path?with=query HTTP/1.1\r\nHost: other\r\n"
    "User-Agent: a browser\r\nAccept: text/html,application/xhtml+xml\r\nConnection: keep-alive\r\n"
    "Cookie: a=b; c=d\r\nContent-Length: 007\r\n\r\n";
const std::string kResponse =
    "HTTP/1.1 200 OK\r\nServer: s\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\n";

void exchange(Head& request, Head& response, base::Buffer& out) {
  out.clear();
  const HeadResult parsed = parse_request_head(kRequest, {}, request);
  request.remove(HeaderId::connection);
  request.set(HeaderId::x_forwarded_proto, "http");
  request.add("x-added", request.get(HeaderId::host));
  append_request_head(out, request, false);
  const HeadResult answered = parse_response_head(kResponse, {}, request.method(), response);
  response.set(HeaderId::server, "envoy");
  append_response_head(out, response, Version::http_1_1, false);
  if (parsed.state != HeadResult::State::complete ||
      answered.state != HeadResult::State::complete) {
    out.clear();
  }
}

TEST_CASE("a warm head is parsed, edited and written without allocation", "[http]") {
  Head request;
  Head response;
  base::Buffer out;
  exchange(request, response, out);
  REQUIRE_FALSE(out.empty());
  const std::size_t cold = allocations.load();
  REQUIRE(cold > 0);
  for (int i = 0; i < 100; ++i) exchange(request, response, out);
  const std::size_t warm = allocations.load();
  CHECK(warm == cold);
  CHECK_FALSE(out.empty());
}

TEST_CASE("a refused head costs no allocation either", "[http]") {
  Head head;
  const std::string bad = kRequest.substr(0, kRequest.size() - 2) + "x : y\r\n\r\n";
  HeadResult result = parse_request_head(bad, {}, head);
  const std::size_t before = allocations.load();
  result = parse_request_head(bad, {}, head);
  const std::size_t after = allocations.load();
  CHECK(result.error == HeadError::bad_request);
  CHECK(after == before);
}

}  // namespace
}  // namespace holdfast::http
