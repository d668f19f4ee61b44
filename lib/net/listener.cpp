#include "net/listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace holdfast::net {
namespace {

constexpr std::chrono::milliseconds kBackOff{100};

/// The connection that was being accepted failed, not accept() itself (accept(2), "Error
/// handling").
bool is_connection_error(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM:
      return true;
    default:
      return false;
  }
}

/// An accept() in vain has the kernel make a socket and throw it away: eight times what this costs.
bool is_connection_waiting(int fd) {
  pollfd what{fd, POLLIN, 0};
  return ::poll(&what, 1, 0) != 0;
}

/// IPv6 wildcard sockets take IPv6 only, as Envoy's do (ipv4_compat is off by default). TCP_NODELAY
/// is inherited by what is accepted: one system call less for each connection.
bool set_options(int fd, int family, const BindOptions& options) {
  const int one = 1;
  if (::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0) return false;
  if (::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) return false;
  if (options.reuse_port && ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0) {
    return false;
  }
  return family != AF_INET6 || ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) == 0;
}

bool make_address(const std::string& text, std::uint16_t port, BoundAddress& out) {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
  if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    out.length = sizeof *v4;
    return true;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
  if (::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    out.length = sizeof *v6;
    return true;
  }
  return false;
}

}  // namespace

std::string address_text(const sockaddr* address, bool with_port) {
  char host[INET6_ADDRSTRLEN] = "";
  std::uint16_t port = 0;
  if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    ::inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
    port = ntohs(v6->sin6_port);
    return with_port ? "[" + std::string(host) + "]:" + std::to_string(port) : std::string(host);
  }
  const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
  ::inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
  port = ntohs(v4->sin_port);
  return with_port ? std::string(host) + ":" + std::to_string(port) : std::string(host);
}

std::string local_address_text(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  return ::getsockname(fd, raw, &length) == 0 ? address_text(raw) : std::string{};
}

std::uint16_t port_of(const BoundAddress& address) noexcept {
  return address.storage.ss_family == AF_INET6
             ? ntohs(reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_port)
             : ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
}

int bind_listener(const std::string& address, std::uint16_t port, const BindOptions& options,
                  BoundAddress& bound, std::string& error) {
  bound = {};
  if (!make_address(address, port, bound)) {
    error = "malformed IP address: " + address;
    return -1;
  }
  const int family = bound.storage.ss_family;
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  auto* raw = reinterpret_cast<sockaddr*>(&bound.storage);
  if (fd < 0 || !set_options(fd, family, options) || ::bind(fd, raw, bound.length) != 0 ||
      ::listen(fd, options.backlog) != 0 || ::getsockname(fd, raw, &bound.length) != 0) {
    error = "cannot bind '" + address + ":" + std::to_string(port) +
            "': " + std::generic_category().message(errno);
    if (fd >= 0) ::close(fd);
    return -1;
  }
  return fd;
}

Listener::Listener(Reactor& reactor, int fd, OnAccept on_accept, OnError on_error,
                   std::uint32_t accepts_per_turn)
    : reactor_(reactor),
      on_accept_(std::move(on_accept)),
      on_error_(std::move(on_error)),
      accepts_per_turn_(accepts_per_turn),
      fd_(fd),
      back_off_(*this) {}

Listener::~Listener() {
  stop();
}

bool Listener::start() noexcept {
  return reactor_.add(fd_, *this);
}

void Listener::stop() noexcept {
  if (fd_ < 0) return;
  TimerWheel::cancel(back_off_);
  reactor_.remove(fd_, *this);  // Other workers may have duplicates of it.
  ::close(fd_);
  fd_ = -1;
}

void Listener::drain() noexcept {
  do {
    IoHandler::unlink();
    if (fd_ >= 0) on_io(0);
  } while (IoHandler::linked());  // It schedules itself when more are waiting.
  stop();
}

void Listener::resume() noexcept {
  reactor_.schedule(*this);
}

void Listener::on_io(std::uint32_t) noexcept {
  for (std::uint32_t i = 0; fd_ >= 0; ++i) {
    if (i == accepts_per_turn_) {
      reactor_.schedule(*this);  // Edge-triggered: nobody else will tell us that more are waiting.
      return;
    }
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    const int fd =
        ::accept4(fd_, reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      if (on_accept_(fd, peer)) {
        if (is_connection_waiting(fd_)) continue;
        return;
      }
    } else {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      if (is_connection_error(errno)) continue;
      on_error_(errno);
    }
    reactor_.timers().set(back_off_, reactor_.after(kBackOff));
    return;
  }
}

}  // namespace holdfast::net
