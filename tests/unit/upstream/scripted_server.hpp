// A loopback upstream for tests of pools and calls: a listening socket whose connections the test
// serves by hand.
#pragma once

#include <string>

#include "net/socket_pair.hpp"

namespace holdfast::test {

/// What has arrived on `socket`, while the loop runs; empty at the end of the connection.
inline std::string receive(boost::asio::io_context& io, const Socket& socket) {
  const bool ready = run_until(io, [&] {
    pollfd p{socket.get(), POLLIN, 0};
    return ::poll(&p, 1, 0) == 1;
  });
  if (!ready) throw std::runtime_error("nothing arrived");
  return socket.receive();
}

class ScriptedServer {
 public:
  ScriptedServer() : listener_(listen_on_loopback(port_)) {}
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// The next connection, while the loop runs.
  Socket accept(boost::asio::io_context& io) {
    ::fcntl(listener_.get(), F_SETFL, O_NONBLOCK);
    int fd = -1;
    run_until(io, [&] { return (fd = ::accept4(listener_.get(), nullptr, nullptr, 0)) >= 0; });
    if (fd < 0) throw std::runtime_error("no connection came");
    return Socket(fd);
  }
  void stop() { listener_.close(); }
  [[nodiscard]] int descriptor() const { return listener_.get(); }

 private:
  std::uint16_t port_ = 0;
  Socket listener_;
};

}  // namespace holdfast::test
