#include "http/joined_fields.hpp"

#include <string>

#include "catch.hpp"
#include "http/head_parser.hpp"

namespace holdfast::http {
namespace {

std::string fields_of(const Head& head) {
  std::string text;
  for (const Field& field : head.fields()) {
    if (field.removed || field.id == HeaderId::host) continue;
    text.append(head.name(field)).append("=").append(head.value(field)).append(";");
  }
  return text;
}

std::string read_request(const std::string& fields) {
  Head head;
  const auto result =
      parse_request_head("GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n", {}, head);
  REQUIRE(result.state == HeadResult::State::complete);
  return fields_of(head);
}

std::string read_response(const std::string& fields) {
  Head head;
  const auto result = parse_response_head("HTTP/1.1 200 OK\r\n" + fields + "\r\n", {}, "GET", head);
  REQUIRE(result.state == HeadResult::State::complete);
  return fields_of(head);
}

TEST_CASE("repeated fields of a request become one in the place of the first", "[http]") {
  CHECK(read_request("Accept: x\r\nB: 1\r\naccept: y\r\nACCEPT: z\r\n") == "accept=x,y,z;b=1;");
  CHECK(read_request("via: x\r\nvia: y\r\nreferer: a\r\nreferer: b\r\n") == "via=x,y;referer=a,b;");
  CHECK(read_request("pragma: \r\npragma: b\r\npragma: \r\n") == "pragma=b;");
  CHECK(read_request("user-agent: \r\nuser-agent: \r\n") == "user-agent=;");
}

TEST_CASE("repeated fields of a response become one", "[http]") {
  CHECK(read_response("vary: x\r\nlocation: /a\r\nvary: y\r\nlocation: /b\r\n") ==
        "vary=x,y;location=/a,/b;");
  CHECK(read_response("content-type: a\r\ncontent-type: b\r\n") == "content-type=a,b;");
}

TEST_CASE("other repeated fields stay as they are", "[http]") {
  for (const std::string name :
       {"cookie", "x", "xy", "accept-language", "vary", "date", "location", "accepu", "x-up"}) {
    CHECK(read_request(name + ": a\r\n" + name + ": b\r\n") == name + "=a;" + name + "=b;");
  }
  for (const std::string name : {"set-cookie", "accept", "user-agent", "warning", "link"}) {
    CHECK(read_response(name + ": a\r\n" + name + ": b\r\n") == name + "=a;" + name + "=b;");
  }
}

TEST_CASE("a head knows cheaply when nothing is repeated", "[http]") {
  Head head;
  const auto read = [&head](const std::string& fields) {
    const auto result =
        parse_request_head("GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n", {}, head);
    REQUIRE(result.state == HeadResult::State::complete);
    return head.may_repeat();
  };
  CHECK_FALSE(read(
      "Accept: a\r\nAccept-Encoding: b\r\nAccept-Language: c\r\nCache-Control: d\r\nCookie: e\r\n"
      "Cookie: f\r\nDNT: 1\r\nOrigin: g\r\nPragma: h\r\nReferer: i\r\nSec-Fetch-Dest: j\r\n"
      "Sec-Fetch-Mode: k\r\nSec-Fetch-Site: l\r\nUpgrade-Insecure-Requests: 1\r\nUser-Agent: "
      "m\r\n"));
  CHECK(head.may_have(name_hint("referer")));
  CHECK(read("Accept: a\r\nAccept: b\r\n"));
  CHECK_FALSE(head.may_have(name_hint("referer")));
  CHECK_FALSE(read("Accept: a\r\n"));
}

TEST_CASE("what is added to a head is joined where that is done", "[http]") {
  Head head;
  append_field(head, "accept", "");
  append_field(head, "accept", "a");
  append_field(head, "accept", "");
  append_field(head, "accept", "b");
  append_field(head, "vary", "a");
  append_field(head, "vary", "b");
  CHECK(fields_of(head) == "accept=a,b;vary=a;vary=b;");
  head.clear();
  head.status = 200;
  append_field(head, "vary", "a");
  append_field(head, "vary", "b");
  CHECK(fields_of(head) == "vary=a,b;");
}

}  // namespace
}  // namespace holdfast::http
