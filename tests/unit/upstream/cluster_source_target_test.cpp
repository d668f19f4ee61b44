#include "upstream/cluster_source_target.hpp"

#include <boost/asio/io_context.hpp>

#include "source_fixture.hpp"

namespace holdfast::upstream {
namespace {

using test::DiscoveryType;
using test::DnsLookupFamily;
using test::milliseconds;
using test::Rcode;
using test::RecordType;
using test::Texts;
using Fixture = test::SourceFixture;

TEST_CASE("the TTL sets the time of the next lookup only if respected and not 0", "[cluster]") {
  struct Case {
    DiscoveryType type;
    bool respect;
    std::uint32_t ttl_a, ttl_b;
    milliseconds expected;
  };
  const Case cases[] = {
      {DiscoveryType::strict_dns, true, 9, 7, milliseconds(7000)},
      {DiscoveryType::strict_dns, false, 9, 7, milliseconds(1234)},
      {DiscoveryType::strict_dns, true, 9, 0, milliseconds(1234)},
      {DiscoveryType::logical_dns, true, 9, 7, milliseconds(9000)},
      {DiscoveryType::logical_dns, true, 0, 7, milliseconds(1234)},
  };
  for (const Case& c : cases) {
    Fixture f(c.type);
    f.cluster.dns.refresh_rate = milliseconds(1234);
    f.cluster.dns.respect_ttl = c.respect;
    f.stub.set("a.test", RecordType::a,
               {.records = {{RecordType::a, "127.0.0.1", c.ttl_a, ""},
                            {RecordType::a, "127.0.0.2", c.ttl_b, ""}}});
    f.start();
    f.settle();
    CHECK(f.timers.delay() == c.expected);
  }
}

TEST_CASE("an empty answer has no TTL to respect", "[cluster]") {
  Fixture f(DiscoveryType::strict_dns);
  f.cluster.dns.respect_ttl = true;
  f.start();
  f.settle();
  CHECK(f.timers.delay() == milliseconds(5000));
}

TEST_CASE("dns_failure_refresh_rate backs off with jitter until a good answer", "[cluster]") {
  Fixture f(DiscoveryType::strict_dns);
  f.cluster.dns.failure_base_interval = milliseconds(1000);
  f.cluster.dns.failure_max_interval = milliseconds(5000);
  f.random = 999;
  f.stub.set("a.test", RecordType::a, {.rcode = Rcode::servfail});
  f.start();
  f.settle();
  CHECK(f.timers.delay() == milliseconds(999));
  f.random = 2'001'999;
  f.refresh();
  CHECK(f.timers.delay() == milliseconds(1999));
  f.random = 3999;
  f.refresh();
  CHECK(f.timers.delay() == milliseconds(3999));
  f.random = 4999;
  f.refresh();
  CHECK(f.timers.delay() == milliseconds(4999));
  f.refresh();
  CHECK(f.timers.delay() == milliseconds(4999));
  f.random = 0;
  f.refresh();
  CHECK(f.timers.delay() == milliseconds(1));
  f.stub.set_a("a.test", {"127.0.0.1"});
  f.refresh();
  CHECK(f.timers.delay() == milliseconds(5000));
  f.stub.set("a.test", RecordType::a, {.rcode = Rcode::servfail});
  f.random = 1500;
  f.refresh();
  CHECK(f.timers.delay() == milliseconds(500));
}

TEST_CASE("the back-off's cap is ten times its base by default, and never below it", "[cluster]") {
  const auto most = [] { return std::uint64_t{999'999'999}; };
  config::Dns dns;
  dns.failure_base_interval = milliseconds(100);
  DnsBackOff by_default(dns);
  milliseconds last{0};
  for (int i = 0; i < 10; ++i) last = by_default.next(most);
  CHECK(last == milliseconds(999));  // 999'999'999 mod 1000
  dns.failure_max_interval = milliseconds(10);
  DnsBackOff low_cap(dns);
  for (int i = 0; i < 3; ++i) CHECK(low_cap.next(most) == milliseconds(99));
}

TEST_CASE("AUTO warns once when it takes IPv6 of a name that has both", "[cluster]") {
  Fixture f(DiscoveryType::strict_dns);
  f.cluster.dns.lookup_family = DnsLookupFamily::auto_;
  f.stub.set("a.test", RecordType::aaaa, {.records = {{RecordType::aaaa, "::1", 60, ""}}});
  SECTION("both") {
    f.stub.set_a("a.test", {"127.0.0.1"});
    f.start();
    REQUIRE(test::run_until(f.io, [&f] { return !f.warnings.empty(); }));
    CHECK(f.warnings[0] ==
          "cluster 'c': 'a.test' has IPv6 and IPv4 addresses; using [::1]:80, not 127.0.0.1:80 "
          "(dns_lookup_family: AUTO; V4_PREFERRED or V4_ONLY would use the latter)");
    CHECK(f.hosts() == Texts{"[::1]:80"});
    f.refresh();
    f.refresh();
    CHECK(f.stub.queries("a.test", RecordType::a) == 1);
    CHECK(f.warnings.size() == 1);
  }
  SECTION("IPv6 only") {
    f.start();
    f.settle();
    REQUIRE(test::run_until(f.io, [&f] { return f.stub.queries("a.test", RecordType::a) == 1; }));
    f.refresh();
    CHECK(f.warnings.empty());
  }
  SECTION("asked for") {
    f.cluster.dns.lookup_family = DnsLookupFamily::v6_only;
    f.stub.set_a("a.test", {"127.0.0.1"});
    f.start();
    f.settle();
    f.refresh();
    CHECK(f.stub.queries("a.test", RecordType::a) == 0);
    CHECK(f.warnings.empty());
  }
}

TEST_CASE("an answer that is cut is said once", "[cluster]") {
  Fixture f(DiscoveryType::strict_dns);
  test::Reply reply;
  reply.truncate_udp = true;
  for (std::size_t i = 0; i <= DnsResolver::kMaxAddresses; ++i) {
    reply.records.push_back({RecordType::a,
                             "127.1." + std::to_string(i / 256) + "." + std::to_string(i % 256), 60,
                             ""});
  }
  f.stub.set("a.test", RecordType::a, reply);
  f.start();
  f.settle();
  f.refresh();
  CHECK(f.source->hosts()->hosts.size() == DnsResolver::kMaxAddresses);
  REQUIRE(f.warnings.size() == 1);
  CHECK(f.warnings[0].find("gave more than 1024 addresses") != std::string::npos);
}

TEST_CASE("a source may go at any time", "[cluster]") {
  Fixture f(DiscoveryType::strict_dns, {"a.test", "b.test"});
  f.stub.set("a.test", RecordType::a, {.silent = true});
  f.stub.set_a("b.test", {"127.0.0.1"});
  f.start();
  SECTION("before it asked") {}
  SECTION("while it waits") {
    f.settle(1);
  }
  f.source.reset();
  CHECK_FALSE(f.timers.is_armed(0));
  CHECK_FALSE(f.timers.is_armed(1));
  const std::size_t before = f.published.size();
  REQUIRE(test::run_until(f.io, [&f] { return f.dns_stats.pending_resolutions.get() == 0; }));
  CHECK(f.published.size() == before);
}

TEST_CASE("asio_timers: a timer fires once, can be replaced, cancelled and destroyed",
          "[cluster]") {
  boost::asio::io_context io;
  const TimerFactory factory = asio_timers(io);
  auto timer = factory();
  int first = 0;
  int second = 0;
  timer->start(milliseconds(1), [&first] { ++first; });
  timer->start(milliseconds(2), [&second] { ++second; });
  REQUIRE(test::run_until(io, [&second] { return second > 0; }));
  CHECK(first == 0);

  SECTION("replaced after it had expired") {
    timer->start(milliseconds(0), [&first] { ++first; });
    const auto until = std::chrono::steady_clock::now() + milliseconds(5);
    while (std::chrono::steady_clock::now() < until) {
    }
    timer->start(milliseconds(1), [&second] { ++second; });
    REQUIRE(test::run_until(io, [&second] { return second == 2; }));
    CHECK(first == 0);
  }
  SECTION("cancelled") {
    timer->start(milliseconds(0), [&first] { ++first; });
    timer->cancel();
    io.restart();
    io.run();
    CHECK(first == 0);
  }
  SECTION("destroyed by its own callback") {
    timer->start(milliseconds(0), [&] {
      timer.reset();
      ++first;
    });
    io.restart();
    io.run();
    CHECK(first == 1);
  }
}

}  // namespace
}  // namespace holdfast::upstream
