// The network filters of one TCP connection, and the bytes that wait for their verdicts.
//
// Owner: its TcpSession, which has one when its listener has filters. Thread: the worker's. The
// client's bytes go through the filters in the file's order, the upstream's in reverse, as in
// Envoy.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access_log/record.hpp"
#include "base/byte_queue.hpp"
#include "filters/network_filter.hpp"
#include "net/reactor.hpp"

namespace holdfast::server {

class TcpSession;

class TcpFilters final : public filters::Connection {
 public:
  /// One direction.
  struct Way {
    base::ByteQueue data;  ///< Read, and not passed on yet.
    bool end = false;      ///< Nothing comes after it.
    bool stopped = false;
    bool resumed = false;  ///< Was stopped, and may go on from there.
    std::size_t at = 0;    ///< The hook that has stopped it, in the order of this direction.
  };

  explicit TcpFilters(TcpSession& session);

  /// The hooks of the connection's begin, as far as they go. True: all are through.
  [[nodiscard]] bool begin() noexcept;
  /// The hooks of a direction over what is there. True: it may be passed on.
  [[nodiscard]] bool pass(filters::ConnectionSide from) noexcept;
  [[nodiscard]] Way& way(filters::ConnectionSide from) noexcept {
    return from == filters::ConnectionSide::client ? client_ : upstream_;
  }
  /// A filter wants the connection closed.
  [[nodiscard]] bool closing() const noexcept { return closing_; }
  /// The client's end is the second one that was read.
  void note_client_end() noexcept { client_ended_last_ = upstream_.end; }
  void on_connecting() noexcept;
  void on_connected() noexcept;
  /// Nothing can make it go on: as in Envoy it is over when the other direction is, too.
  [[nodiscard]] bool withholds_upstream_end() const noexcept {
    return upstream_.stopped && upstream_.end;
  }
  void on_close(access_log::Flag flag) noexcept;
  /// What the filters have chosen in place of the tcp_proxy's own; nullopt: nothing.
  [[nodiscard]] const std::optional<std::string>& cluster() const noexcept { return cluster_; }
  [[nodiscard]] std::optional<std::chrono::milliseconds> idle_timeout() const noexcept {
    return idle_timeout_;
  }

  // filters::Connection
  [[nodiscard]] filters::StreamInfo info() noexcept override;
  void continue_reading(std::size_t filter) noexcept override;
  void let_go(std::size_t filter) noexcept override;
  void close() noexcept override;
  void choose_cluster(std::string_view name) override { cluster_ = name; }
  void set_idle_timeout(std::chrono::milliseconds timeout) noexcept override {
    idle_timeout_ = timeout;
  }

 private:
  void run_session() noexcept;

  // Constant after construction.
  TcpSession& session_;
  const std::uint64_t connection_id_;
  // Touched only on the worker.
  Way client_;
  Way upstream_;
  std::size_t begun_ = 0;       ///< So many filters have been told of the connection.
  bool begin_stopped_ = false;  ///< The last of them does not let it begin.
  bool in_hook_ = false;
  std::size_t hook_ = 0;  ///< The filter whose hook runs.
  bool resumed_in_hook_ = false;
  bool closing_ = false;
  bool closed_ = false;
  bool client_ended_last_ = false;
  net::TimePoint connect_start_{};
  net::TimePoint connect_end_{};
  std::string upstream_local_address_;
  access_log::Flag ended_with_ = access_log::Flag::none;
  std::optional<std::string> cluster_;
  std::optional<std::chrono::milliseconds> idle_timeout_;
  std::vector<std::unique_ptr<filters::ConnectionFilter>> filters_;  ///< Last: they use the others.
};

}  // namespace holdfast::server
