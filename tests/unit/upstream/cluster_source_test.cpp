#include "upstream/cluster_source.hpp"

#include <map>

#include "source_fixture.hpp"

namespace holdfast::upstream {
namespace {

using test::DiscoveryType;
using test::milliseconds;
using test::Rcode;
using test::RecordType;
using test::Texts;
using Fixture = test::SourceFixture;

TEST_CASE("STATIC publishes its addresses at once", "[cluster]") {
  Fixture f(DiscoveryType::static_, {"127.0.0.1", "::1", "127.0.0.1"});
  f.cluster.endpoints[1].weight = 5;
  f.start();
  CHECK(f.hosts() == Texts{"127.0.0.1:80", "[::1]:80"});
  REQUIRE(f.published.size() == 1);
  CHECK(f.published[0]->hosts[0]->weight() == 2);
  CHECK(f.published[0]->hosts[0]->workers() == 2);
  CHECK(f.published[0]->hosts[0]->hostname().empty());  // As in Envoy's /clusters.
  CHECK(f.initialized == 1);
  CHECK(f.source->is_initialized());
  CHECK(f.stats.membership_total.get() == 2);
  CHECK(f.stats.membership_change.get() == 1);
  CHECK(f.stats.max_host_weight.get() == 5);
}

TEST_CASE("clusters without endpoints are initialised at once and publish nothing", "[cluster]") {
  for (const auto type : {DiscoveryType::static_, DiscoveryType::strict_dns}) {
    Fixture f(type, {});
    f.start();
    CHECK(f.published.empty());
    CHECK(f.initialized == 1);
    CHECK(f.source->hosts()->hosts.empty());
  }
}

TEST_CASE("STRICT_DNS: every address is a host, and the answer's changes are followed",
          "[cluster]") {
  Fixture f(DiscoveryType::strict_dns);
  f.stub.set_a("a.test", {"127.0.0.1", "127.0.0.2", "127.0.0.1"});
  f.start();
  CHECK(f.initialized == 0);
  f.settle();
  CHECK(f.hosts() == Texts{"127.0.0.1:80", "127.0.0.2:80"});
  CHECK(f.published.back()->hosts[0]->weight() == 1);
  CHECK(f.published.back()->hosts[0]->hostname() == "a.test");
  CHECK(f.initialized == 1);
  CHECK(f.timers.delay() == milliseconds(5000));

  f.refresh();
  CHECK(f.published.size() == 1);
  CHECK(f.stats.update_no_rebuild.get() == 1);

  const auto kept = f.source->hosts()->hosts[1];
  f.stub.set_a("a.test", {"127.0.0.3", "127.0.0.2"});
  f.refresh();
  CHECK(f.hosts() == Texts{"127.0.0.2:80", "127.0.0.3:80"});
  CHECK(f.source->hosts()->hosts[0] == kept);
  CHECK(f.published.size() == 2);
  CHECK(f.initialized == 1);
  CHECK(f.stats.update_attempt.get() == 3);
  CHECK(f.stats.update_success.get() == 3);
  CHECK(f.stats.dns_success.get() == 3);
  CHECK(f.stats.membership_change.get() == 2);
  CHECK(f.stats.membership_total.get() == 2);
}

TEST_CASE("STRICT_DNS: failed lookups keep the last good hosts", "[cluster]") {
  Fixture f(DiscoveryType::strict_dns);
  f.stub.set_a("a.test", {"127.0.0.1"});
  f.start();
  f.settle();
  SECTION("SERVFAIL") {
    f.stub.set("a.test", RecordType::a, {.rcode = Rcode::servfail});
  }
  SECTION("REFUSED") {
    f.stub.set("a.test", RecordType::a, {.rcode = Rcode::refused});
  }
  SECTION("no answer") {
    f.stub.set("a.test", RecordType::a, {.silent = true});
  }
  SECTION("no server") {
    f.stub.stop();
  }
  f.refresh();
  CHECK(f.hosts() == Texts{"127.0.0.1:80"});
  CHECK(f.stats.update_failure.get() == 1);
  CHECK(f.stats.dns_timeout.get() + f.stats.dns_failure.get() == 1);
  CHECK(f.timers.delay() == milliseconds(5000));
  REQUIRE(f.warnings.size() == 1);
  CHECK(f.warnings[0].find("cluster 'c': DNS lookup of 'a.test' failed: ") == 0);
  f.refresh();
  CHECK(f.warnings.size() == 1);  // Not once per lookup.

  f.stub.stop();
  f.stub.start();
  f.stub.set_a("a.test", {"127.0.0.2"});
  f.refresh();
  CHECK(f.hosts() == Texts{"127.0.0.2:80"});
}

TEST_CASE("STRICT_DNS: NXDOMAIN and an empty answer remove the hosts, as in Envoy", "[cluster]") {
  Fixture f(DiscoveryType::strict_dns);
  f.stub.set_a("a.test", {"127.0.0.1"});
  f.start();
  f.settle();
  SECTION("NXDOMAIN") {
    f.stub.forget("a.test");
  }
  SECTION("no records") {
    f.stub.set_a("a.test", {});
  }
  f.refresh();
  CHECK(f.hosts().empty());
  CHECK(f.published.size() == 2);
  CHECK(f.stats.update_success.get() == 2);
  CHECK(f.stats.update_empty.get() == 1);
  CHECK(f.stats.dns_not_found.get() == 1);
  CHECK(f.stats.membership_total.get() == 0);
  f.stub.set_a("a.test", {"127.0.0.1"});
  f.refresh();
  CHECK(f.hosts() == Texts{"127.0.0.1:80"});
}

TEST_CASE("a first lookup that fails initialises the cluster, which heals later", "[cluster]") {
  for (const auto type : {DiscoveryType::strict_dns, DiscoveryType::logical_dns}) {
    Fixture f(type);
    f.stub.set("a.test", RecordType::a, {.rcode = Rcode::servfail});
    f.start();
    f.settle();
    CHECK(f.initialized == 1);
    CHECK(f.published.empty());
    f.stub.set_a("a.test", {"127.0.0.1"});
    f.refresh();
    CHECK(f.hosts() == Texts{"127.0.0.1:80"});
    CHECK(f.initialized == 1);
  }
}

TEST_CASE("STRICT_DNS: names are resolved each on its own; weights are inherited", "[cluster]") {
  Fixture f(DiscoveryType::strict_dns, {"a.test", "b.test", "127.0.0.9"});
  f.cluster.endpoints[1].weight = 4;
  f.stub.set("a.test", RecordType::a, {.silent = true});
  f.stub.set_a("b.test", {"127.0.0.1", "127.0.0.2"});
  f.start();
  f.settle(1);
  f.settle(2);
  CHECK(f.initialized == 1);  // As Envoy: by the first name that is done.
  REQUIRE(f.source->hosts()->hosts.size() == 3);
  f.settle(0);
  f.stub.set_a("a.test", {"127.0.0.1"});
  f.refresh(0);
  std::map<std::string, std::uint32_t> weights;
  for (const auto& host : f.source->hosts()->hosts) weights[host->text()] = host->weight();
  CHECK(weights == std::map<std::string, std::uint32_t>{
                       {"127.0.0.1:80", 5}, {"127.0.0.2:80", 4}, {"127.0.0.9:80", 1}});

  f.stub.set("b.test", RecordType::a, {.rcode = Rcode::servfail});
  f.refresh(1);
  CHECK(f.source->hosts()->hosts.size() == 3);
  f.stub.set_a("b.test", {"127.0.0.2"});
  f.refresh(1);
  weights.clear();
  for (const auto& host : f.source->hosts()->hosts) weights[host->text()] = host->weight();
  CHECK(weights.at("127.0.0.1:80") == 1);
}

TEST_CASE("LOGICAL_DNS: one host at the first address, replaced when that changes", "[cluster]") {
  Fixture f(DiscoveryType::logical_dns);
  f.stub.set_a("a.test", {"127.0.0.1", "127.0.0.2"}, 7);
  f.start();
  f.settle();
  CHECK(f.hosts() == Texts{"127.0.0.1:80"});
  const auto first = f.source->hosts()->hosts[0];
  f.refresh();
  CHECK(f.published.size() == 1);
  CHECK(f.stats.update_no_rebuild.get() == 1);

  f.stub.set_a("a.test", {"127.0.0.2", "127.0.0.1"});
  f.refresh();
  CHECK(f.hosts() == Texts{"127.0.0.2:80"});
  CHECK(f.source->hosts()->hosts[0] != first);

  f.stub.forget("a.test");
  f.refresh();
  CHECK(f.hosts() == Texts{"127.0.0.2:80"});
  CHECK(f.stats.update_failure.get() == 1);
  f.stub.set_a("a.test", {});
  f.refresh();
  CHECK(f.hosts() == Texts{"127.0.0.2:80"});
  CHECK(f.stats.update_failure.get() == 2);
  CHECK(f.stats.update_empty.get() == 0);
}

}  // namespace
}  // namespace holdfast::upstream
