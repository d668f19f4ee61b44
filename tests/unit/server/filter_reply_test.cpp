// Filters that answer, cut and fail exchanges; clients and upstreams that leave; limits and times.
#include <string>

#include "filter_fixture.hpp"

namespace holdfast::server::test {
namespace {

const std::string kPost = "POST /up HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhello";
const std::string kGet = "GET /up HTTP/1.1\r\nhost: h\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nworld";
const std::string kHalf = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nworld";

filters::LocalReplyRequest teapot() {
  return {.status = 418, .body = "no", .headers = {{"x-by", "filter"}}, .details = "by filter"};
}
Verdict hold(filters::Exchange&) {
  return Verdict::hold;
}
BodyVerdict keep(filters::Exchange&, base::ByteQueue&, bool) {
  return BodyVerdict::buffer;
}
const auto kReplyAtHead = [](filters::Exchange& e) {
  e.send_local_reply(teapot());
  return Verdict::hold;
};
const auto kReplyAtBody = [](filters::Exchange& e, base::ByteQueue&, bool) {
  e.send_local_reply(teapot());
  return BodyVerdict::buffer;
};

void check_teapot(const std::string& got) {
  CHECK(
      got.starts_with("HTTP/1.1 418 Unknown\r\nx-by: filter\r\ncontent-length: 2\r\n"
                      "content-type: text/plain\r\n"));
  CHECK(got.ends_with("\r\n\r\nno"));
}

// --- Local replies ------------------------------------------------------------------------------

TEST_CASE("a local reply at the request's head passes all response hooks", "[reply]") {
  FilterFixture f(2);
  f.filter(0).request = kReplyAtHead;
  f.send(kGet);
  check_teapot(f.client_gets("no"));
  CHECK(f.trace == Trace{"a.request 1", "b.response 0", "a.response 0", "b.response_body no 1",
                         "a.response_body no 1", "a.complete", "a.end"});
  CHECK(f.filter(0).details == "by_filter");
  CHECK(f.filter(0).status == 418);
  CHECK(f.upstream_waits());
}

TEST_CASE("a local reply takes the place of a request that is under way", "[reply]") {
  FilterFixture f;
  const int when = GENERATE(0, 1, 2);
  CAPTURE(when);
  if (when == 0) f.filter().request_body = kReplyAtBody;
  if (when == 1) f.filter().request_body = keep;
  f.send(when == 2 ? kGet : kPost);
  if (when == 2) static_cast<void>(f.upstream_gets("\r\n\r\n"));
  if (when != 0) f.turn([&] { f.filter().exchange->send_local_reply(teapot()); });
  check_teapot(f.client_gets("no"));
  CHECK(f.count("a.response 0") == 1);
  CHECK(f.count("a.response_body no 1") == 1);
  CHECK(f.count("a.complete") == 1);
  CHECK(f.cluster_stats.upstream_rq_active.get() == 0);
  if (when == 2) CHECK(f.upstream_gets("").empty());  // Closed: the answer would be nobody's.
}

TEST_CASE("a local reply in the response stage goes out without hooks", "[reply]") {
  FilterFixture f(2);
  const int when = GENERATE(0, 1, 2);
  CAPTURE(when);
  if (when == 0) f.filter(1).response = kReplyAtHead;
  if (when == 1) {
    f.filter(1).response = [](filters::Exchange&) { return Verdict::hold_head; };
    f.filter(1).response_body = kReplyAtBody;
  }
  if (when == 2) f.filter(1).response = hold;
  f.send(kGet);
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends(kOk);
  if (when == 2) f.turn([&] { f.filter(1).exchange->send_local_reply(teapot()); });
  check_teapot(f.client_gets("no"));
  CHECK(f.count("a.response 0") == 0);
  CHECK(f.count("b.response 0") == 1);
  CHECK(f.count("b.complete") == 1);
}

TEST_CASE("a local reply made while a response hook looks at another goes out as it is",
          "[reply]") {
  FilterFixture f;
  f.filter().response = kReplyAtHead;
  f.send("GET /direct HTTP/1.1\r\nhost: h\r\n\r\n");
  check_teapot(f.client_gets("no"));
  CHECK(f.count("a.response 0") == 1);
  CHECK(f.count("a.complete") == 1);
}

TEST_CASE("once the head has gone down, a local reply cuts the response", "[reply]") {
  FilterFixture f;
  bool now = false;
  f.filter().response_body = [&](filters::Exchange& e, base::ByteQueue&, bool) {
    if (now) e.send_local_reply(teapot());
    return BodyVerdict::proceed;
  };
  f.send(kGet);
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends(kHalf);
  CHECK(f.client_gets("world").ends_with("world"));
  now = true;
  const bool inside = GENERATE(true, false);
  if (inside) {
    f.upstream_sends("more!");
  } else {
    f.turn([&] { f.filter().exchange->send_local_reply(teapot()); });
  }
  CHECK(f.client_gets("").empty());
  CHECK(f.count("a.complete") == 1);
  CHECK(f.stats.downstream_rq_tx_reset.get() == 1);
}

TEST_CASE("the connection of a local reply serves the next request", "[reply]") {
  FilterFixture f;
  f.filter().request = [](filters::Exchange& e) {
    if (e.request().target() == "/no") e.send_local_reply(teapot());
    return Verdict::proceed;
  };
  f.send("GET /no HTTP/1.1\r\nhost: h\r\n\r\n" + kGet);  // Pipelined.
  check_teapot(f.client_gets("no"));
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends(kOk);
  CHECK(f.client_gets("world").ends_with("world"));
}

TEST_CASE("a local reply to half a request ends the connection", "[reply]") {
  FilterFixture f;
  f.filter().request = kReplyAtHead;
  f.send("POST /up HTTP/1.1\r\nhost: h\r\ncontent-length: 50\r\n\r\nhello");
  const std::string got = f.client_gets("");
  CHECK(has(got, "connection: close\r\n"));
  CHECK(got.ends_with("\r\n\r\nno"));
}

TEST_CASE("a local reply's own fields count, and none speaks of a body that is not there",
          "[reply]") {
  FilterFixture f;
  f.filter().request = [](filters::Exchange& e) {
    filters::LocalReplyRequest reply{.status = 403, .body = "", .headers = {}, .details = ""};
    reply.headers = {{"content-type", "a/b"}, {"content-length", "7"}, {"x", "1"}, {"x", "2"}};
    if (e.request().target() == "/body") reply.body = "{}";
    e.send_local_reply(reply);
    e.send_local_reply(teapot());  // The first one counts.
    return Verdict::proceed;
  };
  f.send(kGet);
  std::string got = f.client_gets("\r\n\r\n");
  CHECK(got.starts_with("HTTP/1.1 403 Forbidden\r\nx: 1\r\nx: 2\r\n"));
  CHECK(has(got, "content-length: 0\r\n"));
  CHECK_FALSE(has(got, "content-type"));
  f.send("GET /body HTTP/1.1\r\nhost: h\r\n\r\n");
  got = f.client_gets("{}");
  CHECK(has(got, "content-type: a/b\r\ncontent-length: 2\r\nx: 1\r\n"));
}

TEST_CASE("a local reply to HEAD has no body", "[reply]") {
  FilterFixture f;
  f.filter().request = kReplyAtHead;
  f.send("HEAD /up HTTP/1.1\r\nhost: h\r\n\r\n");
  const std::string got = f.client_gets("\r\n\r\n");
  CHECK(has(got, "content-length: 2\r\n"));
  CHECK(f.trace == Trace{"a.request 1", "a.response 1", "a.complete", "a.end"});
}

TEST_CASE("a local reply may be held and edited", "[reply]") {
  FilterFixture f(2);
  f.filter(0).request = kReplyAtHead;
  f.filter(0).response = hold;
  f.filter(1).response = [](filters::Exchange& e) {
    e.response().remove("content-length");
    return Verdict::proceed;
  };
  f.filter(1).response_body = [](filters::Exchange&, base::ByteQueue& body, bool) {
    body.append(", thanks");
    return BodyVerdict::proceed;
  };
  f.send(kGet);
  CHECK(f.client_waits());
  f.turn([&] { f.filter(0).exchange->continue_response(0); });
  const std::string got = f.client_gets("0\r\n\r\n");
  CHECK(has(got, "transfer-encoding: chunked\r\n"));
  CHECK(got.ends_with("a\r\nno, thanks\r\n0\r\n\r\n"));
}

TEST_CASE("what the router answers passes the filters like any answer", "[reply]") {
  FilterFixture f;
  f.send("POST /nowhere HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhello");
  CHECK(f.client_gets("\r\n\r\n").starts_with("HTTP/1.1 404 Not Found\r\n"));
  CHECK(f.trace == Trace{"a.request 0", "a.response 1", "a.complete", "a.end"});
}

TEST_CASE("replace_response in a request hook answers", "[reply]") {
  FilterFixture f;
  f.filter().request = [](filters::Exchange& e) {
    e.replace_response(429, "slow");
    return Verdict::respond;
  };
  f.send(kGet);
  CHECK(f.client_gets("slow").starts_with("HTTP/1.1 429 Too Many Requests\r\n"));
  CHECK(f.trace ==
        Trace{"a.request 1", "a.response 0", "a.response_body slow 1", "a.complete", "a.end"});
}

TEST_CASE("replace_response takes the place of a response that waits", "[reply]") {
  FilterFixture f(2);
  filters::Hold token;
  const bool inside = GENERATE(true, false);
  f.filter(1).response = [&](filters::Exchange& e) {
    if (inside) {
      e.replace_response(502, "bad");
      return Verdict::proceed;
    }
    token = e.hold();
    return Verdict::hold;
  };
  f.send(kGet);
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends(kOk);
  if (!inside) {
    f.turn([&] {
      token.exchange()->replace_response(502, "bad");
      token.resume();
    });
  }
  CHECK(f.client_gets("bad").starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
  CHECK(f.count("a.response_body bad 1") == 1);
}

// --- Resets -------------------------------------------------------------------------------------

TEST_CASE("a reset ends the connection, whenever it comes", "[reply]") {
  FilterFixture f;
  const int when = GENERATE(0, 1, 2, 3, 4);
  CAPTURE(when);
  const auto reset = [](filters::Exchange& e) {
    e.reset_stream();
    return Verdict::proceed;
  };
  const auto reset_at_body = [](filters::Exchange& e, base::ByteQueue&, bool) {
    e.reset_stream();
    return BodyVerdict::proceed;
  };
  if (when == 0) f.filter().request = reset;
  if (when == 1) f.filter().request_body = reset_at_body;
  if (when == 2) f.filter().response = reset;
  if (when == 3) f.filter().response_body = reset_at_body;
  f.send(kPost);
  if (when >= 2) static_cast<void>(f.upstream_gets("hello"));
  if (when == 2 || when == 3) f.upstream_sends(kOk);
  if (when == 4) f.turn([&] { f.filter().exchange->reset_stream(); });
  CHECK_FALSE(has(f.client_gets(""), "world"));
  CHECK(f.count("a.complete") == 1);
  CHECK(f.cluster_stats.upstream_rq_active.get() == 0);
}

// --- Limits -------------------------------------------------------------------------------------

TEST_CASE("a request that a filter keeps beyond the limit is refused", "[reply]") {
  FilterFixture f(1, 1024);
  f.filter().request_body = keep;
  f.send("POST /up HTTP/1.1\r\nhost: h\r\ncontent-length: 3000\r\n\r\n" + std::string(1500, 'x'));
  const std::string got = f.client_gets("");
  CHECK(got.starts_with("HTTP/1.1 413 Payload Too Large\r\n"));
  CHECK(got.ends_with("\r\n\r\nPayload Too Large"));
  CHECK(f.filter().details == "request_payload_too_large");
  CHECK(f.stats.downstream_rq_too_large.get() == 1);
}

TEST_CASE("a response that a filter keeps beyond the limit is replaced, or cut", "[reply]") {
  FilterFixture f(1, 1024);
  const bool head_waits = GENERATE(true, false);
  CAPTURE(head_waits);
  bool keeps = head_waits;
  f.filter().response = [&](filters::Exchange&) {
    return head_waits ? Verdict::hold_head : Verdict::proceed;
  };
  f.filter().response_body = [&](filters::Exchange&, base::ByteQueue&, bool) {
    return keeps ? BodyVerdict::buffer : BodyVerdict::proceed;
  };
  f.send(kGet);
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends("HTTP/1.1 200 OK\r\ncontent-length: 3000\r\n\r\n:");
  if (!head_waits) CHECK(f.client_gets(":").ends_with(":"));
  keeps = true;
  f.upstream_sends(std::string(1500, 'x'));
  if (head_waits) {
    const std::string got = f.client_gets("Internal Server Error");
    CHECK(got.starts_with("HTTP/1.1 500 Internal Server Error\r\n"));
    CHECK(f.filter().details == "response_payload_too_large");
  } else {
    CHECK(f.client_gets("").empty());
  }
  CHECK(f.stats.rs_too_large.get() == 1);
}

// --- Lengths that do not fit --------------------------------------------------------------------

TEST_CASE("a response whose length turns out wrong after its head is cut", "[reply]") {
  FilterFixture f;
  const bool longer = GENERATE(true, false);
  CAPTURE(longer);
  f.filter().response_body = [&](filters::Exchange&, base::ByteQueue& body, bool end) {
    if (end && longer) body.append("and more");
    if (!end && !longer) body.consume(1);
    return BodyVerdict::proceed;
  };
  f.send(kGet);
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends(kHalf);
  f.upstream_sends("world");
  const std::string got = f.client_gets("");
  CHECK(has(got, "content-length: 10\r\n"));
  CHECK(got.ends_with(longer ? "\r\n\r\nworld" : "\r\n\r\norld"));
  CHECK(f.filter().details == "response_content_length_mismatch");
}

TEST_CASE("a request whose length turns out wrong after its head fails", "[reply]") {
  FilterFixture f;
  const bool longer = GENERATE(true, false);
  CAPTURE(longer);
  f.filter().request_body = [&](filters::Exchange&, base::ByteQueue& body, bool end) {
    if (end && longer) body.append("and more");
    if (!end && !longer) body.consume(1);
    return BodyVerdict::proceed;
  };
  f.send("POST /up HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nhello");
  CHECK(f.upstream_gets(longer ? "hello" : "ello").ends_with("ello"));
  f.send("hello");
  CHECK(f.client_gets("\r\n\r\n").starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
  CHECK_FALSE(has(f.upstream_gets(""), "and more"));
}

TEST_CASE("no filter makes a head ambiguous", "[reply]") {
  FilterFixture f;
  const int what = GENERATE(0, 1, 2, 3, 4);
  CAPTURE(what);
  const auto spoil = [&](http::Head& head) {
    if (what == 0) head.set("content-length", "five");
    if (what == 1) head.add("content-length", "6");
    if (what == 2) head.add("transfer-encoding", "gzip");
    if (what == 3) head.set("content-length", "-5");
    if (what == 4) head.set("content-length", "18446744073709551616");
    return Verdict::proceed;
  };
  f.filter().request = [&](filters::Exchange& e) { return spoil(e.request()); };
  f.filter().response = [&](filters::Exchange& e) { return spoil(e.response()); };
  const std::string end = what == 2 ? "\r\n\r\nhello" : "\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  f.send(kPost);
  const std::string sent = f.upstream_gets(end);
  f.upstream_sends(kOk);
  const std::string got = f.client_gets(what == 2 ? "world" : "0\r\n\r\n");
  for (const std::string& text : {sent, got}) {
    CHECK_FALSE(has(text, "gzip"));
    CHECK(has(text, "content-length: ") == (what == 2));
    CHECK(has(text, "transfer-encoding: chunked\r\n") == (what != 2));
  }
}

TEST_CASE("a status that has no body gets none", "[reply]") {
  FilterFixture f;
  const std::uint16_t status = GENERATE(std::uint16_t{204}, std::uint16_t{304}, std::uint16_t{100});
  f.filter().response = [&](filters::Exchange& e) {
    e.response().status = status;
    return Verdict::proceed;
  };
  f.send(kGet);
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends(kOk);
  if (status == 100) {  // No answer at all: the client would wait for one.
    CHECK(f.client_gets("world").starts_with("HTTP/1.1 502 "));
  } else {
    CHECK_FALSE(has(f.client_gets("\r\n\r\n"), "world"));
  }
  f.filter().response = nullptr;
  f.send(kGet);
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends(kOk);
  CHECK(f.client_gets("world").starts_with("HTTP/1.1 200 "));
}

TEST_CASE("a changed method changes how the answer is read, not how it is sent", "[reply]") {
  FilterFixture f;
  const bool to_head = GENERATE(true, false);
  f.filter().request = [&](filters::Exchange& e) {
    e.request().set_method(to_head ? "HEAD" : "GET");
    return Verdict::proceed;
  };
  f.send((to_head ? "GET" : "HEAD") + std::string(" /up HTTP/1.1\r\nhost: h\r\n\r\n"));
  CHECK(f.upstream_gets("\r\n\r\n").starts_with(to_head ? "HEAD " : "GET "));
  f.upstream_sends(to_head ? "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n" : kOk);
  const std::string got = f.client_gets("\r\n\r\n");
  CHECK(has(got, to_head ? "content-length: 0\r\n" : "content-length: 5\r\n"));
  CHECK_FALSE(has(got, "world"));
}

}  // namespace
}  // namespace holdfast::server::test
