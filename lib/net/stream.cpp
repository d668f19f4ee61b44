#include "net/stream.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>

namespace holdfast::net {

bool is_resource_error(int error) noexcept {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EADDRNOTAVAIL:
      return true;
    default:
      return false;
  }
}

bool Stream::open(int fd) noexcept {
  assert(!is_open());
  fd_ = fd;
  readable_ = false;
  writable_ = true;
  peer_finished_ = broken_off_ = false;
  bytes_read_ = bytes_written_ = 0;
  out_.clear();
  if (reactor_.add(fd, *this)) return true;
  ::close(fd_);
  fd_ = -1;
  return false;
}

int Stream::open_connect(const sockaddr* address, socklen_t length) noexcept {
  const int fd =
      ::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (fd < 0) return errno;
  const int one = 1;  // (What is accepted has it from its listener.)
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (::connect(fd, address, length) != 0 && errno != EINPROGRESS) {
    const int error = errno;
    ::close(fd);
    return error;
  }
  if (!open(fd)) return ENOMEM;
  writable_ = false;  // Until epoll says so: that is how a connect ends.
  return 0;
}

int Stream::connect_error() const noexcept {
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  if (error != 0) return error;
  return writable_ ? 0 : EINPROGRESS;
}

void Stream::absorb(std::uint32_t events) noexcept {
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) broken_off_ = true;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) peer_finished_ = true;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) readable_ = true;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) writable_ = true;
}

Stream::ReadResult Stream::read(std::span<char> into) noexcept {
  for (;;) {
    const ssize_t n = ::recv(fd_, into.data(), into.size(), 0);
    if (n > 0) {
      const auto size = static_cast<std::size_t>(n);
      // A short read empties the socket: the next edge says when there is more (unless the peer's
      // end has been announced already: that edge will not come again).
      if (size < into.size() && !peer_finished_) readable_ = false;
      bytes_read_ += size;
      return {ReadState::data, size, 0};
    }
    if (n == 0) {
      readable_ = false;
      return {ReadState::eof, 0, 0};
    }
    if (errno == EINTR) continue;
    const int error = errno;
    readable_ = false;
    if (error == EAGAIN || error == EWOULDBLOCK) return {ReadState::would_block, 0, 0};
    return {ReadState::error, 0, error};
  }
}

bool Stream::write(std::string_view bytes) noexcept {
  const iovec one = piece(bytes);
  return write(std::span<const iovec>(&one, 1));
}

bool Stream::write(std::span<const iovec> pieces) noexcept {
  std::size_t skip = 0;  // Bytes of `pieces` that the kernel took.
  if (backlog() == 0 && writable_) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = pieces.size();
    ssize_t n = 0;
    do {
      n = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
      if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
      n = 0;
    }
    skip = static_cast<std::size_t>(n);
    bytes_written_ += skip;
  }
  for (const iovec& each : pieces) {
    if (skip >= each.iov_len) {
      skip -= each.iov_len;
      continue;
    }
    out_.append({static_cast<const char*>(each.iov_base) + skip, each.iov_len - skip});
    skip = 0;
  }
  if (!out_.empty()) writable_ = false;
  return true;
}

bool Stream::can_splice() noexcept {
  if (backlog() != 0 || !writable_) return false;
  if (pipe_ == nullptr) pipe_ = reactor_.pipes().take();
  return pipe_ != nullptr;
}

Stream::ReadResult Stream::splice_from(Stream& source, std::size_t most, bool& sent) noexcept {
  assert(pipe_ != nullptr && piped_ == 0);
  ssize_t n = 0;
  do {
    n = ::splice(source.fd_, nullptr, pipe_->write_end(), nullptr, most,
                 SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  } while (n < 0 && errno == EINTR);
  sent = true;
  if (n > 0) {
    // However little it was: the pipe, not the source, may have been the limit.
    piped_ = static_cast<std::size_t>(n);
    source.bytes_read_ += piped_;
    const ReadResult result{ReadState::data, piped_, 0};
    sent = drain_pipe();
    return result;
  }
  const int error = n < 0 ? errno : 0;
  source.readable_ = false;
  reactor_.pipes().give_back(std::move(pipe_), /*empty=*/true);
  if (n == 0) return {ReadState::eof, 0, 0};
  const bool blocked = error == EAGAIN || error == EWOULDBLOCK;  // The pipe was empty.
  return {blocked ? ReadState::would_block : ReadState::error, 0, blocked ? 0 : error};
}

/// False: as write().
bool Stream::drain_pipe() noexcept {
  while (piped_ != 0 && writable_) {
    const ssize_t n = ::splice(pipe_->read_end(), nullptr, fd_, nullptr, piped_,
                               SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
      writable_ = false;
      break;
    }
    piped_ -= static_cast<std::size_t>(n);
    bytes_written_ += static_cast<std::size_t>(n);
  }
  if (piped_ == 0) reactor_.pipes().give_back(std::move(pipe_), /*empty=*/true);
  return true;
}

bool Stream::flush() noexcept {
  if (piped_ != 0 && !drain_pipe()) return false;
  if (piped_ != 0) return true;
  while (!out_.empty() && writable_) {
    const std::string_view bytes = out_.view();
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
      writable_ = false;
      break;
    }
    bytes_written_ += static_cast<std::size_t>(n);
    out_.consume(static_cast<std::size_t>(n));
  }
  if (out_.empty()) out_.release(0);  // Only who reads too slowly had any.
  return true;
}

Stream::Rest Stream::rest() noexcept {
  char byte = 0;
  const ssize_t n = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (n > 0) return Rest::bytes;
  if (n == 0) return Rest::fin;
  if (errno != EAGAIN && errno != EWOULDBLOCK) return Rest::broken;
  readable_ = false;
  return Rest::nothing;
}

bool Stream::shutdown_write() noexcept {
  return ::shutdown(fd_, SHUT_WR) == 0;
}

void Stream::close() noexcept {
  if (!is_open()) return;
  reactor_.forget(*this);
  ::close(fd_);
  fd_ = -1;
  readable_ = writable_ = false;
  if (pipe_ != nullptr) reactor_.pipes().give_back(std::move(pipe_), /*empty=*/piped_ == 0);
  piped_ = 0;
  out_.clear();
  out_.release();
}

void Stream::reset() noexcept {
  if (!is_open()) return;
  const linger abort{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  close();
}

}  // namespace holdfast::net
