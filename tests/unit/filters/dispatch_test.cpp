// The dispatch filter over real clusters and sockets; the exchange around it is a small stand-in.
#include <boost/asio/io_context.hpp>
#include <optional>
#include <string>
#include <vector>

#include "catch.hpp"
#include "filters/dispatch_filter.hpp"
#include "upstream/scripted_server.hpp"

namespace holdfast::filters {
namespace {

using test::run_until;
using test::ScriptedServer;
using test::Socket;

constexpr const char* kOk = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
constexpr const char* kError = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";

class HeldExchange final : public Exchange {
 public:
  HeldExchange() { response_.status = 200; }
  void set_route_timeout(std::chrono::milliseconds timeout) { route_timeout_ = timeout; }
  [[nodiscard]] std::chrono::milliseconds hold_limit() const { return hold_limit_; }
  void replace_response(std::uint16_t status, std::string_view body) noexcept override {
    response_.clear();
    response_.status = status;
    replaced_with = body;
  }
  void set_details(std::string_view text) noexcept override { details = text; }
  void continue_request(std::size_t) noexcept override {}
  void continue_response(std::size_t) noexcept override {}
  void send_local_reply(LocalReplyRequest) noexcept override {}
  void reset_stream() noexcept override {}
  void clear_route_cache() noexcept override {}
  [[nodiscard]] bool request_ends_with_head() const noexcept override { return true; }
  [[nodiscard]] bool response_ends_with_head() const noexcept override { return true; }
  [[nodiscard]] StreamInfo info() noexcept override { return {}; }
  [[nodiscard]] std::unique_ptr<ConnectionState>& connection_state() noexcept override {
    return connection_state_;
  }
  void end() { ++generation_; }

  bool held = false;
  int resumed = 0;
  std::string replaced_with;
  std::string details;

 private:
  [[nodiscard]] bool is_held() const noexcept override { return held; }
  void resume() noexcept override {
    ++generation_;
    held = false;
    ++resumed;
  }
  std::unique_ptr<ConnectionState> connection_state_;
};

struct Fixture {
  explicit Fixture(DispatchConfig given = {}) : config(std::move(given)), breaker({}) {
    reactor.start();
    config.cluster = "side";
    cluster_config.name = "side";
    std::vector<std::unique_ptr<upstream::Cluster>> list;
    list.push_back(
        std::make_unique<upstream::Cluster>(reactor, cluster_config, breaker, cluster_stats, 0));
    clusters.emplace(std::move(list));
    filter.emplace(config, WorkerServices{io, *clusters, calls, 0}, 0);
    hosts.update({});
    if (const auto set = hosts.update({{*upstream::parse_ip("127.0.0.1", server.port()), "", 1}})) {
      clusters->at(0).update(set);
    }
  }
  Verdict ask() {
    Verdict verdict = Verdict::proceed;
    reactor.run_turn([&] {
      verdict = filter->on_response(exchange);
      exchange.held = verdict == Verdict::hold;
    });
    return verdict;
  }
  /// Serve `n` calls, each with the next answer.
  void answer(std::initializer_list<const char*> answers) {
    for (const char* text : answers) {
      sockets.push_back(server.accept(io));
      static_cast<void>(test::receive(io, sockets.back()));
      sockets.back().send(text);
    }
  }
  bool released() {
    return run_until(io, [&] { return exchange.resumed == 1; });
  }
  std::string header(std::string_view name) {
    const http::Field* field = exchange.response().find(name);
    return field == nullptr ? "-" : std::string(exchange.response().value(*field));
  }

  boost::asio::io_context io{1};
  net::Reactor reactor{io};
  ScriptedServer server;
  DispatchConfig config;
  config::Cluster cluster_config;
  upstream::CircuitBreaker breaker;
  stats::ClusterStats cluster_stats;
  upstream::HostTable hosts{1};
  upstream::CallPool calls;
  std::optional<upstream::ClusterManager> clusters;
  std::optional<DispatchFilter> filter;
  HeldExchange exchange;
  std::vector<Socket> sockets;
};

DispatchConfig count(std::uint32_t n, DispatchConfig::OnFailure on_failure = {}) {
  DispatchConfig config;
  config.count = n;
  config.on_failure = on_failure;
  return config;
}

TEST_CASE("a held response resumes after the last of N replies", "[filters]") {
  Fixture f(count(3));
  REQUIRE(f.ask() == Verdict::hold);
  f.answer({kOk, kOk});
  CHECK(f.exchange.resumed == 0);
  CHECK(f.header("total-dispatched") == "-");
  f.answer({kOk});
  REQUIRE(f.released());
  CHECK(f.header("total-dispatched") == "3");
  CHECK(f.exchange.slot(0) == nullptr);
}

TEST_CASE("a count of 0 holds nothing", "[filters]") {
  Fixture f(count(0));
  CHECK(f.ask() == Verdict::proceed);
  CHECK(f.header("total-dispatched") == "-");
}

TEST_CASE("failed replies: counted, marked, or an error", "[filters]") {
  using OnFailure = DispatchConfig::OnFailure;
  SECTION("count: has arrived, as in the original") {
    Fixture f(count(2, OnFailure::count));
    REQUIRE(f.ask() == Verdict::hold);
    f.answer({kError, kOk});
    REQUIRE(f.released());
    CHECK(f.header("total-dispatched") == "2");
    CHECK(f.header("x-dispatch-failed") == "-");
  }
  SECTION("mark") {
    Fixture f(count(3, OnFailure::mark));
    REQUIRE(f.ask() == Verdict::hold);
    f.answer({kError, "garbage\r\n\r\n", kOk});
    REQUIRE(f.released());
    CHECK(f.header("total-dispatched") == "3");
    CHECK(f.header("x-dispatch-failed") == "2");
  }
  SECTION("error") {
    Fixture f(count(1, OnFailure::error));
    REQUIRE(f.ask() == Verdict::hold);
    f.answer({kError});
    REQUIRE(f.released());
    CHECK(f.exchange.response().status == 502);
    CHECK(f.exchange.replaced_with == "side request failed");
    CHECK(f.exchange.details == "dispatch_failed");
    CHECK(f.header("x-dispatch-failed") == "1");
  }
  SECTION("error, and all went well") {
    Fixture f(count(1, OnFailure::error));
    REQUIRE(f.ask() == Verdict::hold);
    f.answer({kOk});
    REQUIRE(f.released());
    CHECK(f.exchange.response().status == 200);
  }
}

TEST_CASE("no endpoint: nothing to wait for", "[filters]") {
  Fixture f(count(3, DispatchConfig::OnFailure::mark));
  f.clusters->at(0).update(f.hosts.update({}));
  CHECK(f.ask() == Verdict::proceed);
  CHECK(f.header("total-dispatched") == "3");
  CHECK(f.header("x-dispatch-failed") == "3");
}

TEST_CASE("calls beyond max_in_flight fail at once", "[filters]") {
  DispatchConfig config = count(3, DispatchConfig::OnFailure::mark);
  config.max_in_flight = 1;
  Fixture f(config);
  REQUIRE(f.ask() == Verdict::hold);
  f.answer({kOk});
  REQUIRE(f.released());
  CHECK(f.header("x-dispatch-failed") == "2");
}

TEST_CASE("the hold's limit is max_hold, or else the route's timeout", "[filters]") {
  DispatchConfig config = count(1);
  SECTION("max_hold") {
    config.max_hold = std::chrono::milliseconds(700);
    Fixture f(config);
    f.exchange.set_route_timeout(std::chrono::milliseconds(15'000));
    REQUIRE(f.ask() == Verdict::hold);
    CHECK(f.exchange.hold_limit() == std::chrono::milliseconds(700));
  }
  SECTION("route") {
    Fixture f(config);
    f.exchange.set_route_timeout(std::chrono::milliseconds(15'000));
    REQUIRE(f.ask() == Verdict::hold);
    CHECK(f.exchange.hold_limit() == std::chrono::milliseconds(15'000));
  }
}

TEST_CASE("when the limit passes, calls still out are failed and cancelled", "[filters]") {
  Fixture f(count(2, DispatchConfig::OnFailure::mark));
  REQUIRE(f.ask() == Verdict::hold);
  f.answer({kOk});
  Socket silent = f.server.accept(f.io);
  static_cast<void>(test::receive(f.io, silent));
  REQUIRE(run_until(f.io, [&] { return f.cluster_stats.upstream_rq_active.get() == 1; }));
  f.reactor.run_turn([&] { CHECK(f.filter->on_hold_expired(f.exchange).count() == 0); });
  CHECK(f.header("total-dispatched") == "2");
  CHECK(f.header("x-dispatch-failed") == "1");
  CHECK(test::receive(f.io, silent).empty());
  CHECK(f.cluster_stats.upstream_rq_active.get() == 0);
  CHECK(f.exchange.resumed == 0);  // The server resumes.
}

TEST_CASE("when the client leaves, calls still out are cancelled", "[filters]") {
  Fixture f(count(2));
  REQUIRE(f.ask() == Verdict::hold);
  Socket one = f.server.accept(f.io);
  Socket two = f.server.accept(f.io);
  static_cast<void>(test::receive(f.io, one));
  static_cast<void>(test::receive(f.io, two));
  f.reactor.run_turn([&] {
    f.filter->on_end(f.exchange);
    f.exchange.end();
  });
  CHECK(f.exchange.slot(0) == nullptr);
  const auto closed = [&] {
    return f.cluster_stats.upstream_rq_active.get() == 0 && f.breaker.connections.count() == 0;
  };
  CHECK(run_until(f.io, closed));
  CHECK(f.exchange.resumed == 0);
}

TEST_CASE("side requests on one connection", "[filters]") {
  DispatchConfig config = count(5, DispatchConfig::OnFailure::mark);
  config.max_pipelined = 3;
  Fixture f(config);
  REQUIRE(f.ask() == Verdict::hold);
  const std::string answer = kOk;
  SECTION("all answered: three and two") {
    f.answer({(answer + answer + answer).c_str(), (answer + answer).c_str()});
    REQUIRE(f.released());
    CHECK(f.cluster_stats.upstream_cx_total.get() == 2);
  }
  SECTION("one connection ends early: its last two are asked again") {
    f.answer({kOk});
    f.sockets.back().close();
    Socket other = f.server.accept(f.io);
    static_cast<void>(test::receive(f.io, other));
    f.answer({kOk, kOk});
    other.send(answer + answer);
    REQUIRE(f.released());
    CHECK(f.cluster_stats.upstream_cx_total.get() == 4);
  }
  CHECK(f.header("total-dispatched") == "5");
  CHECK(f.header("x-dispatch-failed") == "-");
}

TEST_CASE("the limit passes while pipelined calls are out", "[filters]") {
  DispatchConfig config = count(3, DispatchConfig::OnFailure::mark);
  config.max_pipelined = 3;
  Fixture f(config);
  REQUIRE(f.ask() == Verdict::hold);
  f.answer({kOk});
  REQUIRE(run_until(f.io, [&] { return f.cluster_stats.upstream_rq_active.get() == 2; }));
  f.reactor.run_turn([&] { CHECK(f.filter->on_hold_expired(f.exchange).count() == 0); });
  CHECK(f.header("total-dispatched") == "3");
  CHECK(f.header("x-dispatch-failed") == "2");
  CHECK(test::receive(f.io, f.sockets.back()).empty());
}

TEST_CASE("a filter serves one response after the other with what it has", "[filters]") {
  Fixture f(count(2));
  for (int round = 0; round < 3; ++round) {
    REQUIRE(f.ask() == Verdict::hold);
    if (round == 0) {
      f.answer({kOk, kOk});
    } else {
      for (Socket& socket : f.sockets) {
        static_cast<void>(test::receive(f.io, socket));
        socket.send(kOk);
      }
    }
    REQUIRE(f.released());
    f.exchange.resumed = 0;
  }
  CHECK(f.cluster_stats.upstream_cx_total.get() == 2);
}

}  // namespace
}  // namespace holdfast::filters
