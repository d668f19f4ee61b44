// A ClusterSource of any type against a DNS stub, with timers that the test fires: for the tests of
// cluster sources.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "dns_stub.hpp"
#include "upstream/cluster_source.hpp"
#include "upstream/dns_resolver.hpp"

namespace holdfast::test {

using config::DiscoveryType;
using config::DnsLookupFamily;
using std::chrono::milliseconds;
using Texts = std::vector<std::string>;

/// Timers that run out when the test says so, and tell for how long they were set.
class ManualTimers {
 public:
  struct Armed {
    milliseconds delay{-1};
    std::function<void()> callback;
  };

  upstream::TimerFactory factory() {
    return [this] {
      armed_.push_back(std::make_shared<Armed>());
      return std::make_unique<ManualTimer>(armed_.back());
    };
  }
  [[nodiscard]] bool is_armed(std::size_t timer = 0) const {
    return armed_.at(timer)->callback != nullptr;
  }
  [[nodiscard]] milliseconds delay(std::size_t timer = 0) const { return armed_.at(timer)->delay; }
  void fire(std::size_t timer = 0) {
    const auto callback = std::exchange(armed_.at(timer)->callback, nullptr);
    REQUIRE(callback);
    callback();
  }

 private:
  class ManualTimer : public upstream::Timer {
   public:
    explicit ManualTimer(std::shared_ptr<Armed> armed) : armed_(std::move(armed)) {}
    ~ManualTimer() override { armed_->callback = nullptr; }
    ManualTimer(const ManualTimer&) = delete;
    ManualTimer& operator=(const ManualTimer&) = delete;
    void start(milliseconds delay, std::function<void()> callback) override {
      *armed_ = {delay, std::move(callback)};
    }
    void cancel() override { armed_->callback = nullptr; }

   private:
    std::shared_ptr<Armed> armed_;
  };
  std::deque<std::shared_ptr<Armed>> armed_;
};

struct SourceFixture {
  boost::asio::io_context io;
  DnsStub stub{io};
  stats::DnsStats dns_stats;
  upstream::DnsResolver resolver{
      io, {.servers = {stub.address()}, .query_timeout = milliseconds(50), .tries = 1}, dns_stats};
  ManualTimers timers;
  config::Cluster cluster;
  stats::ClusterUpdateStats stats;
  std::vector<std::shared_ptr<const upstream::HostSet>> published;
  int initialized = 0;
  std::vector<std::string> warnings;
  std::uint64_t random = 0;
  std::unique_ptr<upstream::ClusterSource> source;

  explicit SourceFixture(DiscoveryType type, const std::vector<std::string>& names = {"a.test"}) {
    cluster.name = "c";
    cluster.type = type;
    cluster.dns.lookup_family = DnsLookupFamily::v4_only;
    for (const auto& name : names) cluster.endpoints.push_back({{name, 80, {}}, 1});
  }

  void start() {
    upstream::ClusterSource::Context context;
    context.workers = 2;
    context.resolver = &resolver;
    context.make_timer = timers.factory();
    context.publish = [this](std::shared_ptr<const upstream::HostSet> set) {
      published.push_back(std::move(set));
    };
    context.initialized = [this] { ++initialized; };
    context.warn = [this](const std::string& line) { warnings.push_back(line); };
    context.random = [this] { return random; };
    source = make_cluster_source(cluster, stats, std::move(context));
    source->start();
  }
  /// Until the resolution under way has ended.
  void settle(std::size_t timer = 0) {
    REQUIRE(run_until(io, [this, timer] { return timers.is_armed(timer); }));
  }
  void refresh(std::size_t timer = 0) {
    timers.fire(timer);
    settle(timer);
  }
  [[nodiscard]] Texts hosts() const {
    Texts out;
    for (const auto& host : source->hosts()->hosts) out.push_back(host->text());
    return out;
  }
};

}  // namespace holdfast::test
