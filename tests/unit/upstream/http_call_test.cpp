// Calls whose response is kept, over real sockets. What Envoy 1.40 sent and handed to a plugin for
// the same calls is the measure.
#include "upstream/http_call.hpp"

#include <string>
#include <vector>

#include "allocation_counter.hpp"
#include "catch.hpp"
#include "upstream/call_fixture.hpp"

namespace holdfast::upstream {
namespace {

using std::chrono::milliseconds;
using test::receive;
using test::run_until;
using test::ScriptedServer;
using test::Socket;

using Headers = std::vector<HeaderPair>;
const Headers kGet{{":method", "GET"}, {":path", "/"}, {":authority", "h"}};

struct Seen {
  CallOutcome outcome;
  bool has_response;
  std::string head;  ///< "200 a=1 b=2"
  std::string body;
  std::uint32_t token;
};

std::string text_of(const http::Head& head) {
  std::string text = std::to_string(head.status);
  for (const http::Field& field : head.fields()) {
    if (field.removed) continue;
    text.append(" ").append(head.name(field)).append("=").append(head.value(field));
  }
  return text;
}

struct HttpOwner final : HttpCallOwner {
  void on_http_call_done(HttpCall& call, CallOutcome outcome) noexcept override {
    call.cancel();  // Too late: without effect.
    if (quiet) {
      ++ended;
      return;
    }
    seen.push_back({outcome, call.has_response(), text_of(call.response()),
                    std::string(call.body()), call.token()});
    ++ended;
  }
  std::vector<Seen> seen;
  std::size_t ended = 0;
  bool quiet = false;
};

struct Fixture : test::CallFixture {
  using CallFixture::CallFixture;

  HttpCall* start(CallOutcome& failure, const Headers& headers, std::string_view body = {},
                  milliseconds timeout = milliseconds(5000)) {
    head.clear();
    HttpCallRequest http{.body = body, .timeout = timeout, .token = 7};
    REQUIRE(append_call_head(head, headers, http));
    http.repeatable = repeatable;
    HttpCall* call = nullptr;
    reactor.run_turn([&] { call = http_calls.start(*cluster, http, http_owner, failure); });
    return call;
  }
  HttpCall* start(const Headers& headers = kGet, std::string_view body = {},
                  milliseconds timeout = milliseconds(5000)) {
    CallOutcome failure{};
    HttpCall* call = start(failure, headers, body, timeout);
    REQUIRE(call != nullptr);
    return call;
  }
  const Seen& result(std::size_t n = 1) {
    REQUIRE(run_until(io, [&] { return http_owner.ended >= n; }));
    REQUIRE(http_owner.seen.size() == n);
    return http_owner.seen.back();
  }

  HttpCallPool http_calls;
  HttpOwner http_owner;
  std::string head;
  bool repeatable = false;
};

/// One call to a server that answers with `response` and then, perhaps, closes.
enum class Then : bool { keep, close };
Seen answered_with(std::string_view response, Then then = Then::keep, const Headers& call = kGet,
                   milliseconds timeout = milliseconds(5000)) {
  Fixture f;
  ScriptedServer server;
  f.use({server.port()});
  f.start(call, {}, timeout);
  Socket connection = server.accept(f.io);
  static_cast<void>(receive(f.io, connection));
  connection.send(std::string(response));
  if (then == Then::close) connection.close();
  const Seen seen = f.result();
  CHECK(f.breaker.requests.count() == 0);
  CHECK(f.stats.upstream_rq_active.get() == 0);
  return seen;
}

/// One call that has the only connection, and so many that wait for it that no more than a
/// sixteenth of HttpCallPool::kMostBytes is left.
struct FullFixture : Fixture {
  FullFixture() : Fixture(config::CircuitBreakers{.max_connections = 1}) {
    use({server.port()});
    start();
    connection = server.accept(io);
    static_cast<void>(receive(io, connection));
    for (std::size_t i = 0; i < 15; ++i) waiting.push_back(start(kPut, body));
  }
  static inline const Headers kPut{{":method", "PUT"}, {":path", "/"}, {":authority", "h"}};
  const std::string body = std::string(HttpCallPool::kMostBytes / 16, 'b');
  ScriptedServer server;
  Socket connection;
  std::vector<HttpCall*> waiting;
};

std::string service_time_off(std::string head) {
  const auto at = head.find(" x-envoy-upstream-service-time=");
  return at == std::string::npos ? head + " (no service time)" : head.substr(0, at);
}

}  // namespace

TEST_CASE("a call with a body is answered, and its response kept", "[upstream]") {
  Fixture f;
  ScriptedServer server;
  f.use({server.port()});
  f.start({{":method", "POST"}, {":path", "/p"}, {":authority", ""}, {"X-A", "1"}}, "abc");
  Socket connection = server.accept(f.io);
  CHECK(receive(f.io, connection) ==
        "POST /p HTTP/1.1\r\nhost: \r\nx-a: 1\r\ncontent-length: 3\r\nx-envoy-internal: true\r\n"
        "x-envoy-expected-rq-timeout-ms: 5000\r\n\r\nabc");
  connection.send(
      "HTTP/1.1 200 OK\r\nDate: now\r\ncontent-length: 5\r\nx-d: 1\r\nx-d: 2\r\n\r\nhello");
  const Seen& seen = f.result();
  CHECK(seen.outcome == CallOutcome::response);
  CHECK(seen.has_response);
  CHECK(service_time_off(seen.head) == "200 date=now content-length=5 x-d=1 x-d=2");
  CHECK(seen.body == "hello");
  CHECK(seen.token == 7);
  CHECK(f.stats.internal_upstream_rq.code(200) == 1);
  f.start();
  static_cast<void>(receive(f.io, connection));
  connection.send("HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(service_time_off(f.result(2).head) == "204");
  CHECK(f.http_owner.seen.back().body.empty());
  CHECK(f.stats.upstream_cx_total.get() == 1);
}

TEST_CASE("a plugin sees all fields of a response, but no trailers", "[upstream]") {
  const Seen seen = answered_with(
      "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n"
      "HTTP/1.1 200 OK\r\nX-Upper: A\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\n"
      "server: me\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nx-t: 1\r\n\r\n");
  CHECK(service_time_off(seen.head) ==
        "200 x-upper=A transfer-encoding=chunked connection=keep-alive server=me");
  CHECK(seen.body == "abcde");
  const Seen until_close =
      answered_with("HTTP/1.0 200 OK\r\nx-a: 1\r\n\r\nto the end", Then::close);
  CHECK(service_time_off(until_close.head) == "200 x-a=1");
  CHECK(until_close.body == "to the end");
  const Seen head = answered_with("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", Then::keep,
                                  {{":method", "HEAD"}, {":path", "/"}, {":authority", "h"}});
  CHECK(service_time_off(head.head) == "200 content-length=5");
  CHECK(head.body.empty());
}

TEST_CASE("an upstream that fails is replaced by Envoy's local reply", "[upstream]") {
  const Seen closed = answered_with("", Then::close);
  CHECK(closed.outcome == CallOutcome::failed);
  CHECK(closed.has_response);
  CHECK(closed.head == "503 content-length=95 content-type=text/plain");
  CHECK(closed.body ==
        "upstream connect error or disconnect/reset before headers. reset reason: connection "
        "termination");
  CHECK(answered_with("nonsense\r\n\r\n").head == "502 content-length=87 content-type=text/plain");
  const Seen late = answered_with("", Then::keep, kGet, milliseconds(30));
  CHECK(late.outcome == CallOutcome::timeout);
  CHECK(late.head == "504 content-length=24 content-type=text/plain");
  CHECK(late.body == "upstream request timeout");
  const Seen head =
      answered_with("", Then::close, {{":method", "HEAD"}, {":path", "/"}, {":authority", "h"}});
  CHECK(head.head == "503 content-length=95 content-type=text/plain");
  CHECK(head.body.empty());
  Fixture f;
  ScriptedServer server;
  server.stop();
  f.use({server.port()});
  f.start();
  const Seen& refused = f.result();
  CHECK(refused.head == "503 content-length=98 content-type=text/plain");
  CHECK(refused.body.ends_with("remote connection failure"));
  CHECK(f.stats.internal_upstream_rq.code(503) == 1);
}

TEST_CASE("a response that breaks off, or comes too late, leaves nothing", "[upstream]") {
  const char* begun = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc";
  const Seen cut = answered_with(begun, Then::close);
  CHECK(cut.outcome == CallOutcome::failed);
  CHECK_FALSE(cut.has_response);
  CHECK(cut.head == "0");
  CHECK(cut.body.empty());
  const Seen late = answered_with(begun, Then::keep, kGet, milliseconds(30));
  CHECK(late.outcome == CallOutcome::timeout);
  CHECK_FALSE(late.has_response);
}

TEST_CASE("a body that is too large ends the call", "[upstream]") {
  Fixture f;
  ScriptedServer server;
  f.use({server.port()});
  f.start();
  Socket connection = server.accept(f.io);
  static_cast<void>(receive(f.io, connection));
  connection.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
  ::fcntl(connection.get(), F_SETFL, O_NONBLOCK);
  const std::string chunk = "100000\r\n" + std::string(0x100000, 'x') + "\r\n";
  std::size_t sent = 0;
  std::size_t offset = 0;
  REQUIRE(run_until(f.io, [&] {
    const ssize_t n =
        ::send(connection.get(), chunk.data() + offset, chunk.size() - offset, MSG_NOSIGNAL);
    if (n > 0) {
      sent += static_cast<std::size_t>(n);
      offset = (offset + static_cast<std::size_t>(n)) % chunk.size();
    }
    return f.http_owner.ended != 0;
  }));
  CHECK(sent > HttpCall::kMostBody);
  CHECK(f.http_owner.seen[0].outcome == CallOutcome::failed);
  CHECK_FALSE(f.http_owner.seen[0].has_response);
  CHECK(f.stats.upstream_cx_active.get() == 0);
  CHECK(f.stats.internal_upstream_rq.code(200) == 1);
}

TEST_CASE("calls under way hold no more than so much together", "[upstream]") {
  FullFixture f;
  const auto is_refused = [&] {
    CallOutcome failure{};
    const bool refused = f.start(failure, FullFixture::kPut, f.body) == nullptr;
    if (refused) CHECK(failure == CallOutcome::overflow);
    return refused;
  };
  CHECK(is_refused());
  f.start(kGet, "small", milliseconds(0));  // There is room for that.
  f.reactor.run_turn([&] { f.waiting[3]->cancel(); });
  f.start(FullFixture::kPut, f.body, milliseconds(30));
  CHECK(is_refused());
  CHECK(f.result().outcome == CallOutcome::timeout);
  CHECK_FALSE(is_refused());
  CHECK(is_refused());
}

TEST_CASE("a response counts among what calls hold together", "[upstream]") {
  FullFixture f;
  const std::size_t most = f.body.size();
  const bool fits = GENERATE(true, false);
  const std::size_t size = fits ? most / 2 : most;
  REQUIRE(size < HttpCall::kMostBody);
  std::string response = "HTTP/1.1 200 OK\r\ncontent-length: " + std::to_string(size) + "\r\n\r\n";
  response.append(size, 'x');
  ::fcntl(f.connection.get(), F_SETFL, O_NONBLOCK);
  std::string_view left = response;
  CallOutcome failure{};
  REQUIRE(run_until(f.io, [&] {
    const ssize_t n = ::send(f.connection.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (n > 0) left.remove_prefix(static_cast<std::size_t>(n));
    return f.http_owner.ended != 0;
  }));
  const Seen& seen = f.http_owner.seen[0];
  CHECK(seen.outcome == (fits ? CallOutcome::response : CallOutcome::failed));
  CHECK(seen.has_response == fits);
  CHECK(seen.body.size() == (fits ? size : 0));
  // Nothing is left of it.
  f.start(kGet, std::string_view(f.body).substr(0, most - 16 * 1024));
  CHECK(f.start(failure, kGet, std::string(32UL * 1024, 'b')) == nullptr);
}

TEST_CASE("what fails at once is not told again", "[upstream]") {
  CallOutcome failure{};
  Fixture f;
  CHECK(f.start(failure, kGet) == nullptr);
  CHECK(failure == CallOutcome::failed);
  Fixture limited({.max_pending_requests = 0});
  ScriptedServer server;
  limited.use({server.port()});
  CHECK(limited.start(failure, kGet) == nullptr);
  CHECK(failure == CallOutcome::overflow);
  limited.settle();
  CHECK(limited.http_owner.ended == 0);
}

TEST_CASE("a limit that is met later is a local reply that says so", "[upstream]") {
  Fixture f({.max_requests = 1});
  ScriptedServer server;
  f.use({server.port()});
  f.start();
  f.start();
  Socket first = server.accept(f.io);
  Socket second = server.accept(f.io);
  const Seen& seen = f.result();
  CHECK(seen.outcome == CallOutcome::overflow);
  CHECK(seen.head == "503 x-envoy-overloaded=true content-length=81 content-type=text/plain");
}

TEST_CASE("a stale connection costs one repetition where that is allowed", "[upstream]") {
  const bool repeatable = GENERATE(true, false);
  Fixture f;
  f.repeatable = repeatable;
  ScriptedServer server;
  f.use({server.port()});
  f.start();
  {
    Socket first = server.accept(f.io);
    static_cast<void>(receive(f.io, first));
    first.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    static_cast<void>(f.result());
    f.start();  // Goes out on the connection that is about to end.
    static_cast<void>(receive(f.io, first));
  }
  if (!repeatable) {
    CHECK(f.result(2).head.starts_with("503 "));
    return;
  }
  Socket second = server.accept(f.io);
  CHECK(receive(f.io, second) == f.head);
  second.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  CHECK(f.result(2).body == "ok");
  CHECK(f.stats.upstream_rq_retry.get() == 1);
  CHECK(f.breaker.retries.count() == 0);
}

TEST_CASE("a cancelled call whose response was kept says nothing more", "[upstream]") {
  Fixture f;
  ScriptedServer server;
  f.use({server.port()});
  HttpCall* call = f.start();
  Socket connection = server.accept(f.io);
  static_cast<void>(receive(f.io, connection));
  connection.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
  f.settle();
  f.reactor.run_turn([&] { call->cancel(); });
  CHECK(receive(f.io, connection).empty());
  HttpCall* waiting = f.start();
  f.reactor.run_turn([&] { waiting->cancel(); });
  f.settle();
  CHECK(f.http_owner.ended == 0);
  CHECK(f.breaker.pending.count() == 0);
  CHECK(f.breaker.requests.count() == 0);
}

TEST_CASE("a warm pool makes calls without allocating", "[upstream]") {
  Fixture f;
  ScriptedServer server;
  f.use({server.port()});
  f.http_owner.quiet = true;
  f.start(kGet, "body");
  Socket connection = server.accept(f.io);
  const auto answer = [&](std::size_t n) {
    static_cast<void>(receive(f.io, connection));
    connection.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n" + std::string(100, 'x'));
    REQUIRE(run_until(f.io, [&] { return f.http_owner.ended == n; }));
  };
  answer(1);
  CallOutcome failure{};
  HttpCallRequest request{.body = "body", .timeout = milliseconds(5000)};
  for (std::size_t i = 2; i < 5; ++i) {
    std::size_t counted = 0;
    f.reactor.run_turn([&] {
      const std::size_t before = allocations;
      f.head.clear();
      REQUIRE(append_call_head(f.head, kGet, request));
      static_cast<void>(f.http_calls.start(*f.cluster, request, f.http_owner, failure));
      counted = allocations - before;
    });
    CHECK(counted == 0);
    answer(i);
  }
}

TEST_CASE("a large request body arrives whole", "[upstream]") {
  Fixture f;
  ScriptedServer server;
  f.use({server.port()});
  const std::string body(3'000'000, 'b');
  f.start({{":method", "PUT"}, {":path", "/"}, {":authority", "h"}}, body);
  Socket connection = server.accept(f.io);
  std::string got;
  while (got.size() < f.head.size() + body.size()) got += receive(f.io, connection);
  CHECK(got == f.head + body);
  connection.send("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n");
  CHECK(f.result().head.starts_with("201 "));
}

}  // namespace holdfast::upstream
