#include "upstream/dns_resolver.hpp"

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <boost/asio/post.hpp>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "upstream/dns_resolver_channel.hpp"

namespace holdfast::upstream {
namespace asio = boost::asio;
using config::DnsLookupFamily;

/// One resolve(). Shared: by its Query, its queries under way and its completion in the io_context.
struct DnsResolver::Lookup {
  std::string name;
  Callback callback;  ///< Empty once cancelled or called.
  DnsResult result;
  /// Asked if the families before it gave no address.
  std::optional<int> fallback;
  int under_way = 0;
  bool bad = false;
  bool last_bad_was_timeout = false;

  static void ask(Channel& channel, const std::shared_ptr<Lookup>& lookup, int family);
  static void complete(Channel& channel, const std::shared_ptr<Lookup>& lookup);
  void on_answer(int status, int family, const ares_addrinfo* addrinfo);
};

class DnsResolver::QueryHandle : public Query {
 public:
  explicit QueryHandle(std::shared_ptr<Lookup> lookup) : lookup_(std::move(lookup)) {}
  // c-ares cannot end one query of many: it goes on, and nobody listens.
  ~QueryHandle() override { lookup_->callback = nullptr; }
  QueryHandle(const QueryHandle&) = delete;
  QueryHandle& operator=(const QueryHandle&) = delete;

 private:
  std::shared_ptr<Lookup> lookup_;
};

namespace {

std::chrono::seconds ttl_of(int ttl) {
  return std::chrono::seconds(std::max(ttl, 0));  // RFC 2181 8: with the top bit set it means 0.
}

/// c-ares gives each record its own TTL; a name behind a CNAME is good for no longer than the CNAME
/// is.
std::chrono::seconds least_alias_ttl(const ares_addrinfo& addrinfo) {
  auto least = std::chrono::seconds::max();
  for (const ares_addrinfo_cname* alias = addrinfo.cnames; alias != nullptr; alias = alias->next) {
    least = std::min(least, ttl_of(alias->ttl));
  }
  return least;
}

/// Of the family asked for: c-ares hands over whatever address records the answer holds.
void add_addresses(const ares_addrinfo& addrinfo, int family, DnsResult& result) {
  const std::chrono::seconds alias_ttl = least_alias_ttl(addrinfo);
  for (const ares_addrinfo_node* node = addrinfo.nodes; node != nullptr; node = node->ai_next) {
    if (node->ai_family != family) continue;
    if (result.addresses.size() == DnsResolver::kMaxAddresses) {
      result.cut = true;
      return;
    }
    ResolvedAddress resolved;
    resolved.address.length = node->ai_addrlen;
    std::memcpy(&resolved.address.storage, node->ai_addr, node->ai_addrlen);
    resolved.address = resolved.address.with_port(0);
    resolved.ttl = std::min(ttl_of(node->ai_ttl), alias_ttl);
    result.addresses.push_back(resolved);
  }
}

/// RFC 6761 6.3: "localhost" and all names below it.
bool is_localhost(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  constexpr std::string_view kLocalhost = "localhost";
  if (name.size() < kLocalhost.size()) return false;
  const std::string_view rest = name.substr(0, name.size() - kLocalhost.size());
  return boost::algorithm::iequals(name.substr(rest.size()), kLocalhost) &&
         (rest.empty() || rest.ends_with('.'));
}

/// c-ares knows localhost, too, but 1.18 leaks its name each time /etc/hosts lacks the family.
std::vector<ResolvedAddress> loopback(DnsLookupFamily family) {
  const ResolvedAddress v4{parse_ip("127.0.0.1", 0).value_or(Address{}), std::chrono::seconds(0)};
  const ResolvedAddress v6{parse_ip("::1", 0).value_or(Address{}), std::chrono::seconds(0)};
  switch (family) {
    case DnsLookupFamily::all:
      return {v4, v6};
    case DnsLookupFamily::v4_only:
    case DnsLookupFamily::v4_preferred:
      return {v4};
    case DnsLookupFamily::auto_:
    case DnsLookupFamily::v6_only:
      break;
  }
  return {v6};
}

}  // namespace

void DnsResolver::Lookup::ask(Channel& channel, const std::shared_ptr<Lookup>& lookup, int family) {
  channel.ask(lookup->name, family, [&channel, lookup, family](int status, const auto* addrinfo) {
    lookup->on_answer(status, family, addrinfo);
    if (lookup->under_way != 0) return;
    const auto fallback = std::exchange(lookup->fallback, std::nullopt);
    if (fallback && lookup->result.addresses.empty() && lookup->callback) {
      lookup->under_way = 1;
      ask(channel, lookup, *fallback);
    } else {
      complete(channel, lookup);
    }
  });
}

void DnsResolver::Lookup::on_answer(int status, int family, const ares_addrinfo* addrinfo) {
  --under_way;
  result.detail = ares_strerror(status);
  if (addrinfo != nullptr) {
    add_addresses(*addrinfo, family, result);
  } else if (status != ARES_ENODATA && status != ARES_ENOTFOUND) {
    bad = true;
    last_bad_was_timeout = status == ARES_ETIMEOUT;
  }
}

void DnsResolver::Lookup::complete(Channel& channel, const std::shared_ptr<Lookup>& lookup) {
  DnsResult& result = lookup->result;
  if (!result.addresses.empty()) {
    result.status = DnsResult::Status::ok;
  } else if (!lookup->bad) {
    result.status = DnsResult::Status::no_data;
  } else {
    result.status =
        lookup->last_bad_was_timeout ? DnsResult::Status::timeout : DnsResult::Status::failed;
  }
  // Two queries at once come back in any order.
  std::stable_partition(
      result.addresses.begin(), result.addresses.end(),
      [](const ResolvedAddress& resolved) { return resolved.address.family() == AF_INET; });
  if (result.cut) channel.count_cut_answer();
  asio::post(channel.io(), [weak = channel.weak_from_this(), lookup] {
    if (weak.expired()) return;
    // The callback may destroy its Query, hence itself if it were still in the lookup.
    if (auto callback = std::exchange(lookup->callback, nullptr)) callback(lookup->result);
  });
}

DnsResolver::DnsResolver(asio::io_context& io, Options options, stats::DnsStats& stats)
    : channel_(std::make_shared<Channel>(io, std::move(options), stats)) {}

DnsResolver::~DnsResolver() = default;

bool DnsResolver::valid() const noexcept {
  return channel_->valid();
}

std::unique_ptr<DnsResolver::Query> DnsResolver::resolve(const std::string& name,
                                                         DnsLookupFamily family,
                                                         Callback callback) {
  auto lookup = std::make_shared<Lookup>();
  lookup->name = name;
  lookup->callback = std::move(callback);
  auto query = std::make_unique<QueryHandle>(lookup);

  if (const auto literal = parse_ip(name, 0)) {
    lookup->result.addresses.push_back({*literal, std::chrono::seconds(0)});
    Lookup::complete(*channel_, lookup);
    return query;
  }
  if (is_localhost(name)) {
    lookup->result.addresses = loopback(family);
    Lookup::complete(*channel_, lookup);
    return query;
  }
  channel_->refresh_if_dirty();
  if (!channel_->valid()) {
    lookup->bad = true;
    lookup->result.detail = "no usable DNS resolver";
    Lookup::complete(*channel_, lookup);
    return query;
  }
  const bool v4_first = family == DnsLookupFamily::v4_only ||
                        family == DnsLookupFamily::v4_preferred || family == DnsLookupFamily::all;
  const int first = v4_first ? AF_INET : AF_INET6;
  const int second = v4_first ? AF_INET6 : AF_INET;
  if (family == DnsLookupFamily::auto_ || family == DnsLookupFamily::v4_preferred) {
    lookup->fallback = second;
  }
  lookup->under_way = family == DnsLookupFamily::all ? 2 : 1;
  Lookup::ask(*channel_, lookup, first);
  if (family == DnsLookupFamily::all) Lookup::ask(*channel_, lookup, second);
  channel_->update_timer();
  return query;
}

struct DnsResolvers::Entry {
  std::vector<config::SocketAddress> servers;
  bool use_tcp;
  std::uint32_t edns0_max_payload_size;
  std::unique_ptr<DnsResolver> resolver;
};

DnsResolvers::DnsResolvers(asio::io_context& io) : io_(io) {}
DnsResolvers::~DnsResolvers() = default;

DnsResolver& DnsResolvers::get(const config::Dns& dns) {
  const auto same = [&dns](const Entry& entry) {
    return entry.use_tcp == dns.use_tcp &&
           entry.edns0_max_payload_size == dns.edns0_max_payload_size &&
           std::equal(entry.servers.begin(), entry.servers.end(), dns.resolvers.begin(),
                      dns.resolvers.end(), [](const auto& a, const auto& b) {
                        return a.address == b.address && a.port == b.port;
                      });
  };
  const auto it = std::find_if(entries_.begin(), entries_.end(), same);
  if (it != entries_.end()) return *it->resolver;
  DnsResolver::Options options{.servers = dns.resolvers,
                               .use_tcp = dns.use_tcp,
                               .edns0_max_payload_size = dns.edns0_max_payload_size};
  entries_.push_back({dns.resolvers, dns.use_tcp, dns.edns0_max_payload_size,
                      std::make_unique<DnsResolver>(io_, std::move(options), stats_)});
  return *entries_.back().resolver;
}

}  // namespace holdfast::upstream
