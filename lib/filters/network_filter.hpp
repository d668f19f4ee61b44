// Filters of TCP connections: what sees a connection's bytes before they are passed on.
//
// A NetworkFilter is one configured filter on one worker (owner: the server's TcpContext); it makes
// a ConnectionFilter for each connection (owner: the connection's session). The server implements
// Connection. Thread: the worker's. A filter's answers in its hooks take effect when the hook has
// returned; what it asks of the Connection at other times, in a turn of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/byte_queue.hpp"
#include "config/config.hpp"
#include "filters/stream_info.hpp"

namespace holdfast::filters {

class WorkerPlugins;

class Connection {
 public:
  virtual ~Connection() = default;
  /// Of an HTTP exchange only what a connection has.
  [[nodiscard]] virtual StreamInfo info() noexcept = 0;
  /// What the filter with that index has stopped (the connection's begin, or the client's bytes)
  /// goes on with the next filter. Nothing, when it has stopped nothing.
  virtual void continue_reading(std::size_t filter) noexcept = 0;
  /// The same, and the upstream's bytes that it has stopped.
  virtual void let_go(std::size_t filter) noexcept = 0;
  /// Ends both connections, when what waits for the client has been sent.
  virtual void close() noexcept = 0;
  /// The tcp_proxy is to take that cluster instead of its own. The last word counts that is said
  /// before all filters have let the connection begin.
  virtual void choose_cluster(std::string_view name) = 0;
  /// Likewise. REQUIRES: more than 0.
  virtual void set_idle_timeout(std::chrono::milliseconds timeout) noexcept = 0;
};

enum class ConnectionSide : std::uint8_t { client, upstream };
enum class ConnectionVerdict : std::uint8_t { go_on, stop };

/// One filter's view of one connection. Destroyed after on_close(), or without it when the worker
/// ends.
class ConnectionFilter {
 public:
  virtual ~ConnectionFilter() = default;
  /// While it is stopped nothing is read from the client, and there is no upstream connection.
  [[nodiscard]] virtual ConnectionVerdict on_new_connection() noexcept = 0;
  /// `data`: all that has come and has not been passed on; the filter may change it. `end`: nothing
  /// comes after it. When stopped, all filters are asked again when there is more; of the client's
  /// bytes also by continue_reading().
  [[nodiscard]] virtual ConnectionVerdict on_data(ConnectionSide from, base::ByteQueue& data,
                                                  bool end) noexcept = 0;
  /// The connection has been closed, by the client or else by us. The last call.
  virtual void on_close(bool by_client) noexcept = 0;
};

class NetworkFilter {
 public:
  virtual ~NetworkFilter() = default;
  /// Null: the connection passes without this filter.
  [[nodiscard]] virtual std::unique_ptr<ConnectionFilter> open(Connection& connection,
                                                               std::size_t index) = 0;
};

/// The running filter. REQUIRES: the configuration has been prepared.
[[nodiscard]] std::unique_ptr<NetworkFilter> make_network_filter(const config::Extension& filter,
                                                                 WorkerPlugins* plugins);

}  // namespace holdfast::filters
