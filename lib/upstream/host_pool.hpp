// The connections of one worker to one host: idle ones reused last in first out, requests that wait
// for one.
//
// Owner: the worker's Cluster. Thread: the worker's. As Envoy's HTTP/1 pool: a request without an
// idle connection waits, and a connection is begun for each that waits; whichever connection is
// free first serves the first in line. When a connect fails, all who wait on this host are told:
// they must not hang on a host that is gone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

#include "base/intrusive_list.hpp"
#include "upstream/client_connection.hpp"
#include "upstream/head_memo.hpp"
#include "upstream/host.hpp"
#include "upstream/response_sink.hpp"

namespace holdfast::upstream {

class Cluster;
struct PendingTag;

/// A request that waits for a connection, or several that shall go out on one together. Unlinks
/// itself when destroyed or cancelled.
class PendingRequest : public base::ListNode<PendingTag> {
 public:
  virtual ~PendingRequest() = default;
  /// How many requests this stands for, 1 or more. They count one by one in limits and counters.
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  /// REQUIRES: most > 0; not in a pool's line.
  void limit_size(std::uint32_t most) noexcept { size_ = std::min(size_, most); }
  virtual void on_connection_ready(ClientConnection& connection) noexcept = 0;
  /// `error`: errno of the connect, or 0.
  virtual void on_connection_failed(ResetReason reason, int error) noexcept = 0;

 protected:
  std::uint32_t size_ = 1;
};

class HostPool {
 public:
  HostPool(Cluster& cluster, std::shared_ptr<Host> host);
  ~HostPool();
  HostPool(const HostPool&) = delete;
  HostPool& operator=(const HostPool&) = delete;

  [[nodiscard]] bool has_idle() const noexcept { return !idle_.empty(); }
  /// An idle connection, now busy, or null. `fresh`: none, whatever is idle.
  [[nodiscard]] ClientConnection* take_idle(bool fresh) noexcept;
  /// Wait in line, and begin a connection for it as far as the limits allow.
  void enqueue(PendingRequest& request) noexcept;
  /// Take `request` out of the line. REQUIRES: it is in this pool's line.
  void withdraw(PendingRequest& request) noexcept;

  /// The host has left the cluster: no more new requests; connections close when they fall idle.
  void drain() noexcept;
  [[nodiscard]] bool is_drained() const noexcept {
    return draining_ && connections_ == 0 && waiting_ == 0;
  }
  /// Close idle connections (the process drains).
  void close_idle() noexcept;

  [[nodiscard]] Cluster& cluster() noexcept { return cluster_; }
  [[nodiscard]] const std::shared_ptr<Host>& host() const noexcept { return host_; }
  [[nodiscard]] stats::HostStats& host_stats() noexcept { return host_stats_; }
  [[nodiscard]] HeadMemo& head_memo() noexcept { return head_memo_; }

  /// False for a while after on_pipelining_failed().
  [[nodiscard]] bool may_pipeline() const noexcept;
  /// A connection has ended with pipelined requests unanswered, and had never answered a whole
  /// group of them. Each time in a row the pause is twice as long.
  void on_pipelining_failed() noexcept;
  void on_pipelining_worked() noexcept { next_pause_ = kShortestPause; }

  // For ClientConnection.
  void on_connected(ClientConnection& connection) noexcept;
  void on_connect_failed(ResetReason reason, int error) noexcept;
  /// A response has ended well: serve the next in line or keep the connection. False: it must
  /// close.
  [[nodiscard]] bool on_free(ClientConnection& connection) noexcept;
  void on_closed(ClientConnection& connection, bool was_connecting) noexcept;

 private:
  static constexpr std::chrono::seconds kShortestPause{10};
  static constexpr std::chrono::seconds kLongestPause{640};

  void begin_connection() noexcept;
  void report_failures(ResetReason reason, int error) noexcept;

  class FailureReport final : public net::IoHandler {
   public:
    explicit FailureReport(HostPool& pool) : pool_(pool) {}
    void on_io(std::uint32_t) noexcept override { pool_.report_failures(reason, error); }
    ResetReason reason = ResetReason::connection_failure;
    int error = 0;

   private:
    HostPool& pool_;
  };

  Cluster& cluster_;
  const std::shared_ptr<Host> host_;
  stats::HostStats& host_stats_;
  HeadMemo head_memo_;
  base::List<ClientConnection, PoolTag> idle_;
  base::List<ClientConnection, PoolTag> active_;  ///< Connecting and busy.
  base::List<PendingRequest, PendingTag> pending_;
  std::size_t connections_ = 0;
  std::size_t connecting_ = 0;
  std::size_t waiting_ = 0;  ///< Entries in line: each wants one connection.
  net::TimePoint pipelining_from_{};
  std::chrono::seconds next_pause_ = kShortestPause;
  bool draining_ = false;
  FailureReport failure_report_;
};

}  // namespace holdfast::upstream
