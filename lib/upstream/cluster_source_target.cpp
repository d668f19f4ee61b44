#include "upstream/cluster_source_target.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/log.hpp"

namespace holdfast::upstream {
using std::chrono::milliseconds;

DnsBackOff::DnsBackOff(const config::Dns& dns)
    : jittered_(dns.failure_base_interval.has_value()),
      base_(std::max(dns.failure_base_interval.value_or(dns.refresh_rate), milliseconds(1))),
      // Envoy's default for max_interval.
      max_(jittered_ ? std::max(base_, dns.failure_max_interval.value_or(base_ * 10)) : base_),
      interval_(base_) {}

milliseconds DnsBackOff::next(const std::function<std::uint64_t()>& random) {
  if (!jittered_) return base_;
  const auto limit = static_cast<std::uint64_t>(interval_.count());
  interval_ = interval_ < max_ / 2 ? interval_ * 2 : max_;
  return std::max(milliseconds(random() % limit), milliseconds(1));
}

ResolveTarget::ResolveTarget(const config::Cluster& cluster, const config::Endpoint& endpoint,
                             EmptyAnswer empty_answer, const ClusterSource::Context& context,
                             stats::ClusterUpdateStats& stats, Owner owner)
    : cluster_(cluster),
      endpoint_(endpoint),
      empty_answer_(empty_answer),
      context_(context),
      stats_(stats),
      owner_(std::move(owner)),
      back_off_(cluster.dns),
      timer_(context.make_timer()) {}

void ResolveTarget::resolve() {
  stats_.update_attempt.add();
  query_ = context_.resolver->resolve(endpoint_.address.address, cluster_.dns.lookup_family,
                                      [this](const DnsResult& result) { on_result(result); });
}

void ResolveTarget::on_result(const DnsResult& result) {
  query_.reset();
  count(result);
  log(result);
  milliseconds delay = cluster_.dns.refresh_rate;
  const bool good =
      result.status == DnsResult::Status::ok ||
      (result.status == DnsResult::Status::no_data && empty_answer_ == EmptyAnswer::good);
  if (good) {
    stats_.update_success.add();
    if (result.addresses.empty()) stats_.update_empty.add();
    back_off_.reset();
    const std::chrono::seconds ttl = owner_.on_answer(result.addresses);
    stats_.dns_ttl_seconds.set(static_cast<std::uint64_t>(ttl.count()));
    if (cluster_.dns.respect_ttl && ttl.count() != 0) delay = ttl;
    if (!result.addresses.empty()) warn_of_both_families(result.addresses.front().address);
  } else {
    stats_.update_failure.add();
    delay = back_off_.next(context_.random);
  }
  timer_->start(std::max(delay, milliseconds(1)), [this] { resolve(); });
  owner_.on_end();
}

void ResolveTarget::count(const DnsResult& result) {
  switch (result.status) {
    case DnsResult::Status::ok:
      stats_.dns_success.add();
      break;
    case DnsResult::Status::no_data:
      stats_.dns_not_found.add();
      break;
    case DnsResult::Status::timeout:
      stats_.dns_timeout.add();
      break;
    case DnsResult::Status::failed:
      stats_.dns_failure.add();
      break;
  }
}

void ResolveTarget::log(const DnsResult& result) {
  const std::string subject =
      "cluster '" + cluster_.name + "': DNS lookup of '" + endpoint_.address.address + "'";
  if (result.cut && !std::exchange(cut_warned_, true)) {
    context_.warn(subject + " gave more than " + std::to_string(DnsResolver::kMaxAddresses) +
                  " addresses; the rest is ignored");
  }
  // The operator hears of each change between resolving and not resolving, not of each lookup.
  const bool failing = result.status != DnsResult::Status::ok;
  if (failing == std::exchange(failing_, failing)) return;
  if (failing) {
    context_.warn(subject + " failed: " + result.detail);
  } else {
    base::log(base::Component::dns, base::LogLevel::info, subject + " works again");
  }
}

/// AUTO asks for IPv6 first and takes it if there is one. A server that listens on IPv4 only is
/// then never reached, and nothing else says why (`localhost` is the usual case).
void ResolveTarget::warn_of_both_families(const Address& chosen) {
  if (cluster_.dns.lookup_family != config::DnsLookupFamily::auto_ || families_checked_ ||
      chosen.family() != AF_INET6 || parse_ip(endpoint_.address.address, 0)) {
    return;
  }
  families_checked_ = true;
  const std::uint16_t port = endpoint_.address.port;
  family_check_ = context_.resolver->resolve(
      endpoint_.address.address, config::DnsLookupFamily::v4_only,
      [this, used = chosen.with_port(port).text(), port](const DnsResult& result) {
        if (result.status != DnsResult::Status::ok) return;
        context_.warn("cluster '" + cluster_.name + "': '" + endpoint_.address.address +
                      "' has IPv6 and IPv4 addresses; using " + used + ", not " +
                      result.addresses.front().address.with_port(port).text() +
                      " (dns_lookup_family: AUTO; V4_PREFERRED or V4_ONLY would use the latter)");
      });
}

}  // namespace holdfast::upstream
