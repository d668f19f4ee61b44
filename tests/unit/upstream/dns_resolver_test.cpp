#include "upstream/dns_resolver.hpp"

#include <optional>

#include "catch.hpp"
#include "dns_stub.hpp"

namespace holdfast::upstream {
namespace {

namespace asio = boost::asio;
using config::DnsLookupFamily;
using test::DnsStub;
using test::Rcode;
using test::RecordType;
using test::Reply;
using Status = DnsResult::Status;

struct Fixture {
  asio::io_context io;
  DnsStub stub{io};
  stats::DnsStats stats;
  std::unique_ptr<DnsResolver> resolver;

  /// A silent server fails after half a second.
  explicit Fixture(bool use_tcp = false, int tries = 1,
                   std::chrono::milliseconds query_timeout = std::chrono::milliseconds(500)) {
    resolver = std::make_unique<DnsResolver>(io,
                                             DnsResolver::Options{.servers = {stub.address()},
                                                                  .use_tcp = use_tcp,
                                                                  .query_timeout = query_timeout,
                                                                  .tries = tries},
                                             stats);
    REQUIRE(resolver->valid());
  }

  DnsResult resolve(const std::string& name, DnsLookupFamily family = DnsLookupFamily::v4_only) {
    std::optional<DnsResult> out;
    int calls = 0;
    const auto query = resolver->resolve(name, family, [&](const DnsResult& result) {
      out = result;
      ++calls;
    });
    CHECK_FALSE(out);  // Never from within resolve().
    REQUIRE(test::run_until(io, [&] { return out.has_value(); }));
    CHECK(calls == 1);
    CHECK(stats.pending_resolutions.get() == 0);
    return *out;
  }
};

std::vector<std::string> ips(const DnsResult& result) {
  std::vector<std::string> out;
  for (const ResolvedAddress& resolved : result.addresses) out.push_back(resolved.address.text());
  return out;
}

using Texts = std::vector<std::string>;

TEST_CASE("A records come with their TTLs", "[dns]") {
  Fixture f;
  f.stub.set(
      "two.test", RecordType::a,
      {.records = {{RecordType::a, "127.0.0.1", 7, ""}, {RecordType::a, "127.0.0.2", 9, ""}}});
  const DnsResult result = f.resolve("two.test");
  CHECK(result.status == Status::ok);
  CHECK(ips(result) == Texts{"127.0.0.1:0", "127.0.0.2:0"});
  CHECK(result.addresses.at(0).ttl == std::chrono::seconds(7));
  CHECK(result.addresses.at(1).ttl == std::chrono::seconds(9));
  CHECK_FALSE(result.cut);
  CHECK(f.stats.resolve_total.get() == 1);
}

TEST_CASE("an address behind CNAMEs has the least TTL of the chain", "[dns]") {
  Fixture f;
  f.stub.set("www.test", RecordType::a,
             {.records = {{RecordType::cname, "a.cdn.test", 30, "www.test"},
                          {RecordType::cname, "b.cdn.test", 5, "a.cdn.test"},
                          {RecordType::a, "127.0.0.3", 60, "b.cdn.test"}}});
  const DnsResult result = f.resolve("www.test");
  CHECK(ips(result) == Texts{"127.0.0.3:0"});
  REQUIRE(result.addresses.size() == 1);
  CHECK(result.addresses[0].ttl == std::chrono::seconds(5));
}

TEST_CASE("a TTL with the top bit set is 0", "[dns]") {
  Fixture f;
  f.stub.set_a("odd.test", {"127.0.0.1"}, 0x80000001U);
  const DnsResult result = f.resolve("odd.test");
  REQUIRE(result.addresses.size() == 1);
  CHECK(result.addresses[0].ttl == std::chrono::seconds(0));
}

TEST_CASE("lookup families ask in Envoy's order", "[dns]") {
  Fixture f;
  const std::string v4 = "127.0.0.1:0";
  const std::string v6 = "[::1]:0";
  f.stub.set_a("both.test", {"127.0.0.1"});
  f.stub.set("both.test", RecordType::aaaa, {.records = {{RecordType::aaaa, "::1", 60, ""}}});
  f.stub.set_a("four.test", {"127.0.0.1"});
  f.stub.set("six.test", RecordType::aaaa, {.records = {{RecordType::aaaa, "::1", 60, ""}}});

  struct Case {
    DnsLookupFamily family;
    Texts both, four, six;
  };
  const Case cases[] = {
      {DnsLookupFamily::auto_, {v6}, {v4}, {v6}},
      {DnsLookupFamily::v4_only, {v4}, {v4}, {}},
      {DnsLookupFamily::v6_only, {v6}, {}, {v6}},
      {DnsLookupFamily::v4_preferred, {v4}, {v4}, {v6}},
      {DnsLookupFamily::all, {v4, v6}, {v4}, {v6}},
  };
  for (const Case& c : cases) {
    INFO(static_cast<int>(c.family));
    CHECK(ips(f.resolve("both.test", c.family)) == c.both);
    const DnsResult four = f.resolve("four.test", c.family);
    CHECK(ips(four) == c.four);
    CHECK(four.status == (c.four.empty() ? Status::no_data : Status::ok));
    CHECK(ips(f.resolve("six.test", c.family)) == c.six);
  }
}

TEST_CASE("addresses of a family that was not asked for are no answer", "[dns]") {
  Fixture f;
  const Reply four{.records = {{RecordType::a, "127.0.0.1", 60, ""}}};
  const Reply six{.records = {{RecordType::aaaa, "::1", 60, ""}}};
  f.stub.set("odd.test", RecordType::aaaa, four);
  f.stub.set("odd.test", RecordType::a, six);
  for (const auto family : {DnsLookupFamily::v4_only, DnsLookupFamily::v6_only,
                            DnsLookupFamily::auto_, DnsLookupFamily::all}) {
    const DnsResult result = f.resolve("odd.test", family);
    CHECK(result.addresses.empty());
    CHECK(result.status == Status::no_data);
  }
}

TEST_CASE("AUTO with an IPv6 answer does not ask for IPv4", "[dns]") {
  Fixture f;
  f.stub.set_a("both.test", {"127.0.0.1"});
  f.stub.set("both.test", RecordType::aaaa, {.records = {{RecordType::aaaa, "::1", 60, ""}}});
  f.resolve("both.test", DnsLookupFamily::auto_);
  CHECK(f.stub.queries("both.test", RecordType::aaaa) == 1);
  CHECK(f.stub.queries("both.test", RecordType::a) == 0);
}

TEST_CASE("no such name, and a name without addresses, are answers", "[dns]") {
  Fixture f;
  f.stub.set_a("empty.test", {});
  for (const auto family :
       {DnsLookupFamily::v4_only, DnsLookupFamily::auto_, DnsLookupFamily::all}) {
    CHECK(f.resolve("none.test", family).status == Status::no_data);
    CHECK(f.resolve("empty.test", family).status == Status::no_data);
  }
  CHECK(f.stats.not_found.get() == 10);  // One per query: AUTO and ALL make two.
  CHECK(f.stats.get_addr_failure.get() == 0);
}

TEST_CASE("SERVFAIL and REFUSED are failures", "[dns]") {
  Fixture f;
  f.stub.set("bad.test", RecordType::a, {.rcode = Rcode::servfail});
  f.stub.set("refused.test", RecordType::a, {.rcode = Rcode::refused});
  CHECK(f.resolve("bad.test").status == Status::failed);
  CHECK(f.resolve("refused.test").status == Status::failed);
  CHECK(f.stats.get_addr_failure.get() == 2);
  f.stub.set_a("bad.test", {"127.0.0.1"});
  CHECK(f.resolve("bad.test").status == Status::ok);
}

TEST_CASE("no addresses in one family is no answer while the other one failed", "[dns]") {
  // Observed in Envoy 1.40 for AUTO, V4_PREFERRED and ALL: the hosts of the name stay.
  Fixture f;
  f.stub.set("half.test", RecordType::a, {.rcode = Rcode::servfail});
  f.stub.set("half.test", RecordType::aaaa, {});
  CHECK(f.resolve("half.test", DnsLookupFamily::auto_).status == Status::failed);
  CHECK(f.resolve("half.test", DnsLookupFamily::v4_preferred).status == Status::failed);
  CHECK(f.resolve("half.test", DnsLookupFamily::all).status == Status::failed);
  f.stub.set("half.test", RecordType::aaaa, {.records = {{RecordType::aaaa, "::1", 60, ""}}});
  CHECK(f.resolve("half.test", DnsLookupFamily::v4_preferred).status == Status::ok);
  CHECK(f.resolve("half.test", DnsLookupFamily::all).status == Status::ok);
}

TEST_CASE("a silent server is a timeout, and a try later may succeed", "[dns]") {
  {
    Fixture f;
    f.stub.set("mute.test", RecordType::a, {.silent = true});
    CHECK(f.resolve("mute.test").status == Status::timeout);
    CHECK(f.stats.timeouts.get() >= 1);
  }
  Fixture f(false, 4);
  Reply reply{.records = {{RecordType::a, "127.0.0.1", 60, ""}}};
  reply.hold = 2;
  f.stub.set("slow.test", RecordType::a, reply);
  CHECK(f.resolve("slow.test").status == Status::ok);
  CHECK(f.stub.queries("slow.test", RecordType::a) == 3);
}

TEST_CASE("a server that is gone fails, and its return heals", "[dns]") {
  for (const bool use_tcp : {false, true}) {
    Fixture f(use_tcp, 2);
    f.stub.set_a("a.test", {"127.0.0.1"});
    CHECK(f.resolve("a.test").status == Status::ok);
    f.stub.stop();
    const Status gone = f.resolve("a.test").status;
    CHECK((gone == Status::failed || gone == Status::timeout));
    f.stub.start();
    CHECK(f.resolve("a.test").status == Status::ok);
    CHECK(f.stats.reinits.get() == 1);
  }
}

TEST_CASE("a truncated answer is asked for again over TCP", "[dns]") {
  Fixture f;
  Reply reply;
  reply.truncate_udp = true;
  for (int i = 0; i < 200; ++i) {
    reply.records.push_back({RecordType::a, "127.0.1." + std::to_string(i), 60, ""});
  }
  f.stub.set("big.test", RecordType::a, reply);
  CHECK(f.resolve("big.test").addresses.size() == 200);
  CHECK(f.stub.udp_queries() == 1);
  CHECK(f.stub.tcp_queries() == 1);
}

TEST_CASE("use_tcp asks over TCP only", "[dns]") {
  Fixture f(true);
  f.stub.set_a("a.test", {"127.0.0.1"});
  CHECK(f.resolve("a.test").status == Status::ok);
  CHECK(f.resolve("a.test").status == Status::ok);
  CHECK(f.stub.udp_queries() == 0);
  CHECK(f.stub.tcp_queries() == 2);
}

TEST_CASE("an answer larger than the bound is cut and counted", "[dns]") {
  Fixture f;
  Reply reply;
  reply.truncate_udp = true;
  for (std::size_t i = 0; i < DnsResolver::kMaxAddresses + 1; ++i) {
    reply.records.push_back({RecordType::a,
                             "127.1." + std::to_string(i / 256) + "." + std::to_string(i % 256), 60,
                             ""});
  }
  f.stub.set("huge.test", RecordType::a, reply);
  const DnsResult result = f.resolve("huge.test");
  CHECK(result.addresses.size() == DnsResolver::kMaxAddresses);
  CHECK(result.cut);
  CHECK(f.stats.answers_cut.get() == 1);
  reply.records.pop_back();
  f.stub.set("huge.test", RecordType::a, reply);
  CHECK_FALSE(f.resolve("huge.test").cut);
  CHECK(f.stats.answers_cut.get() == 1);
}

TEST_CASE("IP literals and localhost need no server", "[dns]") {
  Fixture f;
  CHECK(ips(f.resolve("127.0.0.9", DnsLookupFamily::auto_)) == Texts{"127.0.0.9:0"});
  CHECK(ips(f.resolve("::1", DnsLookupFamily::v4_preferred)) == Texts{"[::1]:0"});
  // Envoy 1.40: a literal is a host whatever the family says.
  CHECK(ips(f.resolve("::1", DnsLookupFamily::v4_only)) == Texts{"[::1]:0"});
  CHECK(ips(f.resolve("127.0.0.1", DnsLookupFamily::v6_only)) == Texts{"127.0.0.1:0"});
  for (const char* name : {"localhost", "LocalHost.", "api.localhost"}) {
    CHECK(ips(f.resolve(name, DnsLookupFamily::v4_only)) == Texts{"127.0.0.1:0"});
    CHECK(ips(f.resolve(name, DnsLookupFamily::v4_preferred)) == Texts{"127.0.0.1:0"});
    CHECK(ips(f.resolve(name, DnsLookupFamily::v6_only)) == Texts{"[::1]:0"});
    CHECK(ips(f.resolve(name, DnsLookupFamily::all)) == Texts{"127.0.0.1:0", "[::1]:0"});
    // Envoy's surprise: AUTO takes ::1.
    CHECK(ips(f.resolve(name, DnsLookupFamily::auto_)) == Texts{"[::1]:0"});
  }
  CHECK(f.stub.udp_queries() == 0);
  CHECK(f.resolve("notlocalhost").status == Status::no_data);
  CHECK(f.stub.udp_queries() > 0);
}

TEST_CASE("a name that no server could be asked for fails", "[dns]") {
  Fixture f;
  const Status status = f.resolve(std::string(300, 'x') + ".test").status;
  CHECK((status == Status::failed || status == Status::no_data));
  CHECK(f.stub.udp_queries() == 0);
}

TEST_CASE("many lookups at once each get their own answer", "[dns]") {
  Fixture f(/*use_tcp=*/false, /*tries=*/3, std::chrono::seconds(10));
  constexpr int kCount = 100;
  std::vector<std::string> got(kCount);
  std::vector<std::unique_ptr<DnsResolver::Query>> queries;
  int done = 0;
  for (int i = 0; i < kCount; ++i) {
    const std::string name = "n" + std::to_string(i) + ".test";
    f.stub.set_a(name, {"127.0.2." + std::to_string(i)});
    queries.push_back(f.resolver->resolve(name, DnsLookupFamily::auto_, [&, i](const auto& result) {
      got[static_cast<std::size_t>(i)] = ips(result).empty() ? "none" : ips(result).front();
      ++done;
    }));
  }
  REQUIRE(test::run_until(f.io, [&] { return done == kCount; }));
  for (int i = 0; i < kCount; ++i) {
    CHECK(got[static_cast<std::size_t>(i)] == "127.0.2." + std::to_string(i) + ":0");
  }
}

TEST_CASE("a destroyed query never calls back", "[dns]") {
  Fixture f;
  f.stub.set_a("a.test", {"127.0.0.1"});
  bool called = false;
  auto alive = std::make_shared<int>(0);
  auto query = f.resolver->resolve("a.test", DnsLookupFamily::auto_,
                                   [&called, alive](const auto&) { called = true; });
  CHECK(alive.use_count() == 2);
  query.reset();
  CHECK(alive.use_count() == 1);
  auto literal = f.resolver->resolve("127.0.0.1", DnsLookupFamily::auto_,
                                     [&called](const auto&) { called = true; });
  literal.reset();
  f.resolve("a.test");
  CHECK_FALSE(called);
}

TEST_CASE("a query may be destroyed by its own callback", "[dns]") {
  Fixture f;
  f.stub.set_a("a.test", {"127.0.0.1"});
  bool called = false;
  std::unique_ptr<DnsResolver::Query> query;
  query = f.resolver->resolve("a.test", DnsLookupFamily::v4_only, [&](const auto& result) {
    query.reset();
    called = result.status == Status::ok;
  });
  REQUIRE(test::run_until(f.io, [&] { return called; }));
}

TEST_CASE("the resolver may go while lookups are under way", "[dns]") {
  const bool use_tcp = GENERATE(false, true);
  const bool sent = GENERATE(false, true);
  Fixture f(use_tcp);
  f.stub.set("mute.test", RecordType::a, {.silent = true});
  f.stub.set("mute.test", RecordType::aaaa, {.silent = true});
  bool called = false;
  const auto never = [&called](const auto&) { called = true; };
  const auto one = f.resolver->resolve("mute.test", DnsLookupFamily::all, never);
  const auto other = f.resolver->resolve("mute.test", DnsLookupFamily::auto_, never);
  CHECK(f.stats.pending_resolutions.get() == 3);
  if (sent) {
    REQUIRE(test::run_until(f.io, [&f] { return f.stub.queries("mute.test", RecordType::a) > 0; }));
  }
  const auto literal = f.resolver->resolve("127.0.0.1", DnsLookupFamily::auto_, never);
  f.resolver.reset();
  CHECK(f.stats.pending_resolutions.get() == 0);
  if (f.io.stopped()) f.io.restart();
  while (f.io.run_one_for(std::chrono::milliseconds(20)) > 0) {
  }
  CHECK_FALSE(called);
}

TEST_CASE("the resolver may be destroyed by a callback", "[dns]") {
  Fixture f;
  f.stub.set_a("a.test", {"127.0.0.1"});
  bool called = false;
  const auto query = f.resolver->resolve("a.test", DnsLookupFamily::v4_only, [&](const auto&) {
    f.resolver.reset();
    called = true;
  });
  CHECK(test::run_until(f.io, [&] { return called; }));
}

TEST_CASE("a server that is not an IP literal makes lookups fail, not the program", "[dns]") {
  asio::io_context io;
  stats::DnsStats stats;
  DnsResolver resolver(io, {.servers = {{"dns.example", 53, {}}}}, stats);
  CHECK_FALSE(resolver.valid());
  std::optional<Status> status;
  const auto query = resolver.resolve("a.test", DnsLookupFamily::v4_only,
                                      [&](const auto& result) { status = result.status; });
  REQUIRE(test::run_until(io, [&] { return status.has_value(); }));
  CHECK(*status == Status::failed);
}

TEST_CASE("clusters with equal resolver configurations share a resolver", "[dns]") {
  asio::io_context io;
  DnsResolvers resolvers(io);
  config::Dns one;
  one.resolvers = {{"127.0.0.1", 5300, {}}};
  config::Dns other_port = one;
  other_port.resolvers[0].port = 5301;
  config::Dns tcp = one;
  tcp.use_tcp = true;
  DnsResolver& first = resolvers.get(one);
  CHECK(&resolvers.get(one) == &first);
  CHECK(&resolvers.get(other_port) != &first);
  CHECK(&resolvers.get(tcp) != &first);
  CHECK(&resolvers.get(config::Dns{}) != &first);
  CHECK(&resolvers.get(one) == &first);
}

}  // namespace
}  // namespace holdfast::upstream
