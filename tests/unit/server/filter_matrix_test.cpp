// Every way to stop, in every direction, for every kind of body, at each of several filters:
// nothing passes early, all of it passes after, and the connection serves the next request.
#include <string>

#include "filter_fixture.hpp"

namespace holdfast::server::test {
namespace {

enum class Body { none, length, chunked };
enum class Side { request, response };

std::string head_lines(Body body) {
  switch (body) {
    case Body::none:
      return "content-length: 0\r\n\r\n";
    case Body::length:
      return "content-length: 10\r\n\r\n";
    case Body::chunked:
      return "transfer-encoding: chunked\r\n\r\n";
  }
  return {};
}
std::string first_piece(Body body) {
  return body == Body::none ? "" : body == Body::length ? "01234" : "5\r\n01234\r\n";
}
std::string second_piece(Body body) {
  return body == Body::none ? "" : body == Body::length ? "56789" : "5\r\n56789\r\n0\r\n\r\n";
}
std::string end_of(Body body) {
  return body == Body::none ? "\r\n\r\n" : body == Body::length ? "56789" : "0\r\n\r\n";
}
/// The body of a message, whichever way it is delimited.
std::string body_of(const std::string& message) {
  const std::size_t head = message.find("\r\n\r\n");
  REQUIRE(head != std::string::npos);
  std::string rest = message.substr(head + 4);
  if (!has(message, "transfer-encoding: chunked")) return rest;
  std::string body;
  for (;;) {
    const std::size_t line = rest.find("\r\n");
    REQUIRE(line != std::string::npos);
    const std::size_t size = std::stoul(rest.substr(0, line), nullptr, 16);
    body += rest.substr(line + 2, size);
    rest.erase(0, line + 2 + size + 2);
    if (size == 0) return body;
  }
}

struct Plan {
  Side side;
  Body body;
  Verdict head;
  BodyVerdict piece;  ///< Until the test resumes it.
};

void set_up(FilterFixture& f, std::size_t which, const Plan& plan, bool& stopped) {
  ScriptedFilter& filter = f.filter(which);
  const auto on_head = [&](filters::Exchange&) { return plan.head; };
  const auto on_body = [&](filters::Exchange&, base::ByteQueue&, bool) {
    return stopped ? plan.piece : BodyVerdict::proceed;
  };
  (plan.side == Side::request ? filter.request : filter.response) = on_head;
  (plan.side == Side::request ? filter.request_body : filter.response_body) = on_body;
}

/// The head waits until there is a resume.
bool blocks_head(const Plan& plan) {
  if (plan.head == Verdict::proceed) return false;
  if (plan.head == Verdict::hold || plan.body == Body::none) return true;
  return plan.piece == BodyVerdict::buffer;  // hold_head: the body hook may let it go.
}

void resume(FilterFixture& f, std::size_t which, const Plan& plan, bool& stopped) {
  stopped = false;
  f.turn([&] {
    filters::Exchange* exchange = f.filter(which).exchange;
    if (exchange == nullptr) return;
    (plan.side == Side::request) ? exchange->continue_request(which)
                                 : exchange->continue_response(which);
  });
}

void check_request(FilterFixture& f, std::size_t which, const Plan& plan) {
  bool stopped = true;
  set_up(f, which, plan, stopped);
  f.send("PUT /up HTTP/1.1\r\nhost: h\r\n" + head_lines(plan.body) + first_piece(plan.body));
  if (plan.body != Body::none) f.send(second_piece(plan.body));
  if (blocks_head(plan)) CHECK(f.upstream_waits());
  resume(f, which, plan, stopped);
  const std::string sent = f.upstream_gets(end_of(plan.body));
  CHECK(body_of(sent) == (plan.body == Body::none ? "" : "0123456789"));
  f.upstream_sends("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  CHECK(f.client_gets("ok").starts_with("HTTP/1.1 200 OK\r\n"));
}

void check_response(FilterFixture& f, std::size_t which, const Plan& plan) {
  bool stopped = true;
  set_up(f, which, plan, stopped);
  f.send("GET /up HTTP/1.1\r\nhost: h\r\n\r\n");
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends("HTTP/1.1 200 OK\r\n" + head_lines(plan.body) + first_piece(plan.body));
  if (plan.body != Body::none) f.upstream_sends(second_piece(plan.body));
  if (blocks_head(plan)) CHECK(f.client_waits());
  resume(f, which, plan, stopped);
  const std::string got = f.client_gets(end_of(plan.body));
  CHECK(body_of(got) == (plan.body == Body::none ? "" : "0123456789"));
}

TEST_CASE("whatever a filter does with a message, it arrives whole and in order", "[body]") {
  const Side side = GENERATE(Side::request, Side::response);
  const Body body = GENERATE(Body::none, Body::length, Body::chunked);
  const Verdict head = GENERATE(Verdict::proceed, Verdict::hold, Verdict::hold_head);
  const BodyVerdict piece = GENERATE(BodyVerdict::proceed, BodyVerdict::buffer);
  const std::size_t filters = GENERATE(1U, 2U, 3U);
  const Plan plan{side, body, head, piece};
  for (std::size_t which = 0; which < filters; ++which) {
    CAPTURE(static_cast<int>(side), static_cast<int>(body), static_cast<int>(head),
            static_cast<int>(piece), filters, which);
    FilterFixture f(filters);
    for (int round = 0; round < 2; ++round) {  // The second: the same connections again.
      side == Side::request ? check_request(f, which, plan) : check_response(f, which, plan);
    }
    CHECK(f.stats.downstream_cx_total.get() == 1);
    CHECK(f.cluster_stats.upstream_cx_total.get() == 1);
    CHECK(f.stats.downstream_rq_active.get() == 0);
    CHECK(f.count("a.end") == 2);
  }
}

TEST_CASE("two filters hold the same message, one after the other", "[body]") {
  const Side side = GENERATE(Side::request, Side::response);
  const Verdict verdict = GENERATE(Verdict::hold, Verdict::hold_head);
  CAPTURE(static_cast<int>(side), static_cast<int>(verdict));
  FilterFixture f(2);
  const auto stop = [&](filters::Exchange&) { return verdict; };
  const auto keep = [](filters::Exchange&, base::ByteQueue&, bool) { return BodyVerdict::buffer; };
  for (const std::size_t i : {0U, 1U}) {
    (side == Side::request ? f.filter(i).request : f.filter(i).response) = stop;
    if (verdict == Verdict::hold) continue;
    (side == Side::request ? f.filter(i).request_body : f.filter(i).response_body) = keep;
  }
  f.send("PUT /up HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhello");
  const auto go_on = [&](std::size_t which) {
    f.turn([&] {
      (side == Side::request) ? f.filter(which).exchange->continue_request(which)
                              : f.filter(which).exchange->continue_response(which);
    });
  };
  if (side == Side::request) {
    go_on(0);
    CHECK(f.upstream_waits());
    go_on(1);
  }
  CHECK(f.upstream_gets("hello").ends_with("hello"));
  f.upstream_sends("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nworld");
  if (side == Side::response) {
    go_on(0);  // It has not even seen it.
    CHECK(f.client_waits());
    go_on(1);
    CHECK(f.client_waits());
    go_on(0);
  }
  CHECK(f.client_gets("world").ends_with("world"));
}

TEST_CASE("large bodies are read no further than the limit while they are held", "[body]") {
  const Side side = GENERATE(Side::request, Side::response);
  constexpr std::uint32_t kLimit = 16 * 1024;
  constexpr std::size_t kSize = 8 * 1024 * 1024;
  FilterFixture f(1, kLimit);
  f.cluster_config.per_connection_buffer_limit_bytes = kLimit;
  const std::string body(kSize, 'x');
  const std::string length = "content-length: " + std::to_string(kSize) + "\r\n\r\n";
  const auto push = [&](const Socket& socket, std::string_view& rest) {
    ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
    const ssize_t n = ::send(socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
    return n;
  };
  const auto hold = [](filters::Exchange&) { return Verdict::hold; };
  (side == Side::request ? f.filter().request : f.filter().response) = hold;
  f.send("PUT /up HTTP/1.1\r\nhost: h\r\n" +
         (side == Side::request ? length : std::string("content-length: 0\r\n\r\n")));
  const Socket* from = &f.client;
  if (side == Side::response) {
    static_cast<void>(f.upstream_gets("\r\n\r\n"));
    f.upstream_sends("HTTP/1.1 200 OK\r\n" + length);
    from = &f.peer;
  }
  std::string_view rest = body;
  // Until the proxy reads no more, and the kernel's buffers are full.
  for (int full = 0; full < 20;) {
    full = push(*from, rest) > 0 ? 0 : full + 1;
    f.settle();
  }
  CHECK(rest.size() > kSize / 4);
  f.turn([&] {
    (side == Side::request) ? f.filter().exchange->continue_request(0)
                            : f.filter().exchange->continue_response(0);
  });
  if (side == Side::request) f.peer = f.server.accept(f.io);
  const Socket& to = side == Side::request ? f.peer : f.client;
  std::size_t got = 0;
  const bool all = run_until(f.io, [&] {
    if (!rest.empty()) static_cast<void>(push(*from, rest));
    while (FilterFixture::has_input(to)) got += to.receive().size();
    return got >= kSize && rest.empty();
  });
  CHECK(all);
}

}  // namespace
}  // namespace holdfast::server::test
