// One non-blocking TCP connection in the readiness set: read in place, write in place, keep what
// did not fit.
//
// Owner: a downstream session or an upstream connection, which derives from it. Thread: its
// worker's. Always holds: bytes go out in the order of write() calls; after close() nothing is
// read, written or called back. This is the whole transport that the rest sees (open, read, write,
// shutdown, close and on_io): another transport (TLS, io_uring) would stand behind the same
// functions.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/byte_queue.hpp"
#include "net/reactor.hpp"

namespace holdfast::net {

class Stream : public IoHandler {
 public:
  explicit Stream(Reactor& reactor) : reactor_(reactor) {}
  ~Stream() override { close(); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  enum class ReadState : std::uint8_t { data, would_block, eof, error };
  struct ReadResult {
    ReadState state;
    std::size_t size = 0;
    int error = 0;  ///< errno for ReadState::error.
  };

  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// Bytes that write() could not hand to the kernel yet.
  [[nodiscard]] std::size_t backlog() const noexcept { return out_.size() + piped_; }
  [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }
  [[nodiscard]] std::uint64_t bytes_written() const noexcept { return bytes_written_; }

 protected:
  /// Take a connected socket. False: the kernel would not register it; it has been closed.
  [[nodiscard]] bool open(int fd) noexcept;
  /// Begin a non-blocking connect. 0, or an errno. On success wait for an event, then ask
  /// connect_error().
  [[nodiscard]] int open_connect(const sockaddr* address, socklen_t length) noexcept;
  [[nodiscard]] int connect_error() const noexcept;  ///< 0 = connected; EINPROGRESS = not yet.

  /// Note what epoll reported. Call first in on_io().
  void absorb(std::uint32_t events) noexcept;
  /// There may be bytes (or EOF, or an error) to read.
  [[nodiscard]] bool readable() const noexcept { return readable_; }
  [[nodiscard]] ReadResult read(std::span<char> into) noexcept;

  /// Send all of `pieces`, in place as far as the socket takes them, the rest queued. False: the
  /// connection is broken; errno says how.
  [[nodiscard]] bool write(std::span<const iovec> pieces) noexcept;
  [[nodiscard]] bool write(std::string_view bytes) noexcept;
  /// Send queued bytes as far as the socket takes them. False: as write().
  [[nodiscard]] bool flush() noexcept;
  [[nodiscard]] bool writable() const noexcept { return writable_; }
  /// splice_from() may be called: nothing waits to be sent, and there is a pipe.
  [[nodiscard]] bool can_splice() noexcept;
  /// Take up to `most` bytes out of the source's socket and send them without looking at them, in
  /// place as far as this socket takes them; the rest waits in the pipe (backlog()). Says what the
  /// source had; `sent` is false when this connection is broken. REQUIRES: can_splice().
  [[nodiscard]] ReadResult splice_from(Stream& source, std::size_t most, bool& sent) noexcept;
  /// The peer has closed its side, or the connection is broken; bytes may still be waiting.
  [[nodiscard]] bool peer_finished() const noexcept { return peer_finished_; }
  /// Reset, or closed in both directions: nothing can be sent any more.
  [[nodiscard]] bool broken_off() const noexcept { return broken_off_; }

  /// What is left to read. A system call, which takes a broken connection's error: ask once, and
  /// believe it.
  enum class Rest : std::uint8_t {
    bytes,    ///< More (a read may end early: at an urgent byte, at a signal).
    nothing,  ///< Now; readable() is false then.
    fin,      ///< Nothing, and the FIN came before whatever else did.
    broken,   ///< Nothing, and no FIN before the reset.
  };
  [[nodiscard]] Rest rest() noexcept;
  /// Bytes wait, whether or not an event has announced them.
  [[nodiscard]] bool has_input() noexcept { return rest() == Rest::bytes; }

  /// Send a FIN. False: the connection is broken.
  [[nodiscard]] bool shutdown_write() noexcept;
  void close() noexcept;
  /// Close with RST: the peer must not take what it has for a complete message.
  void reset() noexcept;

  [[nodiscard]] Reactor& reactor() noexcept { return reactor_; }

 private:
  [[nodiscard]] bool drain_pipe() noexcept;

  Reactor& reactor_;
  int fd_ = -1;
  bool readable_ = false;
  bool writable_ = false;
  bool peer_finished_ =
      false;  ///< RDHUP, HUP or ERR reported: read until 0 or an error, however short a read was.
  bool broken_off_ = false;
  std::size_t piped_ = 0;       ///< Bytes in pipe_, to be sent before those in out_.
  std::unique_ptr<Pipe> pipe_;  ///< While it holds bytes, or is about to.
  base::ByteQueue out_;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t bytes_written_ = 0;
};

/// The process, or the machine, has run out of descriptors, ports or memory.
[[nodiscard]] bool is_resource_error(int error) noexcept;

[[nodiscard]] inline iovec piece(std::string_view bytes) noexcept {
  return {const_cast<char*>(bytes.data()), bytes.size()};
}

}  // namespace holdfast::net
