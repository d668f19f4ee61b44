#include "upstream/dns_resolver_channel.hpp"

#include <arpa/inet.h>

#include <utility>

#include "base/log.hpp"

namespace holdfast::upstream {
namespace asio = boost::asio;

namespace {

void log_error(const std::string& text) {
  base::log(base::Component::dns, base::LogLevel::error, text);
}

int library_status() {
  static const int status = ares_library_init(ARES_LIB_INIT_ALL);
  return status;
}

/// "192.0.2.1:53,[2001:db8::1]:5353", what ares_set_servers_ports_csv() reads.
std::string servers_csv(const std::vector<config::SocketAddress>& servers) {
  std::string csv;
  for (const config::SocketAddress& server : servers) {
    if (!csv.empty()) csv += ',';
    const bool v6 = server.address.find(':') != std::string::npos;
    csv += v6 ? "[" + server.address + "]" : server.address;
    csv += ":" + std::to_string(server.port == 0 ? 53 : server.port);
  }
  return csv;
}

}  // namespace

/// A socket of c-ares in our reactor. Shared: a handler may come after c-ares has closed the
/// socket, and the number may be another socket's by then.
struct DnsResolver::Channel::Watch {
  explicit Watch(asio::io_context& io) : descriptor(io) {}
  asio::posix::stream_descriptor descriptor;
  ares_socket_t fd = ARES_SOCKET_BAD;
  bool want_read = false;
  bool want_write = false;
  bool waiting_read = false;
  bool waiting_write = false;
  bool closed = false;
};

struct DnsResolver::Channel::Ask {
  Channel& channel;
  Handler handler;

  static void done(void* self, int status, int timeouts, ares_addrinfo* addrinfo) {
    const std::unique_ptr<Ask> ask(static_cast<Ask*>(self));
    // ares_destroy() ends what is under way; ~Channel is the only place that calls it with queries
    // left.
    if (status != ARES_EDESTRUCTION) {
      ask->channel.on_answer(status, timeouts);
      ask->handler(status, addrinfo);
    }
    if (addrinfo != nullptr) ares_freeaddrinfo(addrinfo);
  }
};

DnsResolver::Channel::Channel(asio::io_context& io, Options options, stats::DnsStats& stats)
    : io_(io), options_(std::move(options)), stats_(stats), timer_(io) {
  open();
}

DnsResolver::Channel::~Channel() {
  stats_.pending_resolutions.sub(asks_);
  close();
}

void DnsResolver::Channel::open() {
  if (const int status = library_status(); status != ARES_SUCCESS) {
    log_error(std::string("c-ares: ") + ares_strerror(status));
    return;
  }
  ares_options options{};
  options.timeout = static_cast<int>(options_.query_timeout.count());
  options.tries = options_.tries;
  options.flags = options_.use_tcp ? ARES_FLAG_USEVC : 0;
  options.sock_state_cb_data = this;
  options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
    static_cast<Channel*>(self)->on_socket_state(fd, readable != 0, writable != 0);
  };
  int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
  if (options_.edns0_max_payload_size != 0) {
    options.flags |= ARES_FLAG_EDNS;
    options.ednspsz = static_cast<int>(options_.edns0_max_payload_size);
    mask |= ARES_OPT_EDNSPSZ;
  }
  int status = ares_init_options(&channel_, &options, mask);
  if (status != ARES_SUCCESS) {
    channel_ = nullptr;
    log_error(std::string("cannot set up a DNS resolver: ") + ares_strerror(status));
    return;
  }
  if (options_.servers.empty()) return;
  const std::string csv = servers_csv(options_.servers);
  status = ares_set_servers_ports_csv(channel_, csv.c_str());
  if (status != ARES_SUCCESS) {
    log_error("DNS resolvers '" + csv + "': " + ares_strerror(status));
    close();
  }
}

void DnsResolver::Channel::close() noexcept {
  if (channel_ == nullptr) return;
  ares_destroy(channel_);
  channel_ = nullptr;
}

void DnsResolver::Channel::refresh_if_dirty() {
  if ((channel_ != nullptr && !dirty_) || asks_ != 0) return;
  close();
  open();
  dirty_ = false;
  stats_.reinits.add();
}

void DnsResolver::Channel::ask(const std::string& name, int family, Handler handler) {
  ++asks_;
  stats_.pending_resolutions.add();
  ares_addrinfo_hints hints{};
  hints.ai_family = family;
  // Unsorted, as Envoy: sorting would connect a socket to each address to see which is near.
  hints.ai_flags = ARES_AI_NOSORT;
  auto ask = std::make_unique<Ask>(Ask{*this, std::move(handler)});
  ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &Ask::done, ask.release());
}

void DnsResolver::Channel::on_answer(int status, int timeouts) {
  --asks_;
  stats_.pending_resolutions.sub();
  stats_.resolve_total.add();
  switch (status) {
    case ARES_SUCCESS:
      break;
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
      stats_.not_found.add();
      break;
    case ARES_ETIMEOUT:
      stats_.timeouts.add(static_cast<std::uint64_t>(timeouts));
      dirty_ = true;
      break;
    case ARES_ECONNREFUSED:
      dirty_ = true;
      [[fallthrough]];
    default:
      stats_.get_addr_failure.add();
  }
}

void DnsResolver::Channel::update_timer() {
  timeval wait{};
  if (channel_ == nullptr || ares_timeout(channel_, nullptr, &wait) == nullptr) {
    timer_.cancel();
    return;
  }
  // One millisecond more than c-ares asks for, so that its deadline has passed for sure when it is
  // called.
  timer_.expires_after(std::chrono::seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec) +
                       std::chrono::milliseconds(1));
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    if (error) return;
    if (const auto self = weak.lock()) self->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  });
}

void DnsResolver::Channel::process(ares_socket_t readable, ares_socket_t writable) {
  if (channel_ == nullptr) return;
  ares_process_fd(channel_, readable, writable);
  update_timer();
}

void DnsResolver::Channel::on_socket_state(ares_socket_t fd, bool readable, bool writable) {
  auto it = watches_.find(fd);
  if (!readable && !writable) {
    if (it == watches_.end()) return;
    it->second->closed = true;
    it->second->descriptor.release();  // c-ares closes it right after this.
    watches_.erase(it);
    return;
  }
  if (it == watches_.end()) {
    auto watch = std::make_shared<Watch>(io_);
    boost::system::error_code error;
    watch->descriptor.assign(fd, error);
    if (error) {  // Then the query times out.
      log_error("cannot watch a DNS socket: " + error.message());
      return;
    }
    watch->fd = fd;
    it = watches_.emplace(fd, std::move(watch)).first;
  }
  const std::shared_ptr<Watch>& watch = it->second;
  watch->want_read = readable;
  watch->want_write = writable;
  wait_read(watch);
  wait_write(watch);
}

void DnsResolver::Channel::wait_read(const std::shared_ptr<Watch>& watch) {
  if (watch->closed || !watch->want_read || watch->waiting_read) return;
  watch->waiting_read = true;
  watch->descriptor.async_wait(
      asio::posix::stream_descriptor::wait_read,
      [weak = weak_from_this(), watch](const boost::system::error_code& error) {
        watch->waiting_read = false;
        const auto self = weak.lock();
        if (!self || error || watch->closed) return;
        self->process(watch->fd, ARES_SOCKET_BAD);
        self->wait_read(watch);
      });
}

void DnsResolver::Channel::wait_write(const std::shared_ptr<Watch>& watch) {
  if (watch->closed || !watch->want_write || watch->waiting_write) return;
  watch->waiting_write = true;
  watch->descriptor.async_wait(
      asio::posix::stream_descriptor::wait_write,
      [weak = weak_from_this(), watch](const boost::system::error_code& error) {
        watch->waiting_write = false;
        const auto self = weak.lock();
        if (!self || error || watch->closed || !watch->want_write) return;
        self->process(ARES_SOCKET_BAD, watch->fd);
        self->wait_write(watch);
      });
}

}  // namespace holdfast::upstream
