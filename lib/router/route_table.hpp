// (authority, path) -> the route that the configuration names: virtual host first, then its first
// matching route.
//
// Owner: the listener's filter chain, shared by all workers: immutable after construction, so any
// thread may match(). As Envoy: host names compare without case; exact beats the longest
// "*.suffix", that the longest "prefix*", that "*". The authority is compared as sent: a port in it
// belongs to it.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.hpp"

namespace holdfast::router {

class RouteTable {
 public:
  /// REQUIRES: `config` outlives the table.
  explicit RouteTable(const config::RouteConfiguration& config);

  /// Null: no virtual host or no route matches. `path` is the request target with its query.
  [[nodiscard]] const config::Route* match(std::string_view authority, std::string_view path) const;
  [[nodiscard]] const config::VirtualHost* find_virtual_host(std::string_view authority) const;
  /// Whose route that is. REQUIRES: match() has returned it.
  [[nodiscard]] const config::VirtualHost& virtual_host_of(const config::Route& route) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const noexcept {
      return std::hash<std::string_view>{}(s);
    }
  };
  struct Wildcard {
    std::string text;  ///< Without the asterisk, lower case.
    const config::VirtualHost* host;
  };
  void add_domain(const std::string& domain, const config::VirtualHost& host);

  const config::RouteConfiguration& config_;
  std::unordered_map<std::string, const config::VirtualHost*, Hash, std::equal_to<>> exact_;
  std::vector<Wildcard> suffixes_;  ///< Longest first.
  std::vector<Wildcard> prefixes_;  ///< Longest first.
  const config::VirtualHost* default_ = nullptr;
};

}  // namespace holdfast::router
