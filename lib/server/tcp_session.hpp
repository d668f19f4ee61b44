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
#include "net/stream.hpp"
#include "server/http_context.hpp"

namespace holdfast::server {

struct TcpTag;
class TcpSession;

/// One per TCP listener and worker.
struct TcpContext {
  TcpContext(WorkerContext& worker_context, const config::Listener& listener_config,
             const config::TcpProxy& tcp_config, stats::ListenerStats& stats,
             ConnectionLimit* limit);
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
  std::string local_address;
  ConnectionGate gate;
  base::List<TcpSession, TcpTag> sessions;
};

class TcpSession final : public net::Disposable, public base::ListNode<TcpTag> {
 public:
  TcpSession(TcpContext& context, const sockaddr_storage& peer);
  ~TcpSession() override;

  /// False: failed at once; may be deleted.
  [[nodiscard]] bool start(int fd) noexcept;

 private:
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
    bool ended = false;     ///< No more bytes from this side.
    bool finished = false;  ///< The other side's end has been passed on to it.
    bool broken = false;

   private:
    TcpSession& session_;
  };

  void on_dispose() noexcept override { delete this; }
  void on_timeout() noexcept;
  void progress() noexcept;
  [[nodiscard]] bool connect_upstream() noexcept;
  void finish(access_log::Flag flag) noexcept;
  void close_side(Side& side) noexcept;

  // Constant after construction.
  TcpContext& context_;
  upstream::Cluster& cluster_;
  const std::string peer_;
  // Touched only on the worker.
  std::shared_ptr<upstream::Host> host_;
  bool connected_ = false;
  bool closed_ = false;
  Side downstream_;
  Side upstream_;
  std::chrono::system_clock::time_point wall_start_;
  net::TimePoint start_;
  net::MemberTimer<&TcpSession::on_timeout> timer_;
};

}  // namespace holdfast::server
