#include "admin/admin_server.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <utility>

#include "admin/endpoints.hpp"
#include "admin/session.hpp"

namespace holdfast::admin {

namespace asio = boost::asio;
using asio::ip::tcp;

class AdminServer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  using Executor = Session::Executor;

  Impl(asio::io_context& io, AdminHooks hooks, AdminLimits limits)
      : io_(io),
        limits_(limits),
        endpoints_(std::make_shared<const Endpoints>(std::move(hooks))),
        acceptor_(io),
        pause_(io) {}

  boost::system::error_code start(const tcp::endpoint& address) {
    boost::system::error_code error;
    // One after the other, each only if all before went well.
    if (!error) acceptor_.open(address.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(address, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      boost::system::error_code ignored;  // The first error is the one to tell.
      acceptor_.close(ignored);
      return error;
    }
    asio::co_spawn(io_, accept_loop(shared_from_this()), asio::detached);
    return {};
  }

  tcp::endpoint local_endpoint() const {
    boost::system::error_code error;
    const tcp::endpoint endpoint = acceptor_.local_endpoint(error);
    return error ? tcp::endpoint() : endpoint;
  }

  std::size_t connections() const { return sessions_.size(); }

  void stop() {
    boost::system::error_code ignored;  // Closing twice is no fault.
    acceptor_.close(ignored);
    pause_.cancel();
    for (const auto& session : std::list(sessions_)) session->end();
  }

  void abort() {
    stop();
    for (const auto& session : std::list(sessions_)) session->abort();
  }

 private:
  static Session::Task accept_loop(std::shared_ptr<Impl> self) {
    constexpr auto kAwait = asio::as_tuple(asio::deferred);
    while (self->acceptor_.is_open()) {
      auto [error, socket] = co_await self->acceptor_.async_accept(kAwait);
      if (!self->acceptor_.is_open()) co_return;
      if (!error) {
        self->admit(std::move(socket));
      } else if (error != asio::error::connection_aborted) {
        // No descriptors or no memory: trying again at once would spin.
        self->pause_.expires_after(std::chrono::milliseconds(100));
        co_await self->pause_.async_wait(kAwait);
      }
    }
  }

  /// At the limit, the oldest idle connection makes room, so that clients which only sit there
  /// cannot keep a probe out.
  void admit(Session::Socket socket) {
    if (sessions_.size() >= limits_.max_connections) {
      const auto idle = std::find_if(sessions_.begin(), sessions_.end(),
                                     [](const auto& session) { return session->idle(); });
      if (idle == sessions_.end()) return;  // All answer: the new one is closed.
      (*idle)->abort();
      sessions_.erase(idle);
    }
    auto session = std::make_shared<Session>(std::move(socket), endpoints_, limits_);
    sessions_.push_back(session);
    asio::co_spawn(io_, session->run(),
                   [self = shared_from_this(), session](const std::exception_ptr& failure) {
                     self->sessions_.remove(session);
                     if (failure) std::rethrow_exception(failure);
                   });
  }

  asio::io_context& io_;
  const AdminLimits limits_;
  const std::shared_ptr<const Endpoints> endpoints_;
  asio::basic_socket_acceptor<tcp, Executor> acceptor_;
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, Executor>
      pause_;
  std::list<std::shared_ptr<Session>> sessions_;  ///< Oldest first.
};

AdminServer::AdminServer(asio::io_context& io, AdminHooks hooks, AdminLimits limits)
    : impl_(std::make_shared<Impl>(io, std::move(hooks), limits)) {}

AdminServer::~AdminServer() {
  impl_->abort();
}

boost::system::error_code AdminServer::start(const tcp::endpoint& address) {
  return impl_->start(address);
}

tcp::endpoint AdminServer::local_endpoint() const {
  return impl_->local_endpoint();
}

std::size_t AdminServer::connections() const {
  return impl_->connections();
}

void AdminServer::stop() {
  impl_->stop();
}

}  // namespace holdfast::admin
