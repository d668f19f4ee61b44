// One upstream address of a cluster: where to connect, how it is called, how much of the traffic it
// gets, its counters.
//
// Owner: shared. The HostSets that list it, the pools and the connections that lead to it each keep
// it alive, on several threads, hence shared_ptr. Created on the control thread by HostTable;
// constant from then on except for the weight and the counters. Counters: one HostStats per worker,
// each written by its worker alone.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "stats/scopes.hpp"

namespace holdfast::upstream {

/// An IPv4 or IPv6 socket address.
struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] int family() const noexcept { return storage.ss_family; }
  [[nodiscard]] std::uint16_t port() const noexcept;
  /// The same IP with another port (DNS answers have none).
  [[nodiscard]] Address with_port(std::uint16_t port) const noexcept;
  /// "192.0.2.1:80" or "[2001:db8::1]:80", as Envoy prints addresses.
  [[nodiscard]] std::string text() const;
  /// Same family, IP and port.
  [[nodiscard]] bool operator==(const Address& other) const noexcept;
};

/// An IP literal without brackets or zone; nullopt for all else (host names too).
[[nodiscard]] std::optional<Address> parse_ip(std::string_view ip, std::uint16_t port);

class Host {
 public:
  /// REQUIRES: weight >= 1, workers >= 1.
  Host(const Address& address, std::string hostname, std::uint32_t weight, std::size_t workers);

  Host& operator=(const Host&) = delete;

  [[nodiscard]] const sockaddr* address() const noexcept {
    return reinterpret_cast<const sockaddr*>(&address_.storage);
  }
  [[nodiscard]] socklen_t address_length() const noexcept { return address_.length; }
  [[nodiscard]] const Address& socket_address() const noexcept { return address_; }
  /// "ip:port", as in %UPSTREAM_HOST% and /clusters.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// The name in the configuration that led here (an IP literal where the configuration has one).
  [[nodiscard]] const std::string& hostname() const noexcept { return hostname_; }

  /// 1..2^32-1. Set by the control thread only, before the set that needs it is published.
  [[nodiscard]] std::uint32_t weight() const noexcept {
    return weight_.load(std::memory_order_relaxed);
  }
  void set_weight(std::uint32_t weight) noexcept {
    weight_.store(weight, std::memory_order_relaxed);
  }

  /// The counters of one worker. REQUIRES: worker < workers(); only that worker writes.
  [[nodiscard]] stats::HostStats& stats(std::size_t worker) const noexcept {
    return stats_[worker];
  }
  [[nodiscard]] std::size_t workers() const noexcept { return workers_; }

 private:
  // Constant after construction.
  Address address_;
  std::string text_;
  std::string hostname_;
  std::size_t workers_;
  std::unique_ptr<stats::HostStats[]> stats_;
  // Written by the control thread, read by all.
  std::atomic<std::uint32_t> weight_;
};

}  // namespace holdfast::upstream
