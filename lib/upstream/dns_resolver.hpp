// Names to addresses with their TTLs, by c-ares on the control thread's io_context: no thread, no
// polling.
//
// Owner: DnsResolvers, one DnsResolver per distinct resolver configuration; control thread only.
// Always: a callback comes exactly once, never from within resolve(), and not after its Query or
// the resolver is gone; so both may be destroyed within a callback. Every lookup ends:
// kQueryTimeout and kTries bound it. Like Envoy's, it reads /etc/hosts, answers localhost by itself
// and follows the search list of resolv.conf.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "stats/scopes.hpp"
#include "upstream/host.hpp"

namespace boost::asio {
class io_context;
}

namespace holdfast::upstream {

struct ResolvedAddress {
  Address address;  ///< Port 0.
  std::chrono::seconds ttl{
      0};  ///< Least of the record's and its CNAMEs'; 0 from /etc/hosts and literals.
};

struct DnsResult {
  enum class Status : std::uint8_t {
    ok,       ///< At least one address.
    no_data,  ///< Every lookup made was answered: there is no such name, or it has no address.
    failed,   ///< No address, and a lookup ended badly: SERVFAIL, REFUSED, unreachable server,
              ///< garbage.
    timeout,  ///< As failed, and the last to end badly got no answer at all.
  };
  Status status = Status::failed;
  std::vector<ResolvedAddress> addresses;
  std::string detail;  ///< For the log, e.g. "Domain name not found".
  bool cut = false;    ///< The answer had more than kMaxAddresses; the rest was dropped.
};

class DnsResolver {
 public:
  using Callback = std::function<void(const DnsResult&)>;

  static constexpr std::size_t kMaxAddresses = 1024;
  /// First try; c-ares doubles it for each further one: 2 + 4 + 8 s. (Envoy: 5 s and 4 tries, 75 s
  /// until a dead server counts as a failure, and up to 40 s until a server that came back is asked
  /// again.)
  static constexpr std::chrono::milliseconds kQueryTimeout{2000};
  static constexpr int kTries = 3;

  struct Options {
    std::vector<config::SocketAddress>
        servers;  ///< IP literals; empty = the system's. Port 0 = 53.
    bool use_tcp = false;
    std::uint32_t edns0_max_payload_size = 0;  ///< 0 = no EDNS0.
    std::chrono::milliseconds query_timeout = kQueryTimeout;
    int tries = kTries;
  };

  /// A lookup under way. Destroying it cancels: the callback is destroyed and never runs.
  class Query {
   public:
    virtual ~Query() = default;
  };

  /// REQUIRES: stats outlives this. ENSURES: never throws for bad servers; valid() tells.
  DnsResolver(boost::asio::io_context& io, Options options, stats::DnsStats& stats);
  ~DnsResolver();
  DnsResolver(const DnsResolver&) = delete;
  DnsResolver& operator=(const DnsResolver&) = delete;

  /// False when c-ares refused the options (a server that is not an IP literal): every lookup then
  /// ends as failed.
  [[nodiscard]] bool valid() const noexcept;

  /// Looks `name` up as Envoy's dns_lookup_family says: auto_ = IPv6, then IPv4 if that gave no
  /// address; v4_preferred the other way round; all = both at once,
  /// IPv4 first in the result. IP literals need no server, and no family
  /// refuses them (observed in Envoy 1.40).
  [[nodiscard]] std::unique_ptr<Query> resolve(const std::string& name,
                                               config::DnsLookupFamily family, Callback callback);

 private:
  class Channel;
  struct Lookup;
  class QueryHandle;
  // Shared: completions on their way through the io_context hold it weakly.
  std::shared_ptr<Channel> channel_;
};

/// The resolvers of the process: clusters with equal resolver configurations share one.
class DnsResolvers {
 public:
  explicit DnsResolvers(boost::asio::io_context& io);
  ~DnsResolvers();

  /// The reference is good until this is destroyed.
  [[nodiscard]] DnsResolver& get(const config::Dns& dns);
  [[nodiscard]] const stats::DnsStats& stats() const noexcept { return stats_; }

 private:
  struct Entry;
  stats::DnsStats stats_;
  boost::asio::io_context& io_;
  std::vector<Entry> entries_;
};

}  // namespace holdfast::upstream
