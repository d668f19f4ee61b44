// Response heads, byte for byte; see head_parser_request_test.cpp for the columns. Envoy answers
// 502 "protocol error" to what is bad_request here.
#include <string>
#include <vector>

#include "head_feed.hpp"

namespace holdfast::http {
namespace {

using test::check_all_feeds;

struct Case {
  const char* source;
  std::string bytes;
  std::string expected;
};

void run(const std::vector<Case>& cases, std::string_view method = "GET") {
  for (const Case& c : cases) {
    INFO(c.source << ": " << c.bytes);
    check_all_feeds(c.bytes, c.expected,
                    [&](std::string_view bytes, std::size_t searched, Head& head) {
                      return parse_response_head(bytes, {}, method, head, searched);
                    });
  }
}

std::string ok(const std::string& lines) {
  return "HTTP/1.1 200 OK\r\n" + lines + "\r\n";
}
std::string start(const std::string& line) {
  return line + "\r\nContent-Length: 2\r\n\r\n";
}
std::string nul(std::string s) {  // '@' stands for NUL
  s[s.find('@')] = '\0';
  return s;
}

TEST_CASE("response framing is taken only where it can be read in one way", "[http]") {
  run({
      {"RFC 9112 6.3", ok(""), "200 until_close close "},
      {"RFC 9112 6.3", ok("Content-Length: 2\r\n"), "200 length 2 keep [content-length=2]"},
      {"RFC 9112 6.3", ok("Content-Length: 0\r\n"), "200 length 0 keep [content-length=0]"},
      {"RFC 9110 8.6", ok("Content-Length: 002\r\n"), "200 length 2 keep [content-length=2]"},
      {"RFC 9112 6.3", ok("Transfer-Encoding: CHUNKED\r\n"),
       "200 chunked keep [transfer-encoding=CHUNKED]"},
      {"RFC 9112 6.3", ok("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"), "bad_request"},
      {"RFC 9112 6.3", ok("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n"), "bad_request"},
      {"RFC 9112 6.3, Envoy 502", ok("Transfer-Encoding: gzip\r\n"), "bad_request"},
      {"RFC 9112 6.3, Envoy 502", ok("Transfer-Encoding: gzip, chunked\r\n"), "bad_request"},
      {"RFC 9112 6.3, Envoy 502", ok("Transfer-Encoding: chunked, identity\r\n"), "bad_request"},
      {"RFC 9112 6.3, Envoy 502", ok("Transfer-Encoding: identity\r\n"), "bad_request"},
      {"RFC 9112 6.3, Envoy 502", ok("Transfer-Encoding: xchunked\r\n"), "bad_request"},
      {"RFC 9112 6.3, Envoy 502",
       ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), "bad_request"},
      {"RFC 9112 6.1; stricter", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
       "bad_request"},
      {"RFC 9112 6.3, Envoy 502", ok("Content-Length: 2\r\nContent-Length: 2\r\n"), "bad_request"},
      {"RFC 9112 6.3", ok("Content-Length: 2\r\nContent-Length: 3\r\n"), "bad_request"},
      {"RFC 9112 6.3, Envoy 502", ok("Content-Length: 2, 2\r\n"), "bad_request"},
      {"RFC 9110 8.6", ok("Content-Length: +2\r\n"), "bad_request"},
      {"RFC 9110 8.6", ok("Content-Length: -2\r\n"), "bad_request"},
      {"RFC 9110 8.6", ok("Content-Length: 2 2\r\n"), "bad_request"},
      {"RFC 9110 8.6", ok("Content-Length: x\r\n"), "bad_request"},
      {"RFC 9110 8.6", ok("Content-Length:\r\n"), "bad_request"},
      {"RFC 9110 8.6: overflow", ok("Content-Length: 18446744073709551616\r\n"), "bad_request"},
  });
}

TEST_CASE("responses that never have a body", "[http]") {
  run({
      {"RFC 9110 15.2", "HTTP/1.1 100 Continue\r\n\r\n", "100 none keep "},
      {"RFC 8297", "HTTP/1.1 103 E\r\nLink: x\r\n\r\n", "103 none keep [link=x]"},
      {"RFC 9110 15.2.2", "HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
       "101 none close [upgrade=x][connection=upgrade]"},
      {"RFC 9110 8.6, Envoy 502", "HTTP/1.1 100 C\r\nContent-Length: 3\r\n\r\n", "bad_request"},
      {"RFC 9112 6.1, Envoy 502", "HTTP/1.1 100 C\r\nTransfer-Encoding: chunked\r\n\r\n",
       "bad_request"},
      {"RFC 9112 6.3", "HTTP/1.1 204 No Content\r\n\r\n", "204 none keep "},
      {"Envoy takes it", "HTTP/1.1 204 N\r\nContent-Length: 0\r\n\r\n",
       "204 none keep [content-length=0]"},
      {"RFC 9110 8.6, Envoy 502", "HTTP/1.1 204 N\r\nContent-Length: 3\r\n\r\n", "bad_request"},
      {"RFC 9112 6.1, Envoy 502", "HTTP/1.1 204 N\r\nTransfer-Encoding: chunked\r\n\r\n",
       "bad_request"},
      {"RFC 9112 6.3", "HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\n",
       "304 none keep [content-length=5]"},
      {"RFC 9112 6.1", "HTTP/1.1 304 N\r\nTransfer-Encoding: chunked\r\n\r\n",
       "304 none keep [transfer-encoding=chunked]"},
      {"RFC 9110 15.3.6: 205 has framing like any other",
       "HTTP/1.1 205 R\r\nContent-Length: 2\r\n\r\n", "205 length 2 keep [content-length=2]"},
  });
  run(
      {
          {"RFC 9112 6.3", ok(""), "200 none keep "},
          {"RFC 9112 6.3", ok("Content-Length: 5\r\n"), "200 none keep [content-length=5]"},
          {"RFC 9112 6.3", ok("Transfer-Encoding: chunked\r\n"),
           "200 none keep [transfer-encoding=chunked]"},
          {"RFC 9112 6.3: no less strict",
           ok("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"), "bad_request"},
      },
      "HEAD");
  run(
      {
          {"RFC 9112 6.3", ok("Content-Length: 5\r\n"), "200 none close [content-length=5]"},
          {"RFC 9112 6.3", "HTTP/1.1 403 F\r\nContent-Length: 5\r\n\r\n",
           "403 length 5 keep [content-length=5]"},
      },
      "CONNECT");
}

TEST_CASE("a status line keeps to the grammar", "[http]") {
  const std::string good = "200 length 2 keep [content-length=2]";
  run({
      {"RFC 9112 4: the reason may be empty", start("HTTP/1.1 200 "), good},
      {"RFC 9112 4", start("HTTP/1.1 200 Q\tr \xe9"), good},
      {"Envoy passes it", start("HTTP/1.1 600 OK"), "600 length 2 keep [content-length=2]"},
      {"Envoy passes it", start("HTTP/1.1 999 OK"), "999 length 2 keep [content-length=2]"},
      {"Envoy passes it: no reason and no space", start("HTTP/1.1 200"), good},
      {"RFC 9112 4", "HTTP/1.1 200\r\n\r\n", "200 until_close close "},
      {"RFC 9112 4", "HTTP/1.\r\n\r\n", "bad_request"},
      {"RFC 9112 4", "HTTP/1.1\r\n\r\n", "bad_request"},
      {"RFC 9112 4", "HTTP/1.1 20\r\n\r\n", "bad_request"},
      {"RFC 9112 4", "HTTP/1.1 200\r200 OK\r\n\r\n", "bad_request"},
      {"RFC 9112 4", "HTTP/1.1  20\r\n\r\n", "bad_request"},
      {"RFC 9112 4; stricter", start("HTTP/1.1  200 OK"), "bad_request"},
      {"RFC 9112 4; stricter", start("HTTP/1.1\t200 OK"), "bad_request"},
      {"RFC 9112 4; stricter", start("HTTP/1.1 2000 OK"), "bad_request"},
      {"RFC 9112 4", start("HTTP/1.1 20 OK"), "bad_request"},
      {"RFC 9112 4", start("HTTP/1.1 2x0 OK"), "bad_request"},
      {"RFC 9112 4", start("HTTP/1.1 -20 OK"), "bad_request"},
      {"RFC 9110 15", start("HTTP/1.1 099 OK"), "bad_request"},
      {"RFC 9110 15", start("HTTP/1.1 000 OK"), "bad_request"},
      {"RFC 9112 2.3; stricter", start("HTTP/1.2 200 OK"), "bad_request"},
      {"RFC 9112 2.3; stricter", start("HTTP/2.0 200 OK"), "bad_request"},
      {"RFC 9112 2.3", start("http/1.1 200 OK"), "bad_request"},
      {"RFC 9112 2.3", start("ICY 200 OK"), "bad_request"},
      {"RFC 9112 4", "ok ok\r\n\r\n", "bad_request"},
      {"RFC 9112 4", "\r\n" + start("HTTP/1.1 200 OK"), "bad_request"},
      {"RFC 9112 2.2; stricter", "HTTP/1.1 200 OK\nContent-Length: 2\n\n", "bad_request"},
      {"RFC 9112 4: CTL", start("HTTP/1.1 200 O\x01K"), "bad_request"},
      {"RFC 9112 4: CR", start("HTTP/1.1 200 O\rK"), "bad_request"},
      {"RFC 9112 4: NUL", nul(start("HTTP/1.1 200 @")), "bad_request"},
  });
}

TEST_CASE("response fields keep to the grammar", "[http]") {
  run({
      {"RFC 9112 5.2: obs-fold; stricter", ok("x: a\r\n b\r\nContent-Length: 2\r\n"),
       "bad_request"},
      {"RFC 9112 5.1", ok("x : a\r\nContent-Length: 2\r\n"), "bad_request"},
      {"RFC 9112 2.2: response splitting", ok("x: a\rSet-Cookie: b\r\nContent-Length: 2\r\n"),
       "bad_request"},
      {"RFC 9112 2.2: response splitting", ok("x: a\nSet-Cookie: b\r\nContent-Length: 2\r\n"),
       "bad_request"},
      {"RFC 9110 5.5: NUL", nul(ok("x: @\r\nContent-Length: 2\r\n")), "bad_request"},
      {"RFC 9110 5.1", ok(": a\r\nContent-Length: 2\r\n"), "bad_request"},
      {"RFC 9110 5.1", ok("x\xe9: a\r\nContent-Length: 2\r\n"), "bad_request"},
      {"RFC 9112 5", ok("xyz\r\nContent-Length: 2\r\n"), "bad_request"},
      {"RFC 9110 7.2 is for requests", ok("Host: \"\r\nContent-Length: 2\r\n"),
       "200 length 2 keep [host=\"][content-length=2]"},
  });
}

TEST_CASE("persistence of an upstream connection", "[http]") {
  run({
      {"RFC 9112 9.3", ok("Content-Length: 2\r\nConnection: Close\r\n"),
       "200 length 2 close [content-length=2][connection=Close]"},
      {"RFC 9112 9.3", start("HTTP/1.0 200 OK"), "200 length 2 close [content-length=2]"},
      {"RFC 9112 9.3", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n",
       "200 length 2 keep [connection=keep-alive][content-length=2]"},
      {"RFC 9112 9.3: the close is the end of the body",
       "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n",
       "200 until_close close [connection=keep-alive]"},
      {"RFC 9112 9.3", ok("Connection: keep-alive\r\n"),
       "200 until_close close [connection=keep-alive]"},
  });
}

TEST_CASE("limits on size and number of response fields", "[http]") {
  HeadLimits limits;
  limits.max_bytes = 40;
  limits.max_fields = 2;
  Head head;
  const std::string endless = "HTTP/1.1 200 OK\r\nx: " + std::string(100, 'y');
  CHECK(parse_response_head(endless, limits, "GET", head).error == HeadError::too_large);
  const std::string three = "HTTP/1.1 200 OK\r\na:\r\nb:\r\nc:\r\n\r\n";
  CHECK(parse_response_head(three, limits, "GET", head).error == HeadError::too_many_fields);
}

TEST_CASE("options of Connection in a response are bounded: each costs a pass", "[http]") {
  Head head;
  const auto parse = [&head](const std::string& options) {
    const std::string text =
        "HTTP/1.1 204 x\r\nConnection: a,b,c,d\r\nConnection: " + options + "\r\n\r\n";
    return parse_response_head(text, {}, "GET", head).error;
  };
  CHECK(parse("e,f,g,h,i") == HeadError::none);
  CHECK(parse("e,f,g,h,i,j") == HeadError::bad_request);
}

}  // namespace
}  // namespace holdfast::http
