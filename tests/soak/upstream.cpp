// The upstreams of the soak test: soak_upstream ROLE:PORT ...
//
// Roles: "stable" is always there; "churn" dies (all its connections with it), refuses for a while
// and comes back, again and again; "silent" takes requests and never answers. What a request gets
// stands in its path: /ok, /big/N, /chunked/N, /until-close/N, /slow/MS, /half/N (cut in the body),
// /half-head, /reset, /quit, /garbage, /surplus, /never. Bodies of requests must be the pattern's
// bytes, else 500. Ends with SIGTERM; prints how many requests came and which were malformed.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <list>
#include <random>
#include <vector>

#include "wire.hpp"

namespace holdfast::soak {
namespace {

constexpr std::size_t kPiece = 32UL * 1024;

std::size_t requests = 0;
std::size_t malformed = 0;

struct Request {
  std::string path;      ///< "/big"
  std::size_t argument;  ///< 1000 of "/big/1000"
  bool head = false;
  bool sound = true;  ///< Its body is what it should be.
};

std::string head_of(std::string_view framing, std::string_view more = "") {
  std::string head("HTTP/1.1 200 OK\r\nx-body: pattern\r\n");
  return head.append(framing).append(more).append("\r\n");
}

awaitable<bool> send_body(Wire& wire, std::size_t size, bool chunked) {
  std::string piece;
  for (std::size_t at = 0; at < size;) {
    const std::size_t length = std::min(kPiece, size - at);
    piece.clear();
    if (chunked) {
      std::array<char, 20> text;
      const int n = std::snprintf(text.data(), text.size(), "%zx\r\n", length);
      piece.append(text.data(), static_cast<std::size_t>(n));
    }
    kPattern.append(piece, at, length);
    if (chunked) piece.append("\r\n");
    if (!co_await wire.write(piece)) co_return false;
    at += length;
  }
  if (chunked) co_return co_await wire.write("0\r\n\r\n");
  co_return true;
}

awaitable<bool> send_sized(Wire& wire, const Request& request, std::size_t size) {
  std::string head = head_of("content-length: " + std::to_string(size) + "\r\n");
  if (size < kPiece && !request.head) {  // In one write, as servers do.
    kPattern.append(head, 0, size);
    co_return co_await wire.write(head);
  }
  if (!co_await wire.write(head)) co_return false;
  if (request.head) co_return true;
  co_return co_await send_body(wire, size, false);
}

/// Wait for the other side to go; what it sends is dropped.
awaitable<void> outlast(Wire& wire) {
  for (bool open = true; open;) {
    open = co_await wire.fill();
    wire.drop_input();
  }
}

/// The ways to fail. All end the connection.
awaitable<void> fail(Wire& wire, const Request& request) {
  if (request.path == "/half") {
    const std::size_t size = request.argument;
    co_await wire.write(head_of("content-length: " + std::to_string(size) + "\r\n"));
    if (!request.head) co_await send_body(wire, size / 2, false);
  } else if (request.path == "/half-head") {
    co_await wire.write("HTTP/1.1 200 OK\r\ncontent-le");
  } else if (request.path == "/garbage") {
    co_await wire.write("SSH-2.0-OpenSSH_9.2\r\n\r\n");
  } else if (request.path == "/never") {
    co_await outlast(wire);
  }
  if (request.path == "/reset" || (request.path == "/half" && request.argument % 2 == 0)) {
    wire.reset();
  } else {
    wire.close();
  }
}

/// False: the connection is over.
awaitable<bool> answer(Wire& wire, const Request& request) {
  const std::size_t size = request.argument;
  if (!request.sound) co_return co_await wire.write("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n");
  if (request.path == "/ok" ||
      request.path == "/") {  // The latter is what tests/bench/plugin asks for.
    co_return co_await send_sized(wire, request, 100);
  }
  if (request.path == "/big") co_return co_await send_sized(wire, request, size);
  if (request.path == "/chunked") {
    if (!co_await wire.write(head_of("transfer-encoding: chunked\r\n"))) co_return false;
    if (request.head) co_return true;
    co_return co_await send_body(wire, size, true);
  }
  if (request.path == "/slow") {
    co_await wire.sleep(milliseconds(size));
    co_return co_await send_sized(wire, request, 100);
  }
  if (request.path == "/until-close") {
    co_await wire.write(head_of("connection: close\r\n"));
    if (!request.head) co_await send_body(wire, size, false);
    co_return false;
  }
  if (request.path == "/surplus") {
    co_await wire.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok and more");
    co_return false;
  }
  co_await fail(wire, request);
  co_return false;
}

awaitable<std::optional<Request>> read_request(Wire& wire) {
  const auto head = co_await wire.read_until("\r\n\r\n");
  if (!head) co_return std::nullopt;
  ++requests;
  Request request;
  const std::size_t space = head->find(' ');
  const std::size_t end = head->find(" HTTP/1.1\r\n");
  if (space == std::string::npos || end == std::string::npos || end <= space) {
    ++malformed;
    std::fprintf(stderr, "soak_upstream: no request: %.200s\n", head->c_str());
    co_return std::nullopt;
  }
  request.head = head->starts_with("HEAD ");
  std::string_view target = std::string_view(*head).substr(space + 1, end - space - 1);
  for (const std::string_view route : {"/churn", "/dns"}) {
    if (target.starts_with(route)) target.remove_prefix(route.size());
  }
  const std::size_t slash = target.find('/', 1);
  request.path = target.substr(0, slash);
  request.argument = slash == std::string_view::npos ? 0 : number(target.substr(slash + 1));
  if (field(*head, "transfer-encoding")) {
    if (!co_await wire.skip_chunks(true)) co_return std::nullopt;
  } else if (const auto length = field(*head, "content-length")) {
    if (!co_await wire.skip(number(*length), 0, true)) co_return std::nullopt;
  }
  request.sound = !wire.garbled();
  co_return request;
}

/// One port and what is open on it.
struct Port {
  std::uint16_t number;
  bool silent;
  std::list<Wire> open;
};

awaitable<void> serve(Port& port, std::list<Wire>::iterator wire) {
  for (bool more = true; more;) {
    const auto request = co_await read_request(*wire);
    if (!request) break;
    if (port.silent) {
      co_await outlast(*wire);
      break;
    }
    more = co_await answer(*wire, *request);
  }
  port.open.erase(wire);
}

awaitable<void> accept_on(Port& port, tcp::acceptor& acceptor) {
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(kAsValues);
    if (error) co_return;
    socket.set_option(tcp::no_delay(true), error);
    port.open.emplace_back(std::move(socket));
    asio::co_spawn(acceptor.get_executor(), serve(port, std::prev(port.open.end())),
                   asio::detached);
  }
}

awaitable<void> pause(asio::io_context& io, unsigned ms) {
  asio::steady_timer timer(io, milliseconds(ms));
  co_await timer.async_wait(kAsValues);
}

awaitable<void> run_port(asio::io_context& io, Port& port, bool churn) {
  std::mt19937 random(port.number);
  for (;;) {
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::any(), port.number));
    if (!churn) co_return co_await accept_on(port, acceptor);
    asio::co_spawn(io, accept_on(port, acceptor), asio::detached);
    co_await pause(io, static_cast<unsigned>(200 + random() % 500));
    acceptor.close();
    for (Wire& wire : port.open) {
      if (random() % 2 == 0) {
        wire.reset();
      } else {
        wire.close();
      }
    }
    co_await pause(io, static_cast<unsigned>(50 + random() % 200));
  }
}

int run(const std::vector<std::string>& arguments) {
  asio::io_context io(1);
  std::list<Port> ports;
  for (const std::string& argument : arguments) {
    const std::size_t colon = argument.find(':');
    const std::string role = argument.substr(0, colon);
    ports.push_back({.number = static_cast<std::uint16_t>(number(argument.substr(colon + 1))),
                     .silent = role == "silent",
                     .open = {}});
    asio::co_spawn(io, run_port(io, ports.back(), role == "churn"), asio::detached);
  }
  asio::signal_set signals(io, SIGTERM, SIGINT);
  signals.async_wait([&io](const boost::system::error_code&, int) { io.stop(); });
  std::puts("ready");
  std::fflush(stdout);
  io.run();
  std::printf("%zu requests, %zu malformed\n", requests, malformed);
  return malformed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace holdfast::soak

int main(int argc, char** argv) {
  return holdfast::soak::run({argv + 1, argv + argc});
}
