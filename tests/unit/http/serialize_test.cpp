#include "http/serialize.hpp"

#include <string>

#include "catch.hpp"
#include "head_text.hpp"
#include "http/head_parser.hpp"
#include "http/status.hpp"

namespace holdfast::http {
namespace {

std::string date(std::int64_t t) {
  char out[29];
  format_date(t, out);
  return {out, sizeof out};
}

TEST_CASE("a request goes out as Envoy writes it: host first, chunked last", "[http]") {
  // The bytes that an upstream of Envoy 1.40 saw for this request, less Envoy's own additions.
  Head head;
  const std::string in =
      "POST /x HTTP/1.1\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\nHost: h\r\nX-B: 2\r\n"
      "Content-Type: t\r\nConnection: close\r\nUser-Agent: u\r\nX-A: 3\r\n\r\n";
  REQUIRE(parse_request_head(in, {}, head).state == HeadResult::State::complete);
  head.remove(HeaderId::connection);
  base::Buffer out;
  out.append("before ");
  append_request_head(out, head, true);
  CHECK(out.view() ==
        "before POST /x HTTP/1.1\r\nhost: h\r\nx-a: 1\r\nx-b: 2\r\ncontent-type: t\r\n"
        "user-agent: u\r\nx-a: 3\r\ntransfer-encoding: chunked\r\n\r\n");
}

TEST_CASE("a content-length stays where it stands", "[http]") {
  Head head;
  const std::string in =
      "POST /x HTTP/1.1\r\nX-A: 1\r\nContent-Length: 1\r\nHost:\r\nTE: trailers\r\n\r\n";
  REQUIRE(parse_request_head(in, {}, head).state == HeadResult::State::complete);
  const std::string out = request_text(head, false);
  CHECK(out == "POST /x HTTP/1.1\r\nhost: \r\nx-a: 1\r\ncontent-length: 1\r\nte: trailers\r\n\r\n");
}

TEST_CASE("length and chunks are never announced together", "[http]") {
  Head head;
  head.set_method("PUT");
  head.set_target("/");
  head.add(HeaderId::content_length, "5");
  head.add(HeaderId::transfer_encoding, "gzip");
  head.add(HeaderId::transfer_encoding, "chunked");
  const std::string chunked = request_text(head, true);
  CHECK(chunked == "PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n");
  const std::string plain = request_text(head, false);
  CHECK(plain == "PUT / HTTP/1.1\r\ncontent-length: 5\r\n\r\n");

  head.status = 200;
  const std::string response = response_text(head, Version::http_1_1, true);
  CHECK(response == "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
}

TEST_CASE("a response goes out as Envoy writes it", "[http]") {
  Head head;
  const std::string in =
      "HTTP/1.1 200 Whatever\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\nX-B: 2\r\nServer: s\r\n"
      "X-A: 3\r\n\r\n";
  REQUIRE(parse_response_head(in, {}, "GET", head).state == HeadResult::State::complete);
  head.set(HeaderId::server, "envoy");
  std::string out = response_text(head, Version::http_1_1, true);
  CHECK(out ==
        "HTTP/1.1 200 OK\r\nx-a: 1\r\nx-b: 2\r\nserver: envoy\r\nx-a: 3\r\n"
        "transfer-encoding: chunked\r\n\r\n");
  head.status = 418;
  out = response_text(head, Version::http_1_0, false);
  CHECK(out == "HTTP/1.0 418 Unknown\r\nx-a: 1\r\nx-b: 2\r\nserver: envoy\r\nx-a: 3\r\n\r\n");
}

TEST_CASE("what is forwarded parses to the same message", "[http]") {
  for (const std::string in :
       {"GET http://b.com?x=1 HTTP/1.1\r\nHost: a\r\nA:\r\nB: \t1 2\t \r\n\r\n",
        "POST /%7a^ HTTP/1.1\r\nHost: a:80\r\nContent-Length: 0012\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nX: \xff\r\nHost: [::1]\r\n\r\n"}) {
    Head first;
    Head second;
    const HeadResult one = parse_request_head(in, {}, first);
    REQUIRE(one.state == HeadResult::State::complete);
    const std::string out = request_text(first, false);
    const HeadResult two = parse_request_head(out, {}, second);
    REQUIRE(two.state == HeadResult::State::complete);
    CHECK(two.consumed == out.size());
    CHECK(two.framing == one.framing);
    CHECK(two.content_length == one.content_length);
    CHECK(first.method() == second.method());
    CHECK(first.target() == second.target());
    CHECK(first.get(HeaderId::host) == second.get(HeaderId::host));
    CHECK(first.field_count() == second.field_count());
    const std::string again = request_text(second, false);
    CHECK(again == out);
  }
}

TEST_CASE("chunk headers are lower-case hex without leading zeros", "[http]") {
  char out[18];
  const auto text = [&](std::uint64_t n) { return std::string(out, chunk_header(n, out)); };
  CHECK(text(0) == "0\r\n");
  CHECK(text(0x1f4) == "1f4\r\n");
  CHECK(text(~std::uint64_t{0}) == "ffffffffffffffff\r\n");
}

TEST_CASE("dates are IMF-fixdates", "[http]") {
  CHECK(date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");  // RFC 9110 5.6.7
  CHECK(date(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(date(951782400) == "Tue, 29 Feb 2000 00:00:00 GMT");
  CHECK(date(951868799) == "Tue, 29 Feb 2000 23:59:59 GMT");
  CHECK(date(951868800) == "Wed, 01 Mar 2000 00:00:00 GMT");
  CHECK(date(1798761599) == "Thu, 31 Dec 2026 23:59:59 GMT");
  CHECK(date(1798761600) == "Fri, 01 Jan 2027 00:00:00 GMT");
  CHECK(date(4107542400) == "Mon, 01 Mar 2100 00:00:00 GMT");  // 2100 is no leap year
  CHECK(date(253402300799) == "Fri, 31 Dec 9999 23:59:59 GMT");
  CHECK(date(-1) == "Wed, 31 Dec 1969 23:59:59 GMT");
}

TEST_CASE("reason phrases are Envoy's", "[http]") {
  CHECK(reason_phrase(100) == "Continue");
  CHECK(reason_phrase(200) == "OK");
  CHECK(reason_phrase(413) == "Payload Too Large");
  CHECK(reason_phrase(416) == "Range Not Satisfiable");
  CHECK(reason_phrase(418) == "Unknown");
  CHECK(reason_phrase(426) == "Upgrade Required");
  CHECK(reason_phrase(431) == "Request Header Fields Too Large");
  CHECK(reason_phrase(504) == "Gateway Timeout");
  CHECK(reason_phrase(599) == "Last Unassigned Server Error Code");
  CHECK(reason_phrase(0) == "Unknown");
  CHECK(reason_phrase(600) == "Unknown");
  CHECK(reason_phrase(65535) == "Unknown");
}

}  // namespace
}  // namespace holdfast::http
