// One c-ares channel wired into an io_context: its sockets by async_wait, its timeouts by one
// timer, nothing polled.
//
// Owner: DnsResolver, through a shared_ptr, since completions and socket events on their way
// through the io_context hold it weakly; control thread only. Always: c-ares calls Ask's handler
// exactly once per ask(), at the latest (with ARES_EDESTRUCTION) when the channel goes; a socket is
// out of the reactor before c-ares closes it.
#pragma once

#include <ares.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "upstream/dns_resolver.hpp"

namespace holdfast::upstream {

class DnsResolver::Channel : public std::enable_shared_from_this<DnsResolver::Channel> {
 public:
  /// `addrinfo` (null unless the status is ARES_SUCCESS) is only lent.
  using Handler = std::function<void(int status, const ares_addrinfo* addrinfo)>;

  Channel(boost::asio::io_context& io, Options options, stats::DnsStats& stats);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  [[nodiscard]] bool valid() const noexcept { return channel_ != nullptr; }

  /// Makes the channel anew if the last lookups say so and none is under way: c-ares 1.18 reads
  /// resolv.conf only when it makes a channel, and one made while that file was missing asks
  /// 127.0.0.1 for ever (c-ares issue 301).
  void refresh_if_dirty();

  /// One query for one family. The handler may run within this call; it is not called when the
  /// channel is destroyed. REQUIRES: valid().
  void ask(const std::string& name, int family, Handler handler);

  /// To be called after ask(): sets the timer to what c-ares waits for.
  void update_timer();

  [[nodiscard]] boost::asio::io_context& io() noexcept { return io_; }
  void count_cut_answer() noexcept { stats_.answers_cut.add(); }

 private:
  struct Watch;
  struct Ask;

  void open();
  void close() noexcept;
  void on_answer(int status, int timeouts);
  void on_socket_state(ares_socket_t fd, bool readable, bool writable);
  void wait_read(const std::shared_ptr<Watch>& watch);
  void wait_write(const std::shared_ptr<Watch>& watch);
  void process(ares_socket_t readable, ares_socket_t writable);

  // Constant after construction.
  boost::asio::io_context& io_;
  const Options options_;
  stats::DnsStats& stats_;
  // Changing.
  boost::asio::steady_timer timer_;
  std::unordered_map<ares_socket_t, std::shared_ptr<Watch>> watches_;
  std::size_t asks_ = 0;
  bool dirty_ = false;
  ares_channel channel_ = nullptr;
};

}  // namespace holdfast::upstream
