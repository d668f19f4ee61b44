// Calls, pools and client connections together, over real sockets.
#include "upstream/call.hpp"

#include "catch.hpp"
#include "upstream/call_fixture.hpp"

namespace holdfast::upstream {
namespace {

using Fixture = test::CallFixture;
using test::receive;
using test::run_until;
using test::ScriptedServer;
using test::Socket;

constexpr const char* kOk = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

TEST_CASE("a side request looks as Envoy's async client's does", "[upstream]") {
  CHECK(side_request_head("GET", "/", "", {}, std::chrono::milliseconds(50'000)) ==
        "GET / HTTP/1.1\r\nhost: \r\nx-envoy-internal: true\r\n"
        "x-envoy-expected-rq-timeout-ms: 50000\r\n\r\n");
  CHECK(side_request_head("POST", "/p", "h", {{"x-a", "1"}}, std::chrono::milliseconds(0)) ==
        "POST /p HTTP/1.1\r\nhost: h\r\nx-a: 1\r\nx-envoy-internal: true\r\ncontent-length: "
        "0\r\n\r\n");
}

TEST_CASE("a call is answered, and its connection serves the next", "[upstream]") {
  Fixture f;
  ScriptedServer server;
  f.use({server.port()});
  f.start();
  Socket connection = server.accept(f.io);
  CHECK(receive(f.io, connection) == f.request.bytes);
  connection.send(kOk);
  REQUIRE(f.done());
  CHECK(f.owner.results[0].outcome == CallOutcome::response);
  CHECK(f.owner.results[0].status == 200);
  f.start();
  CHECK(receive(f.io, connection) == f.request.bytes);
  connection.send(kOk);
  REQUIRE(f.done(2));
  CHECK(f.stats.upstream_cx_total.get() == 1);
  CHECK(f.stats.upstream_rq_total.get() == 2);
  CHECK(f.stats.upstream_rq_active.get() == 0);
  CHECK(f.stats.internal_upstream_rq.code(200) == 2);
}

TEST_CASE("responses that leave doubt end their connection", "[upstream]") {
  const char* response =
      GENERATE("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
               "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok");
  Fixture f;
  ScriptedServer server;
  f.use({server.port()});
  f.start();
  Socket connection = server.accept(f.io);
  static_cast<void>(receive(f.io, connection));
  connection.send(response);
  REQUIRE(f.done());
  CHECK(f.owner.results[0].outcome == CallOutcome::response);
  CHECK(receive(f.io, connection).empty());
  CHECK(f.stats.upstream_cx_active.get() == 0);
}

TEST_CASE("garbage, and bytes behind the response, are a failure", "[upstream]") {
  const char* response =
      GENERATE("SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok and more",
               "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n",
               "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nhost: b\r\n\r\n");
  Fixture f;
  ScriptedServer server;
  f.use({server.port()});
  f.start();
  Socket connection = server.accept(f.io);
  static_cast<void>(receive(f.io, connection));
  connection.send(response);
  REQUIRE(f.done());
  CHECK(f.owner.results[0].outcome == CallOutcome::failed);
  CHECK(f.stats.upstream_cx_protocol_error.get() == 1);
  CHECK(receive(f.io, connection).empty());
  CHECK(f.stats.upstream_cx_active.get() == 0);
}

TEST_CASE("a flood of 1xx ends", "[upstream]") {
  Fixture f;
  ScriptedServer server;
  f.use({server.port()});
  f.start();
  Socket connection = server.accept(f.io);
  static_cast<void>(receive(f.io, connection));
  std::string flood;
  for (int i = 0; i < 100; ++i) flood += "HTTP/1.1 103 Early Hints\r\n\r\n";
  connection.send(flood);
  REQUIRE(f.done());
  CHECK(f.owner.results[0].outcome == CallOutcome::failed);
}

TEST_CASE("no endpoint: the call fails at once, and later ones work when there is one",
          "[upstream]") {
  Fixture f;
  CallResult failure;
  CHECK(f.start(failure) == nullptr);
  CHECK(failure.outcome == CallOutcome::failed);
  ScriptedServer server;
  f.use({server.port()});
  f.start();
  Socket connection = server.accept(f.io);
  static_cast<void>(receive(f.io, connection));
  connection.send(kOk);
  CHECK(f.done());
}

TEST_CASE("a refused connection fails all who wait for the host", "[upstream]") {
  Fixture f;
  ScriptedServer server;
  server.stop();
  f.use({server.port()});
  f.start();
  f.start();
  REQUIRE(f.done(2));
  CHECK(f.owner.results[0].outcome == CallOutcome::failed);
  CHECK(f.breaker.pending.count() == 0);
  CHECK(f.breaker.connections.count() == 0);
  CHECK(f.breaker.requests.count() == 0);
}

TEST_CASE("a stale connection costs one repetition, not the call", "[upstream]") {
  Fixture f;
  ScriptedServer server;
  f.use({server.port()});
  f.start();
  {
    Socket first = server.accept(f.io);
    static_cast<void>(receive(f.io, first));
    first.send(kOk);
    REQUIRE(f.done());
    f.start();  // Goes out on the connection that is about to end.
    static_cast<void>(receive(f.io, first));
  }
  Socket second = server.accept(f.io);
  CHECK(receive(f.io, second) == f.request.bytes);
  second.send(kOk);
  REQUIRE(f.done(2));
  CHECK(f.owner.results[1].outcome == CallOutcome::response);
  CHECK(f.stats.upstream_rq_retry.get() == 1);
}

TEST_CASE("what may not be repeated is not", "[upstream]") {
  Fixture f;
  f.request.repeatable = false;
  ScriptedServer server;
  f.use({server.port()});
  f.start();
  {
    Socket first = server.accept(f.io);
    static_cast<void>(receive(f.io, first));
    first.send(kOk);
    REQUIRE(f.done());
    f.start();
    static_cast<void>(receive(f.io, first));
  }
  REQUIRE(f.done(2));
  CHECK(f.owner.results[1].outcome == CallOutcome::failed);
}

TEST_CASE("a call that times out is closed, waiting or sent", "[upstream]") {
  Fixture f;
  f.request.timeout = std::chrono::milliseconds(30);
  ScriptedServer server;
  f.use({server.port()});
  f.start();
  Socket connection = server.accept(f.io);
  static_cast<void>(receive(f.io, connection));
  REQUIRE(f.done());
  CHECK(f.owner.results[0].outcome == CallOutcome::timeout);
  CHECK(receive(f.io, connection).empty());
  CHECK(f.stats.internal_upstream_rq.code(504) == 1);
  CHECK(f.breaker.requests.count() == 0);
}

TEST_CASE("a cancelled call says nothing more", "[upstream]") {
  Fixture f;
  ScriptedServer server;
  f.use({server.port()});
  Call* call = f.start();
  Socket connection = server.accept(f.io);
  static_cast<void>(receive(f.io, connection));
  f.reactor.run_turn([&] { call->cancel(false); });
  CHECK(receive(f.io, connection).empty());
  f.settle();
  CHECK(f.owner.results.empty());
  Call* waiting = f.start();
  f.reactor.run_turn([&] { waiting->cancel(false); });
  f.settle();
  CHECK(f.owner.results.empty());
  CHECK(f.breaker.pending.count() == 0);
}

TEST_CASE("limits: pending, connections, requests", "[upstream]") {
  ScriptedServer server;
  CallResult failure;
  SECTION("no one may wait: nobody gets through, as in Envoy") {
    Fixture f({.max_pending_requests = 0});
    f.use({server.port()});
    CHECK(f.start(failure) == nullptr);
    CHECK(failure.outcome == CallOutcome::overflow);
    CHECK(f.stats.upstream_rq_pending_overflow.get() == 1);
  }
  SECTION("one connection: the second waits for the first") {
    Fixture f({.max_connections = 1});
    f.use({server.port()});
    f.start();
    f.start();
    Socket connection = server.accept(f.io);
    CHECK(receive(f.io, connection) == f.request.bytes);
    CHECK(f.breaker.pending.count() == 1);
    connection.send(kOk);
    REQUIRE(f.done());
    CHECK(receive(f.io, connection) == f.request.bytes);
    connection.send(kOk);
    REQUIRE(f.done(2));
    CHECK(f.stats.upstream_cx_total.get() == 1);
    CHECK(f.stats.upstream_cx_overflow.get() == 1);
  }
  SECTION("one request: the second is refused when its connection is there") {
    Fixture f({.max_requests = 1});
    f.use({server.port()});
    f.start();
    f.start();
    Socket first = server.accept(f.io);
    Socket second = server.accept(f.io);
    REQUIRE(f.done());
    CHECK(f.owner.results[0].outcome == CallOutcome::overflow);
  }
}

TEST_CASE("who finds no room for a request, but an idle connection, tells nobody else",
          "[upstream]") {
  struct Waiter final : PendingRequest {
    void on_connection_ready(ClientConnection&) noexcept override { ++told; }
    void on_connection_failed(ResetReason, int) noexcept override { ++told; }
    int told = 0;
  };
  Fixture f({.max_requests = 1});
  ScriptedServer server;
  f.use({server.port()});
  f.start();
  Socket idle = server.accept(f.io);
  static_cast<void>(receive(f.io, idle));
  idle.send(kOk);
  REQUIRE(f.done());
  f.breaker.requests.take();  // Another worker's.
  Waiter in_line;
  Waiter refused;
  f.reactor.run_turn([&] {
    const Acquired fresh = f.cluster->acquire(in_line, /*fresh=*/true);
    REQUIRE(fresh.waiting_in != nullptr);
    const Acquired acquired = f.cluster->acquire(refused, /*fresh=*/false);
    CHECK(acquired.connection == nullptr);
    CHECK(acquired.waiting_in == nullptr);
    CHECK(acquired.failure == ResetReason::overflow);
    CHECK(in_line.told == 0);
    CHECK(f.stats.upstream_rq_pending_overflow.get() == 1);
    f.cluster->withdraw(in_line, *fresh.waiting_in);
  });
  CHECK(refused.told == 0);
  f.breaker.requests.give_back();
  f.start();  // The idle one has stayed.
  CHECK(receive(f.io, idle) == f.request.bytes);
  idle.send(kOk);
  CHECK(f.done(2));
}

TEST_CASE("a host that leaves drains: the call under way ends, then the connection", "[upstream]") {
  Fixture f;
  ScriptedServer server, other;
  f.use({server.port()});
  f.start();
  Socket connection = server.accept(f.io);
  static_cast<void>(receive(f.io, connection));
  f.reactor.run_turn([&] { f.use({other.port()}); });
  connection.send(kOk);
  REQUIRE(f.done());
  CHECK(f.owner.results[0].outcome == CallOutcome::response);
  CHECK(receive(f.io, connection).empty());
  f.start();
  Socket next = other.accept(f.io);
  CHECK(receive(f.io, next) == f.request.bytes);
  next.send(kOk);
  CHECK(f.done(2));
}

TEST_CASE("bytes on an idle connection close it", "[upstream]") {
  Fixture f;
  ScriptedServer server;
  f.use({server.port()});
  f.start();
  Socket connection = server.accept(f.io);
  static_cast<void>(receive(f.io, connection));
  connection.send(kOk);
  REQUIRE(f.done());
  connection.send("HTTP/1.1 200 OK\r\n\r\n");
  REQUIRE(run_until(f.io, [&] { return f.stats.upstream_cx_active.get() == 0; }));
  CHECK(f.stats.upstream_cx_protocol_error.get() == 1);
}

TEST_CASE("an idle connection is closed after the idle timeout", "[upstream]") {
  Fixture f;
  f.config.idle_timeout = std::chrono::milliseconds(30);
  ScriptedServer server;
  f.use({server.port()});
  f.start();
  Socket connection = server.accept(f.io);
  static_cast<void>(receive(f.io, connection));
  connection.send(kOk);
  REQUIRE(f.done());
  REQUIRE(run_until(f.io, [&] { return f.stats.upstream_cx_idle_timeout.get() == 1; }));
  CHECK(receive(f.io, connection).empty());
}

TEST_CASE("the idle timeout counts from the last use", "[upstream]") {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kIdle(200);
  Fixture f;
  f.config.idle_timeout = kIdle;
  ScriptedServer server;
  f.use({server.port()});
  f.start();
  Socket connection = server.accept(f.io);
  static_cast<void>(receive(f.io, connection));
  connection.send(kOk);
  REQUIRE(f.done());
  const auto half = Clock::now() + kIdle / 2;
  run_until(f.io, [&] { return Clock::now() >= half; });
  f.start();
  CHECK(receive(f.io, connection) == f.request.bytes);
  const auto last_use = Clock::now();
  connection.send(kOk);
  REQUIRE(f.done(2));
  CHECK(receive(f.io, connection).empty());
  CHECK(Clock::now() - last_use >= kIdle);
  CHECK(f.stats.upstream_cx_idle_timeout.get() == 1);
}

TEST_CASE("two hosts take turns", "[upstream]") {
  Fixture f;
  ScriptedServer a, b;
  f.use({a.port(), b.port()});
  f.start();
  f.start();
  Socket first = a.accept(f.io);
  Socket second = b.accept(f.io);
  CHECK(receive(f.io, first) == f.request.bytes);
  CHECK(receive(f.io, second) == f.request.bytes);
}

}  // namespace
}  // namespace holdfast::upstream
