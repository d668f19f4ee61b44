// Bodies on their way through filters: who is shown what, what waits, what comes out.
#include <array>
#include <string>

#include "filter_fixture.hpp"
#include "http/serialize.hpp"

namespace holdfast::server::test {
namespace {

const std::string kPost = "POST /up HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhello";
const std::string kGet = "GET /up HTTP/1.1\r\nhost: h\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nworld";
const std::string kChunked =
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nworld\r\n0\r\n\r\n";

BodyVerdict keep(filters::Exchange&, base::ByteQueue&, bool) {
  return BodyVerdict::buffer;
}
BodyVerdict keep_until_end(filters::Exchange&, base::ByteQueue&, bool end) {
  return end ? BodyVerdict::proceed : BodyVerdict::buffer;
}
Verdict hold(filters::Exchange&) {
  return Verdict::hold;
}
Verdict hold_head(filters::Exchange&) {
  return Verdict::hold_head;
}

TEST_CASE("a filter that lets all pass sees heads, bodies and ends in Envoy's order", "[body]") {
  FilterFixture f(2);
  f.send(kPost);
  CHECK(has(f.upstream_gets("hello"), "content-length: 5\r\n"));
  f.upstream_sends(kOk);
  CHECK(has(f.client_gets("world"), "content-length: 5\r\n"));
  CHECK(f.trace == Trace{"a.request 0", "b.request 0", "a.request_body hello 0",
                         "b.request_body hello 0", "a.request_body 1", "b.request_body 1",
                         "b.response 0", "a.response 0", "b.response_body world 0",
                         "a.response_body world 0", "b.response_body 1", "a.response_body 1",
                         "a.complete", "b.complete", "a.end", "b.end"});
}

TEST_CASE("a message without a body ends with its head", "[body]") {
  FilterFixture f;
  f.send(kGet);
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  CHECK(has(f.client_gets("\r\n\r\n"), "content-length: 0\r\n"));
  CHECK(f.trace == Trace{"a.request 1", "a.response 1", "a.complete", "a.end"});
}

TEST_CASE("a response to HEAD ends with its head", "[body]") {
  FilterFixture f;
  f.send("HEAD /up HTTP/1.1\r\nhost: h\r\n\r\n");
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
  CHECK(has(f.client_gets("\r\n\r\n"), "content-length: 5\r\n"));
  CHECK(f.trace == Trace{"a.request 1", "a.response 1", "a.complete", "a.end"});
}

TEST_CASE("pieces that come together are shown together", "[body]") {
  FilterFixture f;
  f.send(
      "POST /up HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n");
  CHECK(f.upstream_gets("hello\r\n").ends_with("\r\n\r\n5\r\nhello\r\n"));
  f.send("1\r\n!\r\n0\r\n\r\n");
  CHECK(f.upstream_gets("0\r\n\r\n") == "1\r\n!\r\n0\r\n\r\n");
  f.upstream_sends(kChunked);
  CHECK(f.client_gets("0\r\n\r\n").ends_with("\r\n\r\n5\r\nworld\r\n0\r\n\r\n"));
  CHECK(f.trace == Trace{"a.request 0", "a.request_body hello 0", "a.request_body ! 0",
                         "a.request_body 1", "a.response 0", "a.response_body world 0",
                         "a.response_body 1", "a.complete", "a.end"});
}

TEST_CASE("what waited behind a held request is shown once, with its end, after the resume",
          "[body]") {
  FilterFixture f(2);
  f.filter(0).request = hold;
  f.send(kPost);
  CHECK(f.upstream_waits());
  CHECK(f.trace == Trace{"a.request 0"});
  f.turn([&] { f.filter(0).exchange->continue_request(0); });
  CHECK(has(f.upstream_gets("hello"), "content-length: 5\r\n"));
  CHECK(f.trace ==
        Trace{"a.request 0", "b.request 0", "a.request_body hello 1", "b.request_body hello 1"});
  f.upstream_sends(kOk);
  CHECK(f.client_gets("world").ends_with("world"));
}

TEST_CASE("what waited behind a held response is shown once, with its end, after the resume",
          "[body]") {
  FilterFixture f(2);
  f.filter(1).response = hold;
  f.send(kGet);
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends(kOk);
  CHECK(f.client_waits());
  f.trace.clear();
  f.turn([&] { f.filter(1).exchange->continue_response(1); });
  CHECK(f.client_gets("world").ends_with("world"));
  CHECK(f.trace == Trace{"a.response 0", "b.response_body world 1", "a.response_body world 1",
                         "a.complete", "b.complete", "a.end", "b.end"});
}

TEST_CASE("a Hold resumes a chain with body hooks, too", "[body]") {
  FilterFixture f(2);
  filters::Hold token;
  f.filter(1).response = [&](filters::Exchange& e) {
    token = e.hold();
    return Verdict::hold;
  };
  f.filter(0).request_body = keep;
  f.send(kPost);
  CHECK(token.exchange() == nullptr);
  f.turn([&] { f.filter(0).exchange->continue_request(0); });
  static_cast<void>(f.upstream_gets("hello"));
  f.upstream_sends(kOk);
  CHECK(f.client_waits());
  // Nothing is to go on there: it disturbs nobody.
  f.turn([&] { f.filter(0).exchange->continue_request(0); });
  f.turn([&] {
    REQUIRE(token.exchange() != nullptr);
    token.resume();
    CHECK(token.exchange() == nullptr);
  });
  CHECK(f.client_gets("world").ends_with("world"));
}

TEST_CASE("a head that waits goes on when the body's hook says so", "[body]") {
  FilterFixture f(2);
  f.filter(0).request = hold_head;
  f.filter(0).request_body = keep_until_end;
  f.send(kPost);
  CHECK(f.upstream_gets("hello").ends_with("hello"));
  CHECK(f.trace == Trace{"a.request 0", "a.request_body hello 0", "a.request_body hello 1",
                         "b.request 0", "b.request_body hello 1"});
}

TEST_CASE("earlier filters go on being shown the body while the head waits", "[body]") {
  FilterFixture f(2);
  f.filter(1).request = hold_head;
  f.filter(1).request_body = keep;
  f.send(kPost);
  CHECK(f.trace == Trace{"a.request 0", "b.request 0", "a.request_body hello 0",
                         "b.request_body hello 0", "a.request_body 1", "b.request_body hello 1"});
  CHECK(f.upstream_waits());
  f.turn([&] { f.filter(1).exchange->continue_request(1); });
  CHECK(f.upstream_gets("hello").ends_with("hello"));
}

TEST_CASE("a filter may resume inside its own hook", "[body]") {
  FilterFixture f;
  f.filter().request = [&](filters::Exchange& e) {
    e.continue_request(0);
    return Verdict::hold;
  };
  f.filter().response_body = [&](filters::Exchange& e, base::ByteQueue&, bool end) {
    if (end) e.continue_response(0);
    return BodyVerdict::buffer;
  };
  f.send(kPost);
  CHECK(f.upstream_gets("hello").ends_with("hello"));
  f.upstream_sends(kOk);
  CHECK(f.client_gets("world").ends_with("world"));
}

TEST_CASE("a resume that a hook asks for in vain does not free a later hold", "[body]") {
  FilterFixture f;
  f.filter().request = [&](filters::Exchange& e) {
    e.continue_request(0);
    return Verdict::proceed;
  };
  f.filter().request_body = keep;
  f.send(kPost);
  CHECK(f.trace.back() == "a.request_body hello 1");
  CHECK(f.count("a.complete") == 0);
  f.turn([&] { f.filter().exchange->continue_request(0); });
  CHECK(f.upstream_gets("hello").ends_with("hello"));
}

// --- Edits --------------------------------------------------------------------------------------

using Edit = void (*)(base::ByteQueue&);
void replace(base::ByteQueue& body) {
  body.assign("something longer");
}
void prepend(base::ByteQueue& body) {
  body.prepend("[[");
}
void append(base::ByteQueue& body) {
  body.append("]]");
}
void empty(base::ByteQueue& body) {
  body.clear();
}

TEST_CASE("an edited body goes out as it is", "[body]") {
  const auto [edit, text] = GENERATE(table<Edit, std::string>(
      {{replace, "something longer"}, {prepend, "[["}, {append, "]]"}, {empty, ""}}));
  const bool buffered = GENERATE(false, true);
  const bool drops_length = GENERATE(false, true);
  CAPTURE(text, buffered, drops_length);
  const std::string up = edit == prepend ? text + "hello" : edit == append ? "hello" + text : text;
  const std::string down = edit == prepend  ? text + "world"
                           : edit == append ? "world" + text
                                            : text;
  FilterFixture f;
  f.filter().request = [&](filters::Exchange& e) {
    if (drops_length) e.request().remove("content-length");
    return buffered ? Verdict::hold_head : Verdict::proceed;
  };
  f.filter().response = [&](filters::Exchange& e) {
    if (drops_length) e.response().remove("content-length");
    return buffered ? Verdict::hold_head : Verdict::proceed;
  };
  const auto body = [&, edit = edit](filters::Exchange&, base::ByteQueue& bytes, bool end) {
    if (buffered != end) return buffered ? BodyVerdict::buffer : BodyVerdict::proceed;
    edit(bytes);
    return BodyVerdict::proceed;
  };
  f.filter().request_body = body;
  f.filter().response_body = body;
  f.send(kPost);
  const auto ends = [&](const std::string& bytes) {
    std::array<char, 20> size{};
    if (!drops_length) return "\r\n\r\n" + bytes;
    const std::string head(size.data(), http::chunk_header(bytes.size(), size.data()));
    return "\r\n\r\n" + (bytes.empty() ? "" : head + bytes + "\r\n") + "0\r\n\r\n";
  };
  const std::string sent = f.upstream_gets(ends(up));
  CHECK(has(sent, drops_length ? "transfer-encoding: chunked\r\n"
                               : "content-length: " + std::to_string(up.size()) + "\r\n"));
  f.upstream_sends(kOk);
  const std::string got = f.client_gets(ends(down));
  CHECK(has(got, drops_length ? "transfer-encoding: chunked\r\n"
                              : "content-length: " + std::to_string(down.size()) + "\r\n"));
  // The connection is as good as new.
  f.filter().request = f.filter().response = nullptr;
  f.filter().request_body = f.filter().response_body = nullptr;
  f.send(kGet);
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends(kOk);
  CHECK(f.client_gets("world").ends_with("world"));
}

}  // namespace
}  // namespace holdfast::server::test
