#include "visits.hpp"

#include <array>

namespace holdfast::soak {
namespace {

bool one_in(Random& random, unsigned n) {
  return random() % n == 0;
}

std::string sized(std::string_view path, std::size_t size) {
  return std::string(path).append("/").append(std::to_string(size));
}

/// Of the kinds that always end well.
Ask ordinary(Random& random) {
  switch (random() % 8) {
    case 0:
      return {.kind = Kind::head, .target = sized("/big", random() % 100'000), .method = "HEAD"};
    case 1:
      return {.kind = Kind::post_sized, .method = "POST", .body = random() % 30'000};
    case 2:
      return {
          .kind = Kind::post_chunked, .method = "POST", .body = random() % 30'000, .chunked = true};
    case 3:
      return {.kind = Kind::big, .target = sized("/big", random() % 200'000)};
    case 4:
      return {.kind = Kind::chunked, .target = sized("/chunked", random() % 100'000)};
    case 5:
      if (one_in(random, 4)) {
        return {.kind = Kind::until_close, .target = sized("/until-close", random() % 20'000)};
      }
      [[fallthrough]];
    default:
      return {};
  }
}

awaitable<void> ordinary_visit(World& world, Random& random) {
  Client client(world, Kind::get);
  if (!co_await client.connect(world.ports.main)) co_return;
  for (unsigned left = 1 + random() % 30; left > 0; --left) {
    Ask ask = ordinary(random);
    ask.close = left == 1 && one_in(random, 2);
    if (!co_await client.ask(ask)) co_return;
  }
}

/// Responses held by N side requests, and whether they say so.
awaitable<void> held_visit(World& world, Random& random) {
  const unsigned calls = random() % (kMostCalls + 1);
  const std::string note = std::to_string(calls);
  Client client(world, Kind::held);
  if (!co_await client.connect(static_cast<std::uint16_t>(world.ports.held + calls))) co_return;
  for (unsigned left = 1 + random() % 10; left > 0; --left) {
    std::uint32_t id = 0;
    const Ask ask{.kind = Kind::held, .target = sized("/big", random() % 20'000)};
    co_await client.wire().write(client.head_of(ask, id));
    const Answer answer = co_await client.read_answer(false);
    if (!client.enter(id, Kind::held, answer)) co_return;
    const auto said = field(answer.head, "total-dispatched");
    if (calls == 0 ? said.has_value() : said != note) client.complain("wrong " + answer.head);
  }
}

/// Several requests in one write; `broken` is the place of one whose response breaks off.
awaitable<void> pipelined_visit(World& world, Random& random, bool cut) {
  const Kind kind = cut ? Kind::pipelined_cut : Kind::pipelined;
  Client client(world, kind);
  if (!co_await client.connect(world.ports.main)) co_return;
  const unsigned count = 2 + random() % 7;
  const unsigned broken = cut ? random() % count : count;
  std::array<std::uint32_t, 8> ids{};
  std::string all;
  for (unsigned i = 0; i < count; ++i) {
    const Ask good{.kind = kind, .target = sized("/big", random() % 3'000)};
    const Ask bad{.kind = Kind::half, .target = sized("/half", 100'000 + random() % 100)};
    all += client.head_of(i == broken ? bad : good, ids[i]);
  }
  co_await client.wire().write(all);
  bool open = true;
  for (unsigned i = 0; i < count; ++i) {
    if (open) {
      const Answer answer = co_await client.read_answer(false);
      open = client.enter(ids[i], i == broken ? Kind::half : kind, answer);
    } else {
      world.ledger.close(ids[i], Outcome::unserved);
    }
  }
}

/// Dribbles its request and takes the answer in sips.
awaitable<void> slow_visit(World& world, Random& random) {
  Client client(world, Kind::slow_client);
  if (!co_await client.connect(world.ports.main, 4096)) co_return;
  std::uint32_t id = 0;
  const Ask ask{.kind = Kind::slow_client, .target = sized("/big", 100'000 + random() % 500'000)};
  const std::string head = client.head_of(ask, id);
  const std::size_t piece = 1 + random() % 30;
  for (std::size_t at = 0; at < head.size(); at += piece) {
    co_await client.wire().write(std::string_view(head).substr(at, piece));
    co_await client.wire().sleep(milliseconds(random() % 5));
  }
  client.wire().read_slowly(16'384, milliseconds(1 + random() % 4));
  client.enter(id, Kind::slow_client, co_await client.read_answer(false));
}

/// One request that ends in a way of its own.
awaitable<void> single_visit(World& world, Random& random, Ask ask) {
  Client client(world, ask.kind);
  if (!co_await client.connect(world.ports.main)) co_return;
  for (unsigned left = 1 + random() % 3; left > 0; --left) {
    if (!co_await client.ask(ask)) co_return;
  }
}

awaitable<void> unsteady_visit(World& world, Random& random, Kind kind, std::string_view prefix) {
  Client client(world, kind);
  if (!co_await client.connect(world.ports.main)) co_return;
  for (unsigned left = 1 + random() % 10; left > 0; --left) {
    Ask ask{.kind = kind, .target = std::string(prefix) + sized("/big", random() % 50'000)};
    if (one_in(random, 4)) {
      ask.target = std::string(prefix) + "/ok";
      ask.method = "POST";
      ask.body = random() % 20'000;
      ask.chunked = one_in(random, 2);
    }
    if (!co_await client.ask(ask)) co_return;
  }
}

/// Sends what is no request (or never becomes one) and is told so.
awaitable<void> refused_visit(World& world, Random& random) {
  static constexpr std::array<std::string_view, 5> kMalformed{
      "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\r\nbad name: b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx"};
  const bool late = one_in(random, 20);
  const Kind kind = late ? Kind::late_head : Kind::malformed;
  Client client(world, kind);
  if (!co_await client.connect(world.ports.main)) co_return;
  const std::uint32_t id = world.ledger.open(kind);
  co_await client.wire().write(late ? "GET / HTTP/1.1\r\nHost: a\r\nX-" : kMalformed[random() % 5]);
  client.enter(id, kind, co_await client.read_answer(false));
}

awaitable<void> abort_in_head(World& world, Random& random) {
  Client client(world, Kind::abort_in_head);
  if (!co_await client.connect(world.ports.main)) co_return;
  const std::uint32_t id = world.ledger.open(Kind::abort_in_head);
  const std::string_view head = "GET /ok HTTP/1.1\r\nHost: a\r\nX-Something: else\r\n";
  co_await client.wire().write(head.substr(0, random() % head.size()));
  if (one_in(random, 2)) co_await client.wire().sleep(milliseconds(random() % 10));
  client.leave(one_in(random, 2));
  world.ledger.close(id, Outcome::unbegun);
}

awaitable<void> abort_in_body(World& world, Random& random) {
  Client client(world, Kind::abort_in_body);
  if (!co_await client.connect(world.ports.main)) co_return;
  std::uint32_t id = 0;
  Ask ask{.kind = Kind::abort_in_body, .method = "POST", .body = 100'000};
  std::string bytes = client.head_of(ask, id);
  kPattern.append(bytes, 0, random() % 100'000);
  co_await client.wire().write(bytes);
  if (one_in(random, 2)) co_await client.wire().sleep(milliseconds(random() % 10));
  client.leave(one_in(random, 2));
  world.ledger.close(id, Outcome::aborted);
}

awaitable<void> abort_held(World& world, Random& random) {
  Client client(world, Kind::abort_held);
  if (!co_await client.connect(world.ports.held_for_ever)) co_return;
  std::uint32_t id = 0;
  const Ask ask{.kind = Kind::abort_held};
  co_await client.wire().write(client.head_of(ask, id));
  co_await client.wire().sleep(milliseconds(random() % 100));
  client.leave(one_in(random, 2));
  world.ledger.close(id, Outcome::aborted);
}

awaitable<void> abort_in_response(World& world, Random& random) {
  Client client(world, Kind::abort_in_response);
  if (!co_await client.connect(world.ports.main, 8192)) co_return;
  std::uint32_t id = 0;
  const Ask ask{.kind = Kind::abort_in_response, .target = sized("/big", 20'000'000)};
  co_await client.wire().write(client.head_of(ask, id));
  const auto head = co_await client.wire().read_until("\r\n\r\n");
  if (!head) client.complain("no answer to leave");
  co_await client.wire().skip(random() % 200'000, 0, true);
  client.leave(one_in(random, 2));
  world.ledger.close(id, Outcome::aborted, head ? 200 : 0);
}

awaitable<void> bad_upstream(World& world, Random& random) {
  switch (random() % 8) {
    case 0:
      return single_visit(world, random, {.kind = Kind::reset, .target = "/reset"});
    case 1:
      return single_visit(world, random, {.kind = Kind::reset, .target = "/quit"});
    case 2:
      return single_visit(world, random, {.kind = Kind::half_head, .target = "/half-head"});
    case 3:
      return single_visit(world, random,
                          {.kind = Kind::half, .target = sized("/half", random() % 100'000 + 10)});
    case 4:
      return single_visit(world, random, {.kind = Kind::garbage, .target = "/garbage"});
    case 5:
      return single_visit(world, random, {.kind = Kind::surplus, .target = "/surplus"});
    case 6:
      return single_visit(world, random,
                          {.kind = Kind::slow_upstream, .target = sized("/slow", random() % 50)});
    default:
      return single_visit(world, random, {.kind = Kind::never, .target = "/never"});
  }
}

awaitable<void> abort(World& world, Random& random) {
  switch (random() % 4) {
    case 0:
      return abort_in_head(world, random);
    case 1:
      return abort_in_body(world, random);
    case 2:
      return abort_held(world, random);
    default:
      return abort_in_response(world, random);
  }
}

}  // namespace

awaitable<void> visit(World& world, Random& random) {
  const unsigned dice = random() % 100;
  if (dice < 30) return ordinary_visit(world, random);
  if (dice < 50) return held_visit(world, random);
  if (dice < 58) return pipelined_visit(world, random, false);
  if (dice < 60) return pipelined_visit(world, random, true);
  if (dice < 63) return slow_visit(world, random);
  if (dice < 71) return unsteady_visit(world, random, Kind::churn, "/churn");
  if (dice < 75) return unsteady_visit(world, random, Kind::dns, "/dns");
  if (dice < 82) return bad_upstream(world, random);
  if (dice < 84) return single_visit(world, random, {.kind = Kind::no_route, .target = "/else"});
  if (dice < 86) return single_visit(world, random, {.kind = Kind::direct, .target = "/direct"});
  if (dice < 91) return refused_visit(world, random);
  return abort(world, random);
}

}  // namespace holdfast::soak
