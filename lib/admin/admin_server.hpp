// The admin server: HTTP/1.1 on its own address, for operators and probes.
//
// Owner: the server room; lives on the control thread's io_context, where all of it runs. At most
// kMaxConnections at a time (more are closed at once), each with limits on head, body and idle
// time, so that no client can hold memory or a socket for long. Handlers answer from memory and
// never block.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <memory>

#include "admin/hooks.hpp"

namespace holdfast::admin {

struct AdminLimits {
  std::size_t max_connections = 64;
  std::size_t max_head_bytes = 16 * 1024;
  std::size_t max_body_bytes = 64 * 1024;
  std::chrono::milliseconds request_timeout{
      10'000};  ///< From the first byte awaited to the whole request.
  std::chrono::milliseconds write_timeout{30'000};
  std::chrono::milliseconds idle_timeout{60'000};  ///< Between requests of a kept connection.
};

class AdminServer {
 public:
  AdminServer(boost::asio::io_context& io, AdminHooks hooks, AdminLimits limits = {});
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// Binds and begins to accept. On error nothing is bound.
  [[nodiscard]] boost::system::error_code start(const boost::asio::ip::tcp::endpoint& address);
  /// The address really bound (port 0 resolved). REQUIRES: start() succeeded.
  [[nodiscard]] boost::asio::ip::tcp::endpoint local_endpoint() const;
  [[nodiscard]] std::size_t connections() const;
  /// Stops accepting and closes idle connections; the rest end with their answer.
  void stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;  ///< Shared with pending handlers, which outlive the server object.
};

}  // namespace holdfast::admin
