// Request heads, byte for byte. The second column is the rule's source: an RFC section, or what
// Envoy 1.40 was seen to do where the RFC leaves a choice ("stricter" where Envoy lets through what
// we refuse).
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

void run(const std::vector<Case>& cases, const HeadLimits& limits = {}) {
  for (const Case& c : cases) {
    INFO(c.source << ": " << c.bytes);
    check_all_feeds(c.bytes, c.expected,
                    [&](std::string_view bytes, std::size_t searched, Head& head) {
                      return parse_request_head(bytes, limits, head, searched);
                    });
  }
}

/// A request with the host `a` and these further lines.
std::string post(const std::string& lines) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n";
}
std::string line(const std::string& request_line) {
  return request_line + "\r\nHost: a\r\n\r\n";
}
std::string host(const std::string& value) {
  return "GET / HTTP/1.1\r\nHost: " + value + "\r\n\r\n";
}
std::string zero(std::string s) {  // '@' stands for NUL
  s[s.find('@')] = '\0';
  return s;
}

TEST_CASE("request framing is taken only where it can be read in one way", "[http]") {
  run({
      {"RFC 9112 6.3", post(""), "POST / none keep [host=a]"},
      {"RFC 9112 6.1", post("Transfer-Encoding: chunked\r\n"),
       "POST / chunked keep [host=a][transfer-encoding=chunked]"},
      {"RFC 9112 7: names are case-insensitive", post("Transfer-Encoding: Chunked\r\n"),
       "POST / chunked keep [host=a][transfer-encoding=Chunked]"},
      {"RFC 9110 5.5: OWS", post("Transfer-Encoding:\tchunked \t\r\n"),
       "POST / chunked keep [host=a][transfer-encoding=chunked]"},
      {"RFC 9112 6.1, Envoy 501", post("Transfer-Encoding: gzip\r\n"), "not_implemented"},
      {"RFC 9112 6.1, Envoy 501", post("Transfer-Encoding: gzip, chunked\r\n"), "not_implemented"},
      {"RFC 9112 6.3, Envoy 501", post("Transfer-Encoding: chunked, identity\r\n"),
       "not_implemented"},
      {"RFC 9112 6.1, Envoy 501", post("Transfer-Encoding: identity\r\n"), "not_implemented"},
      {"RFC 9112 6.1, Envoy 501", post("Transfer-Encoding: chunked, chunked\r\n"),
       "not_implemented"},
      {"RFC 9112 6.1, Envoy 501", post("Transfer-Encoding: xchunked\r\n"), "not_implemented"},
      {"RFC 9112 6.1, Envoy 501", post("Transfer-Encoding: chunkedx\r\n"), "not_implemented"},
      {"RFC 9112 6.1, Envoy 501", post("Transfer-Encoding:\r\n"), "not_implemented"},
      {"RFC 9112 6.1, Envoy 501", post("Transfer-Encoding: ,chunked\r\n"), "not_implemented"},
      {"RFC 9112 6.1, Envoy 501", post("Transfer-Encoding: chunked,\r\n"), "not_implemented"},
      {"RFC 9112 6.1, Envoy 501", post("Transfer-Encoding: chunked;q=1\r\n"), "not_implemented"},
      {"RFC 9112 6.1, Envoy 501", post("Transfer-Encoding: \"chunked\"\r\n"), "not_implemented"},
      {"RFC 9110 5.5, Envoy 400",
       post("Transfer-Encoding: \x0b"
            "chunked\r\n"),
       "bad_request"},
      {"RFC 9112 6.1, Envoy 501",
       post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), "not_implemented"},
      {"RFC 9112 6.1, Envoy 501",
       post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), "not_implemented"},
      {"RFC 9112 6.1, Envoy 501", post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"),
       "not_implemented"},
      {"RFC 9112 6.1: TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"),
       "bad_request"},
      {"RFC 9112 6.1: CL.TE", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
       "bad_request"},
      {"RFC 9112 6.1", post("Content-Length: 3\r\nTransfer-Encoding: gzip\r\n"), "bad_request"},
      {"RFC 9112 6.1", post("Transfer-Encoding: gzip\r\nContent-Length: 3\r\n"), "bad_request"},
      {"RFC 9112 6.2", post("Content-Length: 3\r\n"),
       "POST / length 3 keep [host=a][content-length=3]"},
      {"RFC 9112 6.2", post("Content-Length: 0\r\n"),
       "POST / length 0 keep [host=a][content-length=0]"},
      {"RFC 9110 5.5: OWS", post("Content-Length:  3 \t\r\n"),
       "POST / length 3 keep [host=a][content-length=3]"},
      {"RFC 9110 8.6; leading zeros are not passed on", post("Content-Length: 0010\r\n"),
       "POST / length 10 keep [host=a][content-length=10]"},
      {"RFC 9110 8.6", post("Content-Length: 000\r\n"),
       "POST / length 0 keep [host=a][content-length=0]"},
      {"RFC 9110 8.6", post("Content-Length: 18446744073709551615\r\n"),
       "POST / length 18446744073709551615 keep [host=a][content-length=18446744073709551615]"},
      {"RFC 9110 8.6: overflow", post("Content-Length: 18446744073709551616\r\n"), "bad_request"},
      {"RFC 9110 8.6: overflow", post("Content-Length: 99999999999999999999\r\n"), "bad_request"},
      {"RFC 9110 8.6: overflow", post("Content-Length: 184467440737095516150\r\n"), "bad_request"},
      {"RFC 9110 8.6", post("Content-Length: +3\r\n"), "bad_request"},
      {"RFC 9110 8.6", post("Content-Length: -3\r\n"), "bad_request"},
      {"RFC 9110 8.6", post("Content-Length: 3 3\r\n"), "bad_request"},
      {"RFC 9110 8.6", post("Content-Length: 0x3\r\n"), "bad_request"},
      {"RFC 9110 8.6", post("Content-Length: 1e1\r\n"), "bad_request"},
      {"RFC 9110 8.6", post("Content-Length: 3.0\r\n"), "bad_request"},
      {"RFC 9110 8.6", post("Content-Length: 3_0\r\n"), "bad_request"},
      {"RFC 9110 8.6", post("Content-Length: \"3\"\r\n"), "bad_request"},
      {"RFC 9110 8.6", post("Content-Length:\r\n"), "bad_request"},
      {"RFC 9112 6.3: may refuse; Envoy 400", post("Content-Length: 3, 3\r\n"), "bad_request"},
      {"RFC 9112 6.3", post("Content-Length: 3,4\r\n"), "bad_request"},
      {"RFC 9112 6.3", post("Content-Length: ,3\r\n"), "bad_request"},
      {"RFC 9112 6.3", post("Content-Length: 3,\r\n"), "bad_request"},
      {"RFC 9112 6.3: may refuse; Envoy 400", post("Content-Length: 3\r\nContent-Length: 3\r\n"),
       "bad_request"},
      {"RFC 9112 6.3", post("Content-Length: 3\r\nContent-Length: 4\r\n"), "bad_request"},
      {"Envoy passes it", post("Content-Length-: 3\r\n"),
       "POST / none keep [host=a][content-length-=3]"},
  });
}

TEST_CASE("request fields keep to the grammar", "[http]") {
  const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n";
  run({
      {"RFC 9110 5.1", get + "X-Ab_c: 1\r\n\r\n", "GET / none keep [host=a][x-ab_c=1]"},
      {"RFC 9110 5.6.2: every token character", get + "!#$%&'*+-.^_`|~09azAZ: 1\r\n\r\n",
       "GET / none keep [host=a][!#$%&'*+-.^_`|~09azaz=1]"},
      {"RFC 9110 5.5", get + "x:\r\n\r\n", "GET / none keep [host=a][x=]"},
      {"RFC 9110 5.5", get + "x:  \t \r\n\r\n", "GET / none keep [host=a][x=]"},
      {"RFC 9110 5.5", get + "x:a\tb \t\r\n\r\n", "GET / none keep [host=a][x=a\tb]"},
      {"RFC 9110 5.5: obs-text", get + "x: a\xe9\xff\r\n\r\n",
       "GET / none keep [host=a][x=a\xe9\xff]"},
      {"RFC 9110 5.3: order and repetition are kept", get + "b: 1\r\na: 2\r\nB: 3\r\n\r\n",
       "GET / none keep [host=a][b=1][a=2][b=3]"},
      {"RFC 9112 5.2: obs-fold; stricter", get + "x: a\r\n b\r\n\r\n", "bad_request"},
      {"RFC 9112 5.2: obs-fold; stricter", get + "x: a\r\n\tb\r\n\r\n", "bad_request"},
      {"RFC 9112 5.2: a fold that hides framing", get + "Transfer-Encoding:\r\n chunked\r\n\r\n",
       "bad_request"},
      {"RFC 9112 2.2", "GET / HTTP/1.1\r\n x: a\r\nHost: a\r\n\r\n", "bad_request"},
      {"RFC 9112 2.2", "GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n", "bad_request"},
      {"RFC 9112 2.2: bare LF; stricter", "GET / HTTP/1.1\nHost: a\n\n", "bad_request"},
      {"RFC 9112 2.2: bare LF; stricter", "GET / HTTP/1.1\r\nHost: a\nx: b\r\n\r\n", "bad_request"},
      {"RFC 9112 2.2: bare LF; stricter", get + "x: b\n\r\n", "bad_request"},
      {"RFC 9112 2.2: bare LF; stricter", get + "x: b\r\n\n", "bad_request"},
      {"RFC 9112 2.2: bare CR; stricter", get + "x: a\rb\r\n\r\n", "bad_request"},
      {"RFC 9112 2.2: bare CR; stricter", get + "x: a\r\r\n\r\n", "bad_request"},
      {"RFC 9112 2.2: bare CR", get + "x\ry: a\r\n\r\n", "bad_request"},
      {"RFC 9112 2.2: bare CR", get + "\rx: a\r\n\r\n", "bad_request"},
      {"RFC 9110 5.5: NUL", zero(get + "x: a@b\r\n\r\n"), "bad_request"},
      {"RFC 9110 5.1: NUL", zero(get + "x@y: b\r\n\r\n"), "bad_request"},
      {"RFC 9110 5.5: CTL",
       get + "x: a\x01"
             "b\r\n\r\n",
       "bad_request"},
      {"RFC 9110 5.5: CTL",
       get + "x: a\x1f"
             "b\r\n\r\n",
       "bad_request"},
      {"RFC 9110 5.5: CTL",
       get + "x: a\x7f"
             "b\r\n\r\n",
       "bad_request"},
      {"RFC 9110 5.1: 8-bit name", get + "x\xe9: b\r\n\r\n", "bad_request"},
      {"RFC 9112 5.1", get + "x : b\r\n\r\n", "bad_request"},
      {"RFC 9112 5.1", get + "x\t: b\r\n\r\n", "bad_request"},
      {"RFC 9112 5.1", get + "Content-Length : 3\r\n\r\n", "bad_request"},
      {"RFC 9110 5.1: empty name", get + ": b\r\n\r\n", "bad_request"},
      {"RFC 9112 5: no colon", get + "xyz\r\n\r\n", "bad_request"},
      {"RFC 9110 5.1", get + "x(y: 1\r\n\r\n", "bad_request"},
      {"RFC 9110 5.1", get + "x\"y: 1\r\n\r\n", "bad_request"},
      {"RFC 9110 5.1", get + "x/y: 1\r\n\r\n", "bad_request"},
      {"RFC 9110 5.1", get + "x y: 1\r\n\r\n", "bad_request"},
      {"RFC 9110 7.6.1: an option is a token", get + "Connection: a b\r\n\r\n", "bad_request"},
  });
}

TEST_CASE("a request has one host of good form", "[http]") {
  run({
      {"RFC 9112 3.2", "GET / HTTP/1.1\r\n\r\n", "missing_host"},
      {"RFC 9112 3.2", "GET / HTTP/1.1\r\nX-Host: a\r\n\r\n", "missing_host"},
      {"RFC 9112 3.2; stricter", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "bad_request"},
      {"RFC 9112 3.2; stricter", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", "bad_request"},
      {"RFC 9110 7.2: may be empty", host(""), "GET / none keep [host=]"},
      {"RFC 3986 3.2.2", host("A.com."), "GET / none keep [host=A.com.]"},
      {"RFC 3986 3.2.2", host("a_b-c~d"), "GET / none keep [host=a_b-c~d]"},
      {"RFC 3986 3.2.2: sub-delims", host("a;b!c'd"), "GET / none keep [host=a;b!c'd]"},
      {"RFC 3986 3.2.2", host("a%41"), "GET / none keep [host=a%41]"},
      {"RFC 3986 3.2.3", host("a:80"), "GET / none keep [host=a:80]"},
      {"RFC 3986 3.2.3: port may be empty", host("a:"), "GET / none keep [host=a:]"},
      {"RFC 3986 3.2.2", host("[::1]"), "GET / none keep [host=[::1]]"},
      {"RFC 3986 3.2.2", host("[::ffff:1.2.3.4]:80"), "GET / none keep [host=[::ffff:1.2.3.4]:80]"},
      {"RFC 3986 3.2.3", host("a:65535"), "GET / none keep [host=a:65535]"},
      {"RFC 3986 3.2.3; stricter", host("a:65536"), "bad_request"},
      {"RFC 3986 3.2.3; stricter", host("a:18446744073709551696"), "bad_request"},
      {"RFC 9110 4.2.1; stricter", host(":80"), "bad_request"},
      {"RFC 3986 3.2.2; stricter", host("[:::1]"), "bad_request"},
      {"RFC 3986 3.2.2; stricter", host("[1:2]"), "bad_request"},
      {"RFC 3986 3.2.2; stricter", host("[v1.x:y]"), "bad_request"},
      {"RFC 3986 3.2.3; stricter", host("a:x"), "bad_request"},
      {"RFC 3986 3.2.3; stricter", host("a:80:80"), "bad_request"},
      {"RFC 3986 3.2.3; Envoy passes it", host("a:80-x"), "bad_request"},
      {"RFC 3986 3.2.2; stricter", host("::1"), "bad_request"},
      {"RFC 3986 3.2.2; stricter", host("[::1"), "bad_request"},
      {"RFC 3986 3.2.2; stricter", host("[]"), "bad_request"},
      {"RFC 3986 3.2.2; stricter", host("[a]"), "bad_request"},
      {"RFC 3986 3.2.2; stricter", host("[::1]x"), "bad_request"},
      {"RFC 3986 3.2.2; stricter", host("[::1%25eth0]"), "bad_request"},
      {"RFC 3986 2.1; stricter", host("a%4"), "bad_request"},
      {"RFC 3986 2.1; stricter", host("a%zz"), "bad_request"},
      {"RFC 9110 7.2: no user; stricter", host("u@a"), "bad_request"},
      {"RFC 9110 7.2", host("a b"), "bad_request"},
      {"RFC 9110 7.2", host("a/b"), "bad_request"},
      {"RFC 9110 7.2", host("a?b"), "bad_request"},
      {"RFC 9110 7.2", host("a#b"), "bad_request"},
      {"RFC 9110 7.2", host("a\\b"), "bad_request"},
      {"RFC 9110 7.2", host("<a>"), "bad_request"},
      {"RFC 9110 7.2", host("a\"b"), "bad_request"},
      {"RFC 9110 7.2", host("http://a"), "bad_request"},
      {"RFC 9110 7.2", host("\xe9"), "bad_request"},
  });
}

TEST_CASE("where plugins run a Host may have a mark behind its port", "[http]") {
  run(
      {
          {"as Envoy", host("a:80-x-1"), "GET / none keep [host=a:80-x-1]"},
          {"as without", host("a:80"), "GET / none keep [host=a:80]"},
          {"stricter", host("a:80-"), "bad_request"},
          {"stricter", host("a:-x"), "bad_request"},
          {"stricter", host("a:65536-x"), "bad_request"},
          {"stricter", host("a:80-x:1"), "bad_request"},
          {"stricter", host("a:80-x.b"), "bad_request"},
          {"stricter", host("[::1]-x"), "bad_request"},
      },
      HeadLimits{.accept_marked_host = true});
}

TEST_CASE("a request target has the form that its method asks for", "[http]") {
  run({
      {"RFC 9112 3.2.1", line("GET /a/b?c=d&e HTTP/1.1"), "GET /a/b?c=d&e none keep [host=a]"},
      {"RFC 9112 3.2.1", line("GET //x/y HTTP/1.1"), "GET //x/y none keep [host=a]"},
      {"Envoy passes it", line("GET /a?b?c HTTP/1.1"), "GET /a?b?c none keep [host=a]"},
      {"Envoy passes it", line("GET /../. HTTP/1.1"), "GET /../. none keep [host=a]"},
      {"Envoy passes it", line("GET /\"<>\\^`{|}[] HTTP/1.1"),
       "GET /\"<>\\^`{|}[] none keep [host=a]"},
      {"RFC 3986 2.1; stricter", line("GET /%zz HTTP/1.1"), "bad_request"},
      {"RFC 3986 2.1; stricter", line("GET /a?b=%4 HTTP/1.1"), "bad_request"},
      {"RFC 3986 2.1; stricter", line("GET /a% HTTP/1.1"), "bad_request"},
      {"RFC 3986 2.1; stricter", line("GET /%%41 HTTP/1.1"), "bad_request"},
      {"RFC 3986 2.1; stricter", line("GET http://b/?%u0041 HTTP/1.1"), "bad_request"},
      {"RFC 3986 2.1", line("GET /%2f%E9?%2B HTTP/1.1"), "GET /%2f%E9?%2B none keep [host=a]"},
      {"Envoy passes it", line("GET /%00%0d%0a HTTP/1.1"), "GET /%00%0d%0a none keep [host=a]"},
      {"RFC 9112 3.2.2", line("GET http://b.com/p?q HTTP/1.1"), "GET /p?q none keep [host=b.com]"},
      {"RFC 9112 3.2.2", line("GET http://b.com:81/ HTTP/1.1"), "GET / none keep [host=b.com:81]"},
      {"RFC 9112 3.2.2", line("GET http://[::1]:80/x HTTP/1.1"),
       "GET /x none keep [host=[::1]:80]"},
      {"RFC 3986 3.1", line("GET HTTPS://b.com/p HTTP/1.1"), "GET /p none keep [host=b.com]"},
      {"RFC 9112 3.2.1: empty path", line("GET http://b HTTP/1.1"), "GET / none keep [host=b]"},
      {"RFC 9112 3.2.1: empty path", line("GET http://b?x=1 HTTP/1.1"),
       "GET /?x=1 none keep [host=b]"},
      {"RFC 9112 3.2.1: empty path", line("GET http://b? HTTP/1.1"), "GET /? none keep [host=b]"},
      {"Envoy: / for the empty path", line("OPTIONS http://b.com HTTP/1.1"),
       "OPTIONS / none keep [host=b.com]"},
      {"RFC 9112 3.2.2: the host field gives way, where it stands",
       "GET http://longer.example:8080/p HTTP/1.1\r\nX: 1\r\nHost: a\r\nY: 2\r\n\r\n",
       "GET /p none keep [x=1][host=longer.example:8080][y=2]"},
      {"RFC 9112 3.2; stricter", "GET http://b.com/p HTTP/1.1\r\n\r\n", "missing_host"},
      {"RFC 9112 3.2", "GET http://b.com/p HTTP/1.1\r\nHost: a\r\nHost: b.com\r\n\r\n",
       "bad_request"},
      {"RFC 9110 4.2.4; stricter", line("GET http://u@b.com/p HTTP/1.1"), "bad_request"},
      {"RFC 9110 4.2.4; stricter", line("GET http://u:p@b.com/p HTTP/1.1"), "bad_request"},
      {"RFC 9110 4.2.1: empty host", line("GET http:///p HTTP/1.1"), "bad_request"},
      {"RFC 9110 4.2.1: empty host", line("GET http://:80/p HTTP/1.1"), "bad_request"},
      {"RFC 9110 4.2.1", line("GET http://?x HTTP/1.1"), "bad_request"},
      {"RFC 9110 4.2", line("GET http:b.com HTTP/1.1"), "bad_request"},
      {"RFC 9110 4.2", line("GET http:// HTTP/1.1"), "bad_request"},
      {"RFC 9110 4.2", line("GET http://a:b:c/ HTTP/1.1"), "bad_request"},
      {"RFC 9110 4.2", line("GET http://b.com\\@c/ HTTP/1.1"), "bad_request"},
      {"Envoy 400", line("GET ftp://b.com/p HTTP/1.1"), "bad_request"},
      {"Envoy 400", line("GET ws://b.com/p HTTP/1.1"), "bad_request"},
      {"RFC 9112 3.2: no fragment", line("GET /a#b HTTP/1.1"), "bad_path"},
      {"RFC 9112 3.2: no fragment", line("GET /# HTTP/1.1"), "bad_path"},
      {"RFC 9112 3.2: no fragment", line("GET http://b.com/p#f HTTP/1.1"), "bad_path"},
      {"RFC 9112 3.2: no fragment", line("GET http://b.com#f HTTP/1.1"), "bad_request"},
      {"RFC 9112 3.2.4", line("OPTIONS * HTTP/1.1"), "OPTIONS * none keep [host=a]"},
      {"RFC 9112 3.2.4", line("GET * HTTP/1.1"), "bad_request"},
      {"RFC 9112 3.2.4", line("OPTIONS *x HTTP/1.1"), "bad_request"},
      {"RFC 9112 3.2.3", line("CONNECT b.com:443 HTTP/1.1"),
       "CONNECT b.com:443 none keep [host=b.com:443]"},
      {"RFC 9112 3.2.3", line("CONNECT [::1]:443 HTTP/1.1"),
       "CONNECT [::1]:443 none keep [host=[::1]:443]"},
      {"RFC 9112 3.2.3", line("CONNECT b.com HTTP/1.1"), "bad_request"},
      {"RFC 9112 3.2.3", line("CONNECT b.com:65536 HTTP/1.1"), "bad_request"},
      {"RFC 9110 9.3.6, Envoy 400", line("CONNECT b:1 HTTP/1.1\r\nContent-Length: 1"),
       "bad_request"},
      {"RFC 9110 9.3.6", line("CONNECT b:1 HTTP/1.1\r\nContent-Length: 0"),
       "CONNECT b:1 length 0 keep [content-length=0][host=b:1]"},
      {"RFC 9110 9.3.6, Envoy 501", line("CONNECT b:1 HTTP/1.1\r\nTransfer-Encoding: chunked"),
       "not_implemented"},
      {"RFC 9112 3.2.3", line("CONNECT b.com: HTTP/1.1"), "bad_request"},
      {"RFC 9112 3.2.3", line("CONNECT :443 HTTP/1.1"), "bad_request"},
      {"RFC 9112 3.2.3", line("CONNECT [::1] HTTP/1.1"), "bad_request"},
      {"RFC 9112 3.2.3", line("CONNECT / HTTP/1.1"), "bad_request"},
      {"RFC 9112 3.2.3", line("CONNECT http://a/ HTTP/1.1"), "bad_request"},
      {"RFC 9112 3.2.3", line("CONNECT a:80/x HTTP/1.1"), "bad_request"},
      {"RFC 9112 3.2.3", line("GET a:80 HTTP/1.1"), "bad_request"},
      {"RFC 9112 3.2", line("GET a HTTP/1.1"), "bad_request"},
      {"RFC 9112 3.2", line("GET ?x HTTP/1.1"), "bad_request"},
      {"RFC 9112 3.2: raw space", line("GET /a b HTTP/1.1"), "bad_request"},
      {"RFC 9112 3.2: tab", line("GET /a\tb HTTP/1.1"), "bad_request"},
      {"RFC 3986 2: CTL", line("GET /a\x01 HTTP/1.1"), "bad_request"},
      {"RFC 9112 2.2: bare CR is no end of the line", line("GET /a\rb HTTP/1.1"), "bad_request"},
      {"RFC 3986 2: CTL", line("GET /a\x7f HTTP/1.1"), "bad_request"},
      {"RFC 3986 2: 8-bit", line("GET /\xe9 HTTP/1.1"), "bad_request"},
      {"RFC 3986 2: NUL", zero(line("GET /@ HTTP/1.1")), "bad_request"},
  });
}

TEST_CASE("a request line has three parts, one space apart", "[http]") {
  run({
      {"RFC 9112 3; stricter", line("GET  / HTTP/1.1"), "bad_request"},
      {"RFC 9112 3; stricter", line("GET /  HTTP/1.1"), "bad_request"},
      {"RFC 9112 3; stricter", line("GET / HTTP/1.1 "), "bad_request"},
      {"RFC 9112 3; stricter", line("GET\t/\tHTTP/1.1"), "bad_request"},
      {"RFC 9112 3", line(" GET / HTTP/1.1"), "bad_request"},
      {"RFC 9112 3", line("GET"), "bad_request"},
      {"RFC 9112 3", line("GET "), "bad_request"},
      {"RFC 9112 3", line("/ HTTP/1.1"), "bad_request"},
      {"RFC 9112 3.1, Envoy 400", line("BREW / HTTP/1.1"), "bad_request"},
      {"RFC 9112 3.1, Envoy 400", line("M-SEARCH / HTTP/1.1"), "bad_request"},
      {"RFC 9110 9.1: case counts", line("get / HTTP/1.1"), "bad_request"},
      {"RFC 9110 9.1", line("GETX / HTTP/1.1"), "bad_request"},
      {"RFC 9110 9.1", line("GE / HTTP/1.1"), "bad_request"},
      {"RFC 9110 9.1", line("G(T / HTTP/1.1"), "bad_request"},
      {"RFC 9113 3.4: h2 preface", "PRI * HTTP/2.0\r\n\r\n", "bad_request"},
      {"RFC 9112 2.3, Envoy 426", line("GET / HTTP/1.0"), "upgrade_required"},
      {"RFC 9112 2.3, Envoy 426", line("GET / HTTP/1.2"), "upgrade_required"},
      {"RFC 9112 2.3, Envoy 426", line("GET / HTTP/0.9"), "upgrade_required"},
      {"RFC 9112 2.3, Envoy 426", line("GET / HTTP/2.0"), "upgrade_required"},
      {"RFC 9112 2.3, Envoy 426", line("GET / HTTP/9.9"), "upgrade_required"},
      {"HTTP/0.9, Envoy 426", "GET /\r\n\r\n", "upgrade_required"},
      {"HTTP/0.9 with a bad target", "GET /\x01\r\n\r\n", "bad_request"},
      {"RFC 9112 2.3", line("GET / http/1.1"), "bad_request"},
      {"RFC 9112 2.3", line("GET / HTTP/1"), "bad_request"},
      {"RFC 9112 2.3", line("GET / HTTP/1.11"), "bad_request"},
      {"RFC 9112 2.3", line("GET / HTTP/01.1"), "bad_request"},
      {"RFC 9112 2.3", line("GET / HTTP/11"), "bad_request"},
      {"RFC 9112 2.3", line("GET / HTTP /1.1"), "bad_request"},
      {"RFC 9112 2.3", line("GET / HTTPS/1.1"), "bad_request"},
      {"RFC 9112 2.3", line("GET / HTTP/a.b"), "bad_request"},
      {"RFC 9112 2.3", line("GET / HTTP/1,1"), "bad_request"},
      {"RFC 9112 2.2: one empty line before", "\r\n" + line("GET / HTTP/1.1"),
       "GET / none keep [host=a]"},
      {"RFC 9112 2.2; stricter", "\r\n\r\n" + line("GET / HTTP/1.1"), "bad_request"},
      {"RFC 9112 2.2; stricter", "\n" + line("GET / HTTP/1.1"), "bad_request"},
      {"RFC 9112 2.2; stricter", "\r" + line("GET / HTTP/1.1"), "bad_request"},
      {"not HTTP: a TLS hello", zero("\x16\x03\x01@\xa5\x01"), "bad_request"},
  });
}

TEST_CASE("exactly the methods of Envoy's parser are known", "[http]") {
  for (const char* method :
       {"ACL",    "BIND",    "CHECKOUT", "COPY",       "DELETE",     "GET",       "HEAD",
        "LINK",   "LOCK",    "MERGE",    "MKACTIVITY", "MKCALENDAR", "MKCOL",     "MOVE",
        "NOTIFY", "OPTIONS", "PATCH",    "POST",       "PROPFIND",   "PROPPATCH", "PURGE",
        "PUT",    "REBIND",  "REPORT",   "SEARCH",     "SOURCE",     "SUBSCRIBE", "TRACE",
        "UNBIND", "UNLINK",  "UNLOCK",   "UNSUBSCRIBE"}) {
    run({{"Envoy 200", line(std::string(method) + " / HTTP/1.1"),
          std::string(method) + " / none keep [host=a]"}});
  }
  for (const char* method :
       {"BASELINE-CONTROL", "CHECKIN", "LABEL", "MKREDIRECTREF", "MKWORKSPACE", "ORDERPATCH", "PRI",
        "QUERY", "UNCHECKOUT", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL", "FOO_BAR", "X"}) {
    run({{"Envoy 400", line(std::string(method) + " / HTTP/1.1"), "bad_request"}});
  }
}

TEST_CASE("HTTP/1.0 where it is accepted", "[http]") {
  HeadLimits limits;
  limits.accept_http_10 = true;
  run({{"RFC 9112 9.3", "GET / HTTP/1.0\r\n\r\n", "GET / none close "},
       {"RFC 9112 9.3", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "GET / none keep [connection=keep-alive]"},
       {"RFC 9112 6.1: TE in HTTP/1.0",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "bad_request"},
       {"RFC 9112 3.2.2, no host field to replace", "GET http://b/p HTTP/1.0\r\n\r\n",
        "GET /p none close [host=b]"}},
      limits);
  Head head;
  const HeadResult result =
      parse_request_head("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", limits, head);
  CHECK(result.is_http_10);
  CHECK_FALSE(result.expect_continue);  // RFC 9110 10.1.1: ignored from HTTP/1.0
  CHECK(head.find(HeaderId::expect) == nullptr);
}

TEST_CASE("connection options and expectations of a request", "[http]") {
  struct Row {
    const char* lines;
    bool keep_alive, upgrade, expect;
  };
  for (const Row& row : {
           Row{"", true, false, false},
           Row{"Connection: close\r\n", false, false, false},
           Row{"Connection: x, CLOSE ,y\r\n", false, false, false},
           Row{"Connection: keep-alive, close\r\n", false, false, false},
           Row{"Connection: x\r\nConnection: close\r\n", false, false, false},
           Row{"Connection: closed, not-close\r\n", true, false, false},
           Row{"Connection: ,,\r\n", true, false, false},
           Row{"Proxy-Connection: close\r\n", false, false, false},
           Row{"Connection: Upgrade\r\nUpgrade: websocket\r\n", true, true, false},
           Row{"Connection: upgrade\r\n", true, false, false},
           Row{"Upgrade: websocket\r\n", true, false, false},
           Row{"Expect: 100-Continue\r\n", true, false, true},
           Row{"Expect: 100\r\n", true, false, false},
           Row{"Expect: 100-continue\r\nExpect: 100-continue\r\n", true, false, true},
           Row{"Expect: x\r\nExpect: 100-continue\r\n", true, false, false},
           Row{"Expect: 100-continue\r\nExpect: x\r\n", true, false, false},
           Row{"Expect: 100-continue, x\r\n", true, false, false},
       }) {
    INFO(row.lines);
    Head head;
    const HeadResult result = parse_request_head(post(row.lines), {}, head);
    REQUIRE(result.state == HeadResult::State::complete);
    CHECK(result.keep_alive == row.keep_alive);
    CHECK(result.upgrade == row.upgrade);
    CHECK(result.expect_continue == row.expect);
  }
}

TEST_CASE("limits on size and number of request fields", "[http]") {
  HeadLimits limits;
  limits.max_bytes = 64;
  limits.max_fields = 3;
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nx: ";  // and "\r\n\r\n"
  const std::string fits = start + std::string(64 - start.size() - 4, 'v') + "\r\n\r\n";
  const std::string over = start + std::string(65 - start.size() - 4, 'v') + "\r\n\r\n";
  Head head;
  CHECK(parse_request_head(fits, limits, head).state == HeadResult::State::complete);
  CHECK(parse_request_head(over, limits, head).error == HeadError::too_large);
  CHECK(parse_request_head(fits.substr(0, 63) + "xx", limits, head).error == HeadError::too_large);
  const std::string body(1000, 'b');  // what follows the head does not count
  CHECK(parse_request_head(fits + body, limits, head).state == HeadResult::State::complete);

  const std::string four = "GET / HTTP/1.1\r\nHost: a\r\nb:\r\nc:\r\nd:\r\n\r\n";
  CHECK(parse_request_head(four, limits, head).error == HeadError::too_many_fields);
  limits.max_fields = 4;
  CHECK(parse_request_head(four, limits, head).state == HeadResult::State::complete);
}

TEST_CASE("a field of more than 64 KiB is no exception", "[http]") {
  HeadLimits limits;  // Beast 1.81 throws std::length_error for these in its own field container
  limits.max_bytes = 256 * 1024;
  const std::string big(70'000, 'x');
  Head head;
  const std::string value = "GET / HTTP/1.1\r\nHost: a\r\nX: " + big + "\r\n\r\n";
  REQUIRE(parse_request_head(value, limits, head).state == HeadResult::State::complete);
  CHECK(head.value(head.fields()[1]) == big);
  const std::string name = "GET / HTTP/1.1\r\nHost: a\r\n" + big + ": 1\r\n\r\n";
  CHECK(parse_request_head(name, limits, head).error == HeadError::too_large);
}

TEST_CASE("the refused request that the access log shows is still there", "[http]") {
  Head head;
  CHECK(parse_request_head("GET /x#y HTTP/1.1\r\nHost: a\r\n\r\n", {}, head).error ==
        HeadError::bad_path);
  CHECK(head.method() == "GET");
  CHECK(head.target() == "/x#y");
  CHECK(parse_request_head("GET /x HTTP/1.1\r\n\r\n", {}, head).error == HeadError::missing_host);
  CHECK(head.target() == "/x");
  CHECK(parse_request_head("GET /x HTTP/1.1\r\nHost: \"\r\n\r\n", {}, head).error ==
        HeadError::bad_request);
  CHECK(head.method().empty());
  CHECK(head.fields().empty());
}

TEST_CASE("the end of a pipelined head is the end of this head", "[http]") {
  const std::string one = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string two = "POST /2 HTTP/1.1\r\nHost: b\r\nContent-Length: 1\r\n\r\nx";
  Head head;
  HeadResult result = parse_request_head(one + two, {}, head);
  CHECK(result.consumed == one.size());
  CHECK(head.target() == "/1");
  result = parse_request_head("\r\n" + two, {}, head);
  CHECK(result.consumed == two.size() + 1);
  CHECK(head.target() == "/2");
  CHECK(result.content_length == 1);
}

}  // namespace
}  // namespace holdfast::http
