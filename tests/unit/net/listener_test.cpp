#include "net/listener.hpp"

#include <netinet/tcp.h>
#include <sys/resource.h>

#include <algorithm>
#include <future>
#include <vector>

#include "catch.hpp"
#include "net/socket_pair.hpp"
#include "net/worker.hpp"

namespace holdfast::net {
namespace {

using test::run_until;
using test::Socket;

Socket connect_to(std::uint16_t port) {
  Socket client(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  REQUIRE(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  return client;
}

TEST_CASE("port 0 picks a port, which a second socket may share", "[net]") {
  BoundAddress bound;
  std::string error;
  const Socket first(bind_listener("127.0.0.1", 0, {}, bound, error));
  REQUIRE(first.get() >= 0);
  CHECK(port_of(bound) != 0);
  CHECK(address_text(reinterpret_cast<sockaddr*>(&bound.storage)) ==
        "127.0.0.1:" + std::to_string(port_of(bound)));
  BoundAddress again;
  const Socket second(bind_listener("127.0.0.1", port_of(bound), {}, again, error));
  CHECK(second.get() >= 0);
  const Socket third(
      bind_listener("127.0.0.1", port_of(bound), {.reuse_port = false}, again, error));
  CHECK(third.get() < 0);
  CHECK(error ==
        "cannot bind '127.0.0.1:" + std::to_string(port_of(bound)) + "': Address already in use");
}

TEST_CASE("what is accepted sends without delay", "[net]") {
  BoundAddress bound;
  std::string error;
  const Socket listener(bind_listener("127.0.0.1", 0, {}, bound, error));
  const Socket client = connect_to(port_of(bound));
  const Socket accepted(::accept4(listener.get(), nullptr, nullptr, 0));
  REQUIRE(accepted.get() >= 0);
  int value = 0;
  socklen_t size = sizeof value;
  REQUIRE(::getsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &value, &size) == 0);
  CHECK(value == 1);
}

TEST_CASE("a stopped listener hears no more of a socket that others still have", "[net]") {
  asio::io_context io(1);
  Reactor reactor(io);
  reactor.start();
  BoundAddress bound;
  std::string error;
  const int fd = bind_listener("127.0.0.1", 0, {}, bound, error);
  const Socket other(::dup(fd));
  auto listener = std::make_unique<Listener>(
      reactor, fd, [](int, const sockaddr_storage&) { return true; }, [](int) {});
  REQUIRE(listener->start());
  listener->stop();
  listener.reset();
  const Socket client = connect_to(port_of(bound));
  io.run_for(
      std::chrono::milliseconds(50));  // An event for the one that is gone would be seen here.
  const Socket accepted(::accept4(other.get(), nullptr, nullptr, 0));
  CHECK(accepted.get() >= 0);
  reactor.stop();
}

TEST_CASE("IPv6 and malformed addresses", "[net]") {
  BoundAddress bound;
  std::string error;
  const Socket v6(bind_listener("::1", 0, {}, bound, error));
  REQUIRE(v6.get() >= 0);
  CHECK(address_text(reinterpret_cast<sockaddr*>(&bound.storage)).starts_with("[::1]:"));
  CHECK(address_text(reinterpret_cast<sockaddr*>(&bound.storage), false) == "::1");
  CHECK(bind_listener("nowhere", 1, {}, bound, error) == -1);
  CHECK(error == "malformed IP address: nowhere");
}

TEST_CASE("out of descriptors: told, and taken up again when there are some", "[net]") {
  asio::io_context io(1);
  Reactor reactor(io);
  reactor.start();
  BoundAddress bound;
  std::string error;
  const int fd = bind_listener("127.0.0.1", 0, {}, bound, error);
  REQUIRE(fd >= 0);
  std::vector<Socket> accepted;
  std::vector<int> errors;
  Listener listener(
      reactor, fd,
      [&](int taken, const sockaddr_storage&) {
        accepted.emplace_back(taken);
        return true;
      },
      [&](int code) { errors.push_back(code); });
  REQUIRE(listener.start());
  std::vector<Socket> clients;
  clients.push_back(connect_to(port_of(bound)));
  clients.push_back(connect_to(port_of(bound)));

  rlimit saved{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &saved) == 0);
  const rlimit none{0, saved.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  const bool refused = run_until(io, [&] { return !errors.empty(); });
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &saved) == 0);
  CHECK(refused);
  CHECK(run_until(io, [&] { return accepted.size() == 2; }));
  CHECK(std::ranges::all_of(errors, [](int code) { return code == EMFILE; }));
}

TEST_CASE("a handler that is busy for ever does not keep the timers waiting", "[net]") {
  asio::io_context io(1);
  Reactor reactor(io);
  reactor.start();
  struct Busy final : IoHandler {
    explicit Busy(Reactor& loop) : reactor(loop) {}
    void on_io(std::uint32_t) noexcept override {
      ++calls;
      const auto until = Clock::now() + std::chrono::milliseconds(20);
      while (Clock::now() < until) {
      }
      reactor.schedule(*this);
    }
    Reactor& reactor;
    int calls = 0;
  } busy(reactor);
  struct Probe final : Timer {
    void on_timer() noexcept override { fired = true; }
    bool fired = false;
  } probe;
  reactor.run_turn([&] {
    reactor.timers().set(probe, reactor.after(std::chrono::milliseconds(1)));
    reactor.schedule(busy);
  });
  CHECK(busy.calls <= 4);
  CHECK(run_until(io, [&] { return probe.fired; }));
  CHECK(busy.calls <= 8);
  busy.unlink();
}

TEST_CASE("a worker runs what other threads post, each as a turn", "[net]") {
  Worker worker(3);
  worker.start();
  struct Probe final : Timer {
    explicit Probe(std::promise<void>& promise) : done(promise) {}
    void on_timer() noexcept override { done.set_value(); }
    std::promise<void>& done;
  };
  std::promise<void> fired;
  Probe probe(fired);
  worker.run_and_wait([&] {
    worker.reactor().timers().set(probe, worker.reactor().after(std::chrono::milliseconds(1)));
  });
  CHECK(fired.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
  worker.stop_and_join();
  worker.stop_and_join();  // Harmless.
}

}  // namespace
}  // namespace holdfast::net
