#include "net/stream.hpp"

#include <fcntl.h>

#include <cerrno>
#include <string>

#include "catch.hpp"
#include "net/socket_pair.hpp"

namespace holdfast::net {
namespace {

using test::run_until;
using test::socket_pair;

/// Reads all it gets.
class Reader final : public Stream {
 public:
  using Stream::backlog;
  using Stream::close;
  using Stream::open;
  using Stream::reset;
  using Stream::shutdown_write;
  using Stream::Stream;
  using Stream::write;

  void on_io(std::uint32_t events) noexcept override {
    absorb(events);
    if (!flush()) broken = true;
    while (is_open() && readable()) {
      const ReadResult result = read(reactor().read_buffer());
      ++reads;
      if (result.state == ReadState::data) got.append(reactor().read_buffer().data(), result.size);
      if (result.state == ReadState::eof) eof = true;
      if (result.state == ReadState::error) broken = true;
      if (result.state != ReadState::data) return;
    }
  }
  std::string got;
  bool eof = false;
  bool broken = false;
  int reads = 0;
};

struct Loop {
  Loop() { reactor.start(); }
  asio::io_context io{1};
  Reactor reactor{io};
};

TEST_CASE("bytes and the end that come in one edge are both seen", "[net]") {
  // The trap of readiness sets that stop after a short read: the FIN was announced with the bytes,
  // and no further edge comes.
  Loop loop;
  auto [client, server] = socket_pair();
  Reader reader(loop.reactor);
  client.send("last words");
  client.close();
  REQUIRE(reader.open(server.release()));
  CHECK(run_until(loop.io, [&] { return reader.eof; }));
  CHECK(reader.got == "last words");
}

TEST_CASE("a descriptor that epoll does not take is told, and closed", "[net]") {
  Loop loop;
  Reader reader(loop.reactor);
  const int fd = ::open("/dev/null", O_RDWR);  // EPERM stands for ENOMEM and ENOSPC.
  REQUIRE(fd >= 0);
  CHECK_FALSE(reader.open(fd));
  CHECK(errno == EPERM);
  CHECK_FALSE(reader.is_open());
  CHECK(::fcntl(fd, F_GETFD) == -1);
}

TEST_CASE("which errors of a connect are shortages of our own", "[net]") {
  for (const int error : {EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL}) {
    CHECK(is_resource_error(error));
  }
  for (const int error : {0, ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH}) {
    CHECK_FALSE(is_resource_error(error));
  }
}

TEST_CASE("a short read is not followed by another", "[net]") {
  Loop loop;
  auto [client, server] = socket_pair();
  Reader reader(loop.reactor);
  REQUIRE(reader.open(server.release()));
  client.send("one");
  CHECK(run_until(loop.io, [&] { return reader.got == "one"; }));
  client.send("two");
  CHECK(run_until(loop.io, [&] { return reader.got == "onetwo"; }));
  CHECK(reader.reads == 2);
}

TEST_CASE("what the socket does not take is queued and sent in order", "[net]") {
  Loop loop;
  auto [client, server] = socket_pair();
  Reader writer(loop.reactor);
  REQUIRE(writer.open(server.release()));
  std::string sent;
  for (int i = 0; i < 200; ++i) {
    const std::string part(64 * 1024, static_cast<char>('a' + i % 26));
    REQUIRE(writer.write(part));
    sent += part;
  }
  CHECK(writer.backlog() > 0);
  std::string received;
  while (received.size() < sent.size()) {
    received += client.receive();
    loop.io.restart();
    loop.io.poll();
  }
  CHECK(received == sent);
  CHECK(run_until(loop.io, [&] { return writer.backlog() == 0; }));
}

TEST_CASE("a reset is an error, not an end", "[net]") {
  Loop loop;
  auto [client, server] = socket_pair();
  Reader reader(loop.reactor);
  REQUIRE(reader.open(server.release()));
  const linger abort{1, 0};
  ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  client.close();
  CHECK(run_until(loop.io, [&] { return reader.broken; }));
  CHECK_FALSE(reader.eof);
}

TEST_CASE("closing in the middle of a turn drops events that wait in it", "[net]") {
  Loop loop;
  auto [client_a, server_a] = socket_pair();
  auto [client_b, server_b] = socket_pair();
  /// Whichever is told first closes the other.
  class Closer final : public Stream {
   public:
    using Stream::close;
    using Stream::open;
    using Stream::Stream;
    void on_io(std::uint32_t events) noexcept override {
      if ((events & EPOLLIN) == 0) return;
      ++told;
      other->close();
    }
    Closer* other = nullptr;
    int told = 0;
  };
  Closer a(loop.reactor), b(loop.reactor);
  a.other = &b;
  b.other = &a;
  client_a.send("x");
  client_b.send("x");
  REQUIRE(a.open(server_a.release()));
  REQUIRE(b.open(server_b.release()));
  CHECK(run_until(loop.io, [&] { return a.told + b.told > 0; }));
  CHECK(a.told + b.told == 1);
}

TEST_CASE("scheduled handlers and disposals run at the end of the turn", "[net]") {
  Loop loop;
  struct Once final : IoHandler {
    void on_io(std::uint32_t events) noexcept override {
      CHECK(events == 0);
      ++calls;
    }
    int calls = 0;
  } handler;
  struct Dying final : Disposable {
    void on_dispose() noexcept override { gone = true; }
    bool gone = false;
  } dying;
  loop.reactor.run_turn([&] {
    loop.reactor.schedule(handler);
    loop.reactor.schedule(handler);
    loop.reactor.dispose(dying);
    CHECK(handler.calls == 0);
    CHECK_FALSE(dying.gone);
  });
  CHECK(handler.calls == 1);
  CHECK(dying.gone);
  loop.reactor.schedule(handler);  // Outside a turn: a turn is made for it.
  CHECK(run_until(loop.io, [&] { return handler.calls == 2; }));
}

TEST_CASE("the reactor wakes for timers, also for one earlier than it slept for", "[net]") {
  Loop loop;
  struct Probe final : Timer {
    void on_timer() noexcept override { fired = true; }
    bool fired = false;
  } late, early;
  loop.reactor.run_turn(
      [&] { loop.reactor.timers().set(late, loop.reactor.after(std::chrono::hours(1))); });
  loop.reactor.run_turn(
      [&] { loop.reactor.timers().set(early, loop.reactor.after(std::chrono::milliseconds(20))); });
  CHECK(run_until(loop.io, [&] { return early.fired; }));
  CHECK_FALSE(late.fired);
}

TEST_CASE("the date is an IMF-fixdate", "[net]") {
  Loop loop;
  const std::string date(loop.reactor.date());
  CHECK(date.size() == 29);
  CHECK(date.substr(25) == " GMT");
  CHECK(date[3] == ',');
}

}  // namespace
}  // namespace holdfast::net
