// The TCP proxy: one downstream connection joined to one upstream connection, bytes both ways,
// nothing parsed.
//
// Owner: its TcpContext (list) while open; deletes itself at the end of the turn in which it
// closed. Thread: the worker's. Back-pressure: one side is read only while the other has nothing
// waiting. Half-close is passed on, and so is a reset, as Envoy's tcp_proxy does: an end means that
// all bytes before it have been passed on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "access_log/log.hpp"
#include "base/intrusive_list.hpp"
#include "config/config.hpp"
#include "filters/network_filter.hpp"
#include "net/stream.hpp"
#include "server/http_context.hpp"
#include "server/local_address.hpp"

namespace holdfast::server {

struct TcpTag;
class TcpFilters;
class TcpSession;

/// One per TCP listener and worker.
struct TcpContext {
  TcpContext(WorkerContext& worker_context, const config::Listener& listener_config,
             const config::TcpProxy& tcp_config, stats::ListenerStats& stats,
             ConnectionLimit* limit, filters::WorkerPlugins* plugins);
  ~TcpContext();
  TcpContext(const TcpContext&) = delete;
  TcpContext& operator=(const TcpContext&) = delete;

  /// As HttpContext::accept().
  [[nodiscard]] bool accept(int fd, const sockaddr_storage& peer);

  WorkerContext& worker;
  const config::Listener& listener;
  const config::TcpProxy& config;
  stats::ListenerStats& listener_stats;
  std::vector<std::unique_ptr<access_log::Log>> access_logs;
  ListenerAddress local_address;
  ConnectionGate gate;
  std::vector<std::unique_ptr<filters::NetworkFilter>> filters;  ///< In the file's order.
  base::List<TcpSession, TcpTag> sessions;
};

class TcpSession final : public net::Disposable, public base::ListNode<TcpTag> {
 public:
  TcpSession(TcpContext& context, const sockaddr_storage& peer);
  ~TcpSession() override;

  /// False: failed at once; may be deleted.
  [[nodiscard]] bool start(int fd) noexcept;

 private:
  friend class TcpFilters;
  /// One of the two connections.
  class Side final : public net::Stream {
   public:
    Side(net::Reactor& reactor, TcpSession& session) : Stream(reactor), session_(session) {}
    using Stream::backlog;
    using Stream::broken_off;
    using Stream::close;
    using Stream::connect_error;
    using Stream::open;
    using Stream::open_connect;
    using Stream::reset;
    using Stream::shutdown_write;
    void on_io(std::uint32_t events) noexcept override;
    void pump(Side& to, std::size_t limit) noexcept;
    /// The same, through the filters (tcp_filters.cpp).
    void pump_through(TcpFilters& filters, Side& to, std::size_t limit) noexcept;
    bool ended = false;     ///< No more bytes from this side.
    bool finished = false;  ///< The other side's end has been passed on to it.
    bool broken = false;

   private:
    [[nodiscard]] bool fill(base::ByteQueue& data, bool& end, std::size_t limit) noexcept;
    TcpSession& session_;
  };

  void on_dispose() noexcept override { delete this; }
  void on_timeout() noexcept;
  void progress() noexcept;
  /// False: not yet, or it has failed, and the session is finished.
  [[nodiscard]] bool check_connected() noexcept;
  void pass_on_ends() noexcept;
  void wait_for_more() noexcept;
  // With filters (tcp_filters.cpp).
  void begin_filters() noexcept;
  /// Moves bytes. False: it has ended, or waits.
  [[nodiscard]] bool run_filters() noexcept;
  void begin_upstream() noexcept;
  /// False: there is no such cluster.
  [[nodiscard]] bool choose_cluster() noexcept;
  [[nodiscard]] bool connect_upstream() noexcept;
  void finish(access_log::Flag flag) noexcept;
  void close_side(Side& side) noexcept;

  // Constant after construction.
  TcpContext& context_;
  const std::string peer_;
  // Touched only on the worker.
  LocalAddress local_;
  upstream::Cluster* cluster_ = nullptr;  ///< Null: not chosen yet.
  std::shared_ptr<upstream::Host> host_;
  bool connected_ = false;
  bool closed_ = false;
  Side downstream_;
  Side upstream_;
  std::chrono::system_clock::time_point wall_start_;
  net::TimePoint start_;
  std::chrono::milliseconds idle_timeout_;
  net::MemberTimer<&TcpSession::on_timeout> timer_;
  std::unique_ptr<TcpFilters> filters_;  ///< Null: the listener has none.
};

}  // namespace holdfast::server
