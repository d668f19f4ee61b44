#include "dns_answers.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "fuzz.hpp"

namespace holdfast::fuzz {
namespace {

constexpr std::size_t kHeader = 12;
constexpr std::size_t kMostRecords = 1200;  // More than the resolver keeps.

void put16(std::string& out, unsigned value) {
  out += static_cast<char>(value >> 8U & 0xffU);
  out += static_cast<char>(value & 0xffU);
}

unsigned get16(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned>(static_cast<unsigned char>(bytes[at])) << 8U |
         static_cast<unsigned char>(bytes[at + 1]);
}

/// The question as it stands in `query`.
std::string_view question(std::string_view query) {
  const std::size_t name_end = query.find('\0', kHeader);
  if (name_end == std::string_view::npos) return {};
  return query.substr(kHeader, name_end + 5 - kHeader);
}

std::string header(std::string_view query, unsigned flags, unsigned questions, unsigned answers) {
  std::string out(query.substr(0, 2));
  put16(out, 0x8180U | flags);
  put16(out, questions);
  put16(out, answers);
  put16(out, 0);
  put16(out, 0);
  return out;
}

struct Record {
  std::string_view owner;
  unsigned type;
  std::string_view ttl;
  std::string_view data;
};

void put_record(std::string& out, const Record& record) {
  out += record.owner;
  put16(out, record.type);
  put16(out, 1);
  out += record.ttl;
  put16(out, static_cast<unsigned>(record.data.size()));
  out += record.data;
}

constexpr std::string_view kAsked("\xc0\x0c", 2);  // A pointer to the question's name.
constexpr std::string_view kAlias("\5alias\4fuzz\4test\0", 17);

}  // namespace

std::uint8_t DnsAnswers::byte() {
  if (orders_.empty()) return 0xff;
  const auto value = static_cast<std::uint8_t>(orders_.front());
  orders_.remove_prefix(1);
  return value;
}

std::string_view DnsAnswers::bytes(std::size_t count) {
  const std::string_view taken = orders_.substr(0, std::min(count, orders_.size()));
  orders_.remove_prefix(taken.size());
  return taken;
}

std::string DnsAnswers::proper(std::string_view query) {
  return header(query, 3, 1, 0).append(question(query));
}

void DnsAnswers::record(std::uint8_t order, std::string& out, unsigned& count) {
  constexpr unsigned kA = 1;
  constexpr unsigned kCname = 5;
  constexpr unsigned kAaaa = 28;
  static const std::string address(16, '\x7f');
  const std::string_view minute("\0\0\0\x3c", 4);
  const bool aliased = (order & 0x80U) != 0;
  const std::string_view owner = aliased ? kAlias : kAsked;
  ++count;
  switch (order & 7U) {
    case 0:
      return put_record(out, {owner, kA, minute, bytes(4)});
    case 1:
      return put_record(out, {owner, kAaaa, minute, bytes(16)});
    case 2:
      return put_record(out, {kAsked, kCname, bytes(4), kAlias});
    case 3:  // An alias of what a pointer to anywhere points to.
      return put_record(out, {owner, kCname, minute, bytes(2)});
    case 4: {  // Many.
      const std::size_t many = std::min<std::size_t>(byte() * 8U, kMostRecords);
      const bool v6 = (order & 8U) != 0;
      for (std::size_t i = 0; i < many; ++i) {
        put_record(out, {owner, v6 ? kAaaa : kA, minute,
                         std::string_view(address).substr(0, v6 ? 16 : 4)});
      }
      count += static_cast<unsigned>(many) - 1;
      return;
    }
    case 5: {  // Any type, any lifetime, data of any length.
      const unsigned type = byte();
      const std::string_view ttl = bytes(4);
      return put_record(out, {owner, type, ttl, bytes(byte())});
    }
    case 6:  // Owned by any name, or pointer.
      return put_record(out,
                        {bytes(byte() & 31U), kA, minute, std::string_view(address).substr(0, 4)});
    default:  // No record at all.
      out += bytes(byte());
  }
}

std::string DnsAnswers::next(std::string_view query) {
  if (query.size() < kHeader + 5 || orders_.empty()) return proper(query);
  if (raw_) {
    std::string out(query.substr(0, 2));
    out += bytes(orders_.size());
    return out;
  }
  const std::uint8_t first = byte();
  std::string records;
  unsigned count = 0;
  for (std::uint8_t order = byte(); order != 0xff && records.size() < 40'000; order = byte()) {
    record(order, records, count);
  }
  constexpr unsigned kTruncated = 0x200;
  const bool lies = (first & 0x10U) != 0;
  const bool mute = (first & 0x20U) != 0;
  const bool other = (first & 0x40U) != 0;
  const bool truncated = (first & 0x80U) != 0;
  std::string out = header(query, (first & 15U) | (truncated ? kTruncated : 0U), mute ? 0 : 1,
                           lies ? byte() * 257U : count);
  if (!mute) out += question(query);
  if (other) out.back() = 3;  // Another class.
  return out += records;
}

DnsServer::DnsServer() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  for (int tries = 0; tries < 50; ++tries) {  // One port for both.
    address.sin_port = 0;
    udp_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    tcp_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    require(::bind(udp_, raw, length) == 0 && ::getsockname(udp_, raw, &length) == 0);
    if (::bind(tcp_, raw, length) == 0 && ::listen(tcp_, 64) == 0) break;
    ::close(udp_);
    ::close(tcp_);
    tcp_ = -1;
  }
  require(tcp_ >= 0);
  port_ = ntohs(address.sin_port);
}

DnsServer::~DnsServer() {
  hang_up();
  ::close(udp_);
  ::close(tcp_);
}

config::SocketAddress DnsServer::address() const {
  return {.address = "127.0.0.1", .port = port_, .location = {}};
}

bool DnsServer::serve(DnsAnswers& answers) {
  bool served = serve_udp(answers);
  for (;;) {
    const int fd = ::accept4(tcp_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) break;
    connections_.push_back({fd, {}});
  }
  for (Connection& connection : connections_) served = serve_tcp(connection, answers) || served;
  return served;
}

bool DnsServer::serve_udp(DnsAnswers& answers) {
  std::array<char, 512> buffer;
  sockaddr_in peer{};
  socklen_t length = sizeof peer;
  auto* const raw = reinterpret_cast<sockaddr*>(&peer);
  const ssize_t size = ::recvfrom(udp_, buffer.data(), buffer.size(), 0, raw, &length);
  if (size <= 0) return false;
  const std::string_view query(buffer.data(), static_cast<std::size_t>(size));
  for (const std::string& answer : {answers.next(query), DnsAnswers::proper(query)}) {
    // Who has gone meanwhile needs no answer.
    (void)::sendto(udp_, answer.data(), answer.size(), 0, raw, length);
  }
  return true;
}

bool DnsServer::serve_tcp(Connection& connection, DnsAnswers& answers) {
  std::array<char, 512> buffer;
  const ssize_t size = ::recv(connection.fd, buffer.data(), buffer.size(), 0);
  if (size > 0) connection.pending.append(buffer.data(), static_cast<std::size_t>(size));
  if (connection.pending.size() < 2) return false;
  const std::size_t end = 2 + get16(connection.pending, 0);
  if (connection.pending.size() < end) return false;
  const std::string query = connection.pending.substr(2, end - 2);
  connection.pending.erase(0, end);
  std::string out;
  for (const std::string& answer : {answers.next(query), DnsAnswers::proper(query)}) {
    const std::size_t length = std::min<std::size_t>(answer.size(), 0xffff);
    put16(out, static_cast<unsigned>(length));
    out += answer.substr(0, length);
  }
  (void)::send(connection.fd, out.data(), out.size(), MSG_NOSIGNAL);
  return true;
}

void DnsServer::hang_up() {
  for (const Connection& connection : connections_) ::close(connection.fd);
  connections_.clear();
  std::array<char, 512> buffer;
  while (::recv(udp_, buffer.data(), buffer.size(), 0) > 0) {
  }
}

}  // namespace holdfast::fuzz
