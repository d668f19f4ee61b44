// Calls of several requests on one connection, and what becomes of them when it ends early.
#include <string>

#include "catch.hpp"
#include "upstream/call_fixture.hpp"

namespace holdfast::upstream {
namespace {

using test::receive;
using test::run_until;
using test::ScriptedServer;
using test::Socket;

const std::string kOk = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const std::string kLast = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";

struct Fixture : test::CallFixture {
  explicit Fixture(std::uint32_t most, config::CircuitBreakers limits = {}) : CallFixture(limits) {
    one = request.bytes;
    request.bytes.clear();
    for (std::uint32_t i = 0; i < most; ++i) request.bytes += one;
    request.max_pipelined = most;
    use({server.port()});
  }
  /// A connection on which `n` requests have come at once.
  Socket asked(std::uint32_t n) {
    Socket connection = server.accept(io);
    CHECK(receive(io, connection).size() == n * one.size());
    return connection;
  }
  [[nodiscard]] std::size_t failures() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        owner.results, [](const CallResult& r) { return r.outcome != CallOutcome::response; }));
  }
  void answer_alone(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) asked(1).send(kOk);
  }
  /// All is given back: nothing counts as under way.
  void check_idle() {
    settle();
    CHECK(stats.upstream_rq_active.get() == 0);
    CHECK(stats.upstream_rq_pending_active.get() == 0);
    CHECK(breaker.requests.count() == 0);
    CHECK(breaker.pending.count() == 0);
  }

  ScriptedServer server;
  std::string one;
};

TEST_CASE("a group leaves in one piece, is answered in order, and its connection is reused",
          "[upstream]") {
  Fixture f(3);
  CHECK(f.start(5)->size() == 3);
  Socket connection = f.asked(3);
  CHECK(f.stats.upstream_rq_active.get() == 3);
  connection.send(kOk + "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n" + kOk.substr(0, 9));
  REQUIRE(f.done(2));
  CHECK(f.owner.results[0].status == 200);
  CHECK(f.owner.results[1].status == 404);
  CHECK(f.stats.upstream_rq_active.get() == 1);
  connection.send(kOk.substr(9));
  REQUIRE(f.done(3));
  CHECK(f.start(2)->size() == 2);
  CHECK(receive(f.io, connection) == f.one + f.one);
  connection.send(kOk + kOk);
  REQUIRE(f.done(5));
  CHECK(f.failures() == 0);
  CHECK(f.stats.upstream_cx_total.get() == 1);
  CHECK(f.stats.upstream_rq_total.get() == 5);
  CHECK(f.stats.internal_upstream_rq.completed() == 5);
  f.check_idle();
}

TEST_CASE("what a closed connection leaves unanswered is asked again, each alone", "[upstream]") {
  const auto [said, answered] = GENERATE(
      std::pair<std::string, std::size_t>{"", 0}, std::pair<std::string, std::size_t>{kOk, 1},
      std::pair<std::string, std::size_t>{kOk + kOk, 2},
      std::pair<std::string, std::size_t>{kLast, 1},
      std::pair<std::string, std::size_t>{kLast + kOk, 1},
      std::pair<std::string, std::size_t>{"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", 1},
      std::pair<std::string, std::size_t>{"HTTP/1.1 200 OK\r\n\r\nuntil the end", 1});
  Fixture f(3);
  f.start(3);
  {
    Socket connection = f.asked(3);
    connection.send(said);
  }
  REQUIRE(run_until(f.io, [&] { return f.owner.split.size() == 3 - answered; }));
  CHECK(f.owner.results.size() == answered);
  f.answer_alone(3 - answered);
  REQUIRE(f.done(3));
  CHECK(f.failures() == 0);
  Call* next = f.start(3);
  CHECK(next->size() == 1);  // Not again for a while.
  f.reactor.run_turn([&] { CHECK(next->cancel(false) == 1); });
  f.check_idle();
}

TEST_CASE("a response that breaks off is a failure, those behind it are asked again",
          "[upstream]") {
  const std::string said = GENERATE(kOk + kOk.substr(0, 20), kOk + kOk.substr(0, kOk.size() - 1),
                                    kOk + "SSH-2.0-OpenSSH\r\n\r\n");
  Fixture f(4);
  f.start(4);
  {
    Socket connection = f.asked(4);
    connection.send(said);
  }
  f.answer_alone(2);
  REQUIRE(f.done(4));
  CHECK(f.failures() == 1);
  CHECK(f.owner.split.size() == 2);
  f.check_idle();
}

TEST_CASE("bytes behind the last response spoil it and the connection", "[upstream]") {
  Fixture f(2);
  f.start(2);
  Socket connection = f.asked(2);
  connection.send(kOk + kOk + "H");
  REQUIRE(f.done(2));
  CHECK(f.owner.results[1].outcome == CallOutcome::failed);
  CHECK(f.owner.split.empty());
  CHECK(receive(f.io, connection).empty());
  f.check_idle();
}

TEST_CASE("a connection that has answered a whole group may end in the midst of another",
          "[upstream]") {
  Fixture f(2);
  f.start(2);
  Socket connection = f.asked(2);
  connection.send(kOk + kOk);
  REQUIRE(f.done(2));
  f.start(2);
  CHECK(receive(f.io, connection).size() == 2 * f.one.size());
  connection.send(kLast);
  f.answer_alone(1);
  REQUIRE(f.done(4));
  CHECK(f.failures() == 0);
  Call* next = f.start(2);
  CHECK(next->size() == 2);
  f.reactor.run_turn([&] { CHECK(next->cancel(false) == 2); });
  f.check_idle();
}

TEST_CASE("a group that times out: all that is out, waiting or sent", "[upstream]") {
  const bool sent = GENERATE(true, false);
  Fixture f(3, {.max_connections = 1});
  if (!sent) f.start(1);
  f.request.timeout = std::chrono::milliseconds(30);
  f.start(3);
  Socket connection = f.asked(sent ? 3 : 1);
  if (sent) connection.send(kOk);
  REQUIRE(f.done(3));
  CHECK(f.failures() == (sent ? 2 : 3));
  CHECK(f.stats.upstream_rq_timeout.get() == f.failures());
  CHECK(f.owner.split.empty());
  if (sent) CHECK(receive(f.io, connection).empty());
}

TEST_CASE("what is asked again has what is left of the time", "[upstream]") {
  Fixture f(2);
  constexpr std::chrono::milliseconds kTimeout(1000);
  f.request.timeout = kTimeout;
  const auto begun = std::chrono::steady_clock::now();
  f.start(2);
  Socket connection = f.asked(2);
  run_until(f.io, [&] { return std::chrono::steady_clock::now() - begun >= kTimeout * 7 / 10; });
  connection.close();
  REQUIRE(f.done(2));
  CHECK(f.failures() == 2);
  CHECK(std::chrono::steady_clock::now() - begun >= kTimeout);
  CHECK(std::chrono::steady_clock::now() - begun < kTimeout * 16 / 10);
  CHECK(f.owner.split.size() == 2);
}

TEST_CASE("a cancelled group says nothing more, and its connection is closed", "[upstream]") {
  Fixture f(3);
  Call* call = f.start(3);
  Socket connection = f.asked(3);
  connection.send(kOk);
  REQUIRE(f.done(1));
  f.reactor.run_turn([&] { CHECK(call->cancel(false) == 2); });
  CHECK(receive(f.io, connection).empty());
  CHECK(f.owner.results.size() == 1);
  CHECK(f.owner.split.empty());
  CHECK(f.stats.upstream_rq_tx_reset.get() == 2);
  f.check_idle();
}

TEST_CASE("limits count the requests of a group", "[upstream]") {
  SECTION("pending") {
    Fixture f(3, {.max_pending_requests = 2});
    CHECK(f.start(3)->size() == 2);
    CHECK(f.breaker.pending.count() == 2);
    CallResult failure;
    CHECK(f.start(failure, 1) == nullptr);
    CHECK(failure.outcome == CallOutcome::overflow);
  }
  SECTION("requests, seen when the connection is there") {
    Fixture f(3, {.max_requests = 2});
    CHECK(f.start(3)->size() == 3);
    Socket connection = f.asked(2);
    REQUIRE(f.done(1));
    CHECK(f.owner.results[0].outcome == CallOutcome::overflow);
    connection.send(kOk + kOk);
    REQUIRE(f.done(3));
    CHECK(f.start(3)->size() == 2);  // Now it is known at once.
    CHECK(f.failures() == 1);
  }
  SECTION("requests per connection") {
    Fixture f(3);
    f.config.max_requests_per_connection = 4;
    f.start(3);
    Socket connection = f.asked(3);
    connection.send(kOk + kOk + kOk);
    REQUIRE(f.done(3));
    CHECK(f.start(3)->size() == 1);
    CHECK(receive(f.io, connection) == f.one);
    connection.send(kOk);
    REQUIRE(f.done(4));
    CHECK(receive(f.io, connection).empty());
  }
}

TEST_CASE("a refused connection fails the whole group", "[upstream]") {
  Fixture f(3);
  f.server.stop();
  f.start(3);
  REQUIRE(f.done(3));
  CHECK(f.failures() == 3);
  CHECK(f.stats.upstream_rq_pending_failure_eject.get() == 3);
  f.check_idle();
}

}  // namespace
}  // namespace holdfast::upstream
