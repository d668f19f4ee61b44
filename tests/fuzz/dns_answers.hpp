// The other side of dns_fuzz: a DNS server on one loopback port that sends what the input says, and
// behind each answer a proper one, so that no lookup has to wait for its timeout.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace holdfast::fuzz {

/// Makes answers from orders, one byte each with its arguments behind it: kA, kCname, ... The low
/// nibble of an answer's first byte is its RCODE, the high one holds its tricks.
class DnsAnswers {
 public:
  DnsAnswers(std::string_view orders, bool raw) : orders_(orders), raw_(raw) {}
  /// The next answer to `query`; a plain NXDOMAIN when the orders are used up.
  [[nodiscard]] std::string next(std::string_view query);
  [[nodiscard]] static std::string proper(std::string_view query);

 private:
  [[nodiscard]] std::uint8_t byte();
  [[nodiscard]] std::string_view bytes(std::size_t count);
  void record(std::uint8_t order, std::string& out, unsigned& count);

  std::string_view orders_;
  bool raw_;
};

class DnsServer {
 public:
  DnsServer();
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  [[nodiscard]] config::SocketAddress address() const;
  /// Answers what has come; false if nothing had.
  bool serve(DnsAnswers& answers);
  /// Closes what is open over TCP, forgets what is unread.
  void hang_up();

 private:
  struct Connection {
    int fd;
    std::string pending;
  };
  bool serve_udp(DnsAnswers& answers);
  bool serve_tcp(Connection& connection, DnsAnswers& answers);

  int udp_ = -1;
  int tcp_ = -1;
  std::uint16_t port_ = 0;
  std::vector<Connection> connections_;
};

}  // namespace holdfast::fuzz
