// The accept loop of one worker on one listening socket, and how listening sockets are made.
//
// Owner: server/worker_runtime. Thread: the worker's. Backs off for 100
// ms when the process is out of descriptors or memory instead of spinning, and tells of each time.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <string>

#include "net/reactor.hpp"

namespace holdfast::net {

/// A bound address, as given to accepted connections for logs and matching.
struct BoundAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

struct BindOptions {
  bool reuse_port = true;
  int backlog = SOMAXCONN;
};

[[nodiscard]] std::uint16_t port_of(const BoundAddress& address) noexcept;

/// Create, bind and listen; -1 and `error` text on failure. `address` is an IP literal; port 0
/// picks one, which `bound` then tells.
[[nodiscard]] int bind_listener(const std::string& address, std::uint16_t port,
                                const BindOptions& options, BoundAddress& bound,
                                std::string& error);

/// "1.2.3.4:80" or "[::1]:80"; numeric host alone with `port` false.
[[nodiscard]] std::string address_text(const sockaddr* address, bool port = true);
/// The same for the near end of a socket; empty if the kernel does not say.
[[nodiscard]] std::string local_address_text(int fd);

class Listener final : public IoHandler {
 public:
  /// Takes a connected, non-blocking socket; must close it if it does not want it. False: it wanted
  /// it, but something has run out, so the next ones wait in the kernel's queue for a while.
  using OnAccept = std::function<bool(int fd, const sockaddr_storage& peer)>;
  using OnError = std::function<void(int error)>;
  /// So that a connection storm leaves time for those already here.
  static constexpr std::uint32_t kAcceptsPerTurn = 64;

  Listener(Reactor& reactor, int fd, OnAccept on_accept, OnError on_error,
           std::uint32_t accepts_per_turn = kAcceptsPerTurn);
  ~Listener() override;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] bool start() noexcept;
  /// Accepts those who are in the kernel's queue already (they would be reset), then stop().
  void drain() noexcept;
  void stop() noexcept;  ///< Closes the socket: the kernel refuses new connections.

 private:
  void on_io(std::uint32_t events) noexcept override;
  void resume() noexcept;

  // Constant after construction.
  Reactor& reactor_;
  OnAccept on_accept_;
  OnError on_error_;
  const std::uint32_t accepts_per_turn_;
  // Touched only on the worker.
  int fd_;
  MemberTimer<&Listener::resume> back_off_;
};

}  // namespace holdfast::net
