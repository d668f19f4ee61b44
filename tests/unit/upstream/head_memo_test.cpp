#include "upstream/head_memo.hpp"

#include "catch.hpp"

namespace holdfast::upstream {
namespace {

constexpr std::string_view kHead = "HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n";

struct Fixture {
  void keep(std::string_view bytes, std::string_view method = "GET") {
    const http::HeadResult parsed = http::parse_response_head(bytes, {}, method, head);
    REQUIRE(parsed.state == http::HeadResult::State::complete);
    memo.keep(bytes, method, parsed, head.status);
  }
  bool find(std::string_view bytes, std::string_view method = "GET") {
    const HeadMemo::Known* known = memo.find(bytes, method);
    if (known == nullptr) return false;
    result = known->result;
    status = known->status;
    return true;
  }

  HeadMemo memo;
  http::Head head;
  http::HeadResult result;
  std::uint16_t status = 0;
};

TEST_CASE("a head that came before is known, whatever follows it", "[upstream]") {
  Fixture f;
  CHECK_FALSE(f.find(kHead));
  f.keep(std::string(kHead) + "ok");
  for (const char* body : {"", "ok", "HTTP/1.1 200 OK\r\n\r\n"}) {
    REQUIRE(f.find(std::string(kHead) + body));
    CHECK(f.status == 201);
    CHECK(f.result.state == http::HeadResult::State::complete);
    CHECK(f.result.consumed == kHead.size());
    CHECK(f.result.framing == http::Framing::content_length);
    CHECK(f.result.content_length == 2);
    CHECK(f.result.keep_alive);
  }
}

TEST_CASE("another head, a part of it, or another method is not", "[upstream]") {
  Fixture f;
  f.keep(kHead);
  CHECK_FALSE(f.find(kHead.substr(0, kHead.size() - 1)));
  CHECK_FALSE(f.find("HTTP/1.1 201 Created\r\ncontent-length: 3\r\n\r\n"));
  CHECK_FALSE(f.find(kHead, "HEAD"));
  f.keep(kHead, "HEAD");
  REQUIRE(f.find(kHead, "HEAD"));
  CHECK(f.result.framing == http::Framing::none);
  CHECK_FALSE(f.find(kHead, "GET"));
}

TEST_CASE("a head too long to keep leaves the last one", "[upstream]") {
  Fixture f;
  f.keep(kHead);
  const std::string longer =
      "HTTP/1.1 200 OK\r\nx-a: " + std::string(HeadMemo::kMaxBytes, 'a') + "\r\n\r\n";
  f.keep(longer);
  CHECK_FALSE(f.find(longer));
  CHECK(f.find(kHead));
}

}  // namespace
}  // namespace holdfast::upstream
