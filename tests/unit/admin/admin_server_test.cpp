// Connections, limits and ends of the admin server, over real sockets.
#include "admin/admin_server.hpp"

#include <string>

#include "admin_fixture.hpp"
#include "catch.hpp"

using namespace holdfast::admin;
using holdfast::admin::test::Client;
using holdfast::admin::test::Fixture;
using holdfast::admin::test::parse_reply;

namespace {

constexpr std::string_view kGet = "GET /ready HTTP/1.1\r\nhost: a\r\n\r\n";
constexpr std::string_view kEnd = "LIVE\n\r\n0\r\n\r\n";

/// Bounded: asks the server's thread until the count is reached.
bool has_connections(Fixture& f, std::size_t count) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (std::chrono::steady_clock::now() < limit) {
    if (f.on_server([&f] { return f.server().connections(); }) == count) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a connection is kept for the next request", "[admin]") {
  Fixture f;
  Client client(f.endpoint());
  for (int i = 0; i < 3; ++i) {
    client.send(kGet);
    const std::string reply = client.read_until(kEnd);
    CHECK(reply.find("connection:") == std::string::npos);
    CHECK(parse_reply(reply).body == "LIVE\n");
  }
  CHECK(f.on_server([&f] { return f.server().connections(); }) == 1);
}

TEST_CASE("pipelined requests are answered in order", "[admin]") {
  Fixture f;
  Client client(f.endpoint());
  client.send(std::string(kGet) + "GET /hot_restart_version HTTP/1.1\r\nhost: a\r\n\r\n" +
              std::string(kGet));
  client.read_until(kEnd);
  CHECK(client.read_until("0\r\n\r\n").find("disabled") != std::string::npos);
  client.read_until(kEnd);
}

TEST_CASE("a body is read and ignored", "[admin]") {
  Fixture f;
  CHECK(f.request("POST", "/healthcheck/fail", "filter=x").body == "OK\n");
  CHECK(f.get("/ready").body == "DRAINING\n");
}

TEST_CASE("HTTP/1.0 gets an unchunked answer and a close", "[admin]") {
  Fixture f;
  Client client(f.endpoint());
  client.send("GET /ready HTTP/1.0\r\n\r\n");
  const auto reply = parse_reply(client.read_all());
  CHECK(reply.status == 200);
  CHECK(reply.head.find("chunked") == std::string::npos);
  CHECK(reply.head.find("connection: close\r\n") != std::string::npos);
  CHECK(reply.body == "LIVE\n");
}

TEST_CASE("what is not HTTP is refused and closed", "[admin]") {
  Fixture f;
  AdminLimits limits;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"garbage\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
      {"GET /ready HTTP/1.1\r\nx: " + std::string(limits.max_head_bytes, 'a') + "\r\n\r\n",
       "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
      {"POST /ready HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999\r\n\r\n",
       "HTTP/1.1 413 Payload Too Large\r\n"},
  };
  for (const auto& [bytes, status] : cases) {
    Client client(f.endpoint());
    client.send(bytes);
    const std::string reply = client.read_all();
    CAPTURE(reply);
    CHECK(reply.starts_with(status));
    CHECK(reply.find("connection: close\r\n") != std::string::npos);
  }
  REQUIRE(has_connections(f, 0));
}

TEST_CASE("a client that says nothing, or not enough, is closed in time", "[admin]") {
  AdminLimits limits;
  limits.request_timeout = std::chrono::milliseconds(50);
  limits.idle_timeout = std::chrono::milliseconds(50);
  Fixture f(limits);
  Client silent(f.endpoint());
  CHECK(silent.read_all().empty());
  Client slow(f.endpoint());
  slow.send("GET /ready HTTP/1.1\r\nhost:");
  CHECK(slow.read_all().empty());
  Client idle(f.endpoint());
  idle.send(kGet);
  idle.read_until(kEnd);
  CHECK(idle.read_all().empty());
}

TEST_CASE("at the limit the oldest idle connection makes room", "[admin]") {
  AdminLimits limits;
  limits.max_connections = 2;
  Fixture f(limits);
  Client first(f.endpoint());
  first.send(kGet);
  first.read_until(kEnd);
  Client second(f.endpoint());
  second.send(kGet);
  second.read_until(kEnd);
  Client third(f.endpoint());
  third.send(kGet);
  third.read_until(kEnd);
  CHECK(first.read_all().empty());
  CHECK(f.on_server([&f] { return f.server().connections(); }) == 2);
  second.send(kGet);
  second.read_until(kEnd);
}

TEST_CASE("a client that leaves is forgotten", "[admin]") {
  Fixture f;
  {
    Client client(f.endpoint());
    client.send("GET /rea");
    REQUIRE(has_connections(f, 1));
  }
  CHECK(has_connections(f, 0));
}

TEST_CASE("stop() closes idle connections and refuses new ones", "[admin]") {
  Fixture f;
  Client client(f.endpoint());
  client.send(kGet);
  client.read_until(kEnd);
  f.on_server([&f] { f.server().stop(); });
  CHECK(client.read_all().empty());
  CHECK_THROWS_AS(Client(f.endpoint()), boost::system::system_error);
}

TEST_CASE("a server destroyed with open connections closes them", "[admin]") {
  auto f = std::make_unique<Fixture>();
  Client client(f->endpoint());
  client.send(kGet);
  client.read_until(kEnd);
  f.reset();
  CHECK(client.read_all().empty());
}

namespace {

/// More than the sockets' buffers take, so that the answer waits for its reader.
constexpr std::size_t kLarge = 32 * 1024 * 1024;

/// Asks for a large answer and reads only its beginning.
void begin_large_answer(Fixture& f, Client& client) {
  f.on_server([&f] { f.config_json = '"' + std::string(kLarge, 'x') + '"'; });
  client.send("GET /config_dump HTTP/1.1\r\nhost: a\r\n\r\n");
  client.read_until("transfer-encoding: chunked\r\n\r\n");
}

}  // namespace

TEST_CASE("a client that does not read its answer is closed in time", "[admin]") {
  AdminLimits limits;
  limits.write_timeout = std::chrono::milliseconds(100);
  Fixture f(limits);
  Client client(f.endpoint());
  begin_large_answer(f, client);
  CHECK(has_connections(f, 0));
}

TEST_CASE("at the limit an answer under way is not broken off", "[admin]") {
  AdminLimits limits;
  limits.max_connections = 1;
  Fixture f(limits);
  Client client(f.endpoint());
  begin_large_answer(f, client);
  Client second(f.endpoint());
  CHECK(second.read_all().empty());
  const std::string body = client.read_until("\r\n0\r\n\r\n");
  CHECK(body.size() > kLarge);
  client.send(kGet);
  client.read_until(kEnd);
}

TEST_CASE("stop() lets an answer under way end", "[admin]") {
  Fixture f;
  Client client(f.endpoint());
  begin_large_answer(f, client);
  f.on_server([&f] { f.server().stop(); });
  const std::string rest = client.read_all();
  CHECK(rest.size() > kLarge);
  CHECK(rest.ends_with("\r\n0\r\n\r\n"));
}

TEST_CASE("start() tells why it cannot bind", "[admin]") {
  Fixture f;
  boost::asio::io_context io;
  AdminServer second(io, AdminHooks{});
  CHECK(second.start(f.endpoint()) == boost::asio::error::address_in_use);
}

TEST_CASE("a page of another origin changes nothing", "[admin]") {
  struct Case {
    std::string host;
    std::string origin;
    bool taken;
  };
  const std::vector<Case> cases = {
      {"127.0.0.1:18001", "", true},
      {"proxy.example:18001", "", true},
      {"127.0.0.1:18001", "http://127.0.0.1:18001", true},
      {"[::1]:18001", "http://[::1]:18001", true},
      {"LocalHost:18001", "http://localhost:18001", true},
      {"127.0.0.1", "https://127.0.0.1", true},
      {"127.0.0.1:18001", "http://evil.example", false},
      {"127.0.0.1:18001", "http://127.0.0.1:8000", false},
      {"127.0.0.1:18001", "null", false},
      {"127.0.0.1:18001", "127.0.0.1:18001", false},
      // DNS rebinding: a name that was made to point here.
      {"evil.example:18001", "http://evil.example:18001", false},
      {"127.0.0.1.evil.example", "http://127.0.0.1.evil.example", false},
      {"[evil", "http://[evil", false},
      {"", "http://", false},
  };
  Fixture f;
  for (const Case& c : cases) {
    INFO(c.host << " from " << c.origin);
    f.request("POST", "/healthcheck/ok");
    Client client(f.endpoint());
    client.send("POST /healthcheck/fail HTTP/1.1\r\nhost: " + c.host + "\r\n" +
                (c.origin.empty() ? "" : "origin: " + c.origin + "\r\n") +
                "connection: close\r\n\r\n");
    CHECK(parse_reply(client.read_all()).status == (c.taken ? 200 : 403));
    CHECK(f.get("/ready").status == (c.taken ? 503 : 200));
  }
}

TEST_CASE("a page of another origin may read what its browser lets it", "[admin]") {
  Fixture f;
  Client client(f.endpoint());
  client.send("GET /ready HTTP/1.1\r\nhost: a\r\norigin: http://b\r\nconnection: close\r\n\r\n");
  const auto reply = parse_reply(client.read_all());
  CHECK(reply.status == 200);
  CHECK(reply.head.find("access-control-") == std::string::npos);
}
