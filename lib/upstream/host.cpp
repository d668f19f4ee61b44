#include "upstream/host.hpp"

#include <arpa/inet.h>

#include <cstring>
#include <utility>

namespace holdfast::upstream {
std::uint16_t Address::port() const noexcept {
  return family() == AF_INET6 ? ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port)
                              : ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
}

Address Address::with_port(std::uint16_t port) const noexcept {
  Address copy = *this;
  if (family() == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(copy.storage).sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in&>(copy.storage).sin_port = htons(port);
  }
  return copy;
}

std::string Address::text() const {
  char ip[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, ip, sizeof ip);
    return "[" + std::string(ip) + "]:" + std::to_string(port());
  }
  inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, ip, sizeof ip);
  return std::string(ip) + ":" + std::to_string(port());
}

bool Address::operator==(const Address& other) const noexcept {
  if (family() != other.family() || port() != other.port()) return false;
  if (family() == AF_INET6) {
    const auto& a = reinterpret_cast<const sockaddr_in6&>(storage);
    const auto& b = reinterpret_cast<const sockaddr_in6&>(other.storage);
    return std::memcmp(&a.sin6_addr, &b.sin6_addr, sizeof a.sin6_addr) == 0;
  }
  return reinterpret_cast<const sockaddr_in&>(storage).sin_addr.s_addr ==
         reinterpret_cast<const sockaddr_in&>(other.storage).sin_addr.s_addr;
}

std::optional<Address> parse_ip(std::string_view ip, std::uint16_t port) {
  const std::string text(ip);
  if (text.find('\0') != std::string::npos) return std::nullopt;
  Address address;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    address.length = sizeof(sockaddr_in);
    return address.with_port(port);
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    address.length = sizeof(sockaddr_in6);
    return address.with_port(port);
  }
  return std::nullopt;
}

Host::Host(const Address& address, std::string hostname, std::uint32_t weight, std::size_t workers)
    : address_(address),
      text_(address.text()),
      hostname_(std::move(hostname)),
      workers_(workers),
      stats_(new stats::HostStats[workers]{}),
      weight_(weight) {}

}  // namespace holdfast::upstream
