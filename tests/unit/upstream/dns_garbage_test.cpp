// Damaged and random DNS answers: each lookup still ends exactly once, and the resolver goes on
// working.
#include <random>

#include "catch.hpp"
#include "dns_stub.hpp"
#include "upstream/dns_resolver.hpp"

namespace holdfast::upstream {
namespace {

namespace asio = boost::asio;
using test::RecordType;
using Mutator = std::function<void(std::string&)>;

test::Reply good_reply() {
  return {.records = {{RecordType::cname, "alias.garbage.test", 30, ""},
                      {RecordType::a, "127.0.0.1", 60, "alias.garbage.test"},
                      {RecordType::a, "127.0.0.2", 61, "alias.garbage.test"}}};
}

void survives(bool use_tcp, const Mutator& mutator) {
  constexpr int kRounds = 10;
  constexpr int kBatch = 50;
  asio::io_context io;
  test::DnsStub stub(io);
  stats::DnsStats stats;
  DnsResolver resolver(io,
                       {.servers = {stub.address()},
                        .use_tcp = use_tcp,
                        .query_timeout = std::chrono::milliseconds(50),
                        .tries = 1},
                       stats);
  for (int i = 0; i < kBatch; ++i) {
    stub.set("g" + std::to_string(i) + ".test", RecordType::a, good_reply());
  }
  for (int round = 0; round < kRounds; ++round) {
    stub.mutate(mutator);
    std::vector<int> calls(kBatch, 0);
    std::vector<std::unique_ptr<DnsResolver::Query>> queries;
    int done = 0;
    for (int i = 0; i < kBatch; ++i) {
      queries.push_back(resolver.resolve(
          "g" + std::to_string(i) + ".test", config::DnsLookupFamily::v4_only,
          [&calls, &done, i](const DnsResult& result) {
            ++calls[static_cast<std::size_t>(i)];
            ++done;
            CHECK((result.status == DnsResult::Status::ok) == !result.addresses.empty());
          }));
    }
    REQUIRE(test::run_until(io, [&done] { return done >= kBatch; }));
    CHECK(calls == std::vector<int>(kBatch, 1));
  }
  stub.mutate(nullptr);
  std::size_t addresses = 0;
  bool done = false;
  const auto query =
      resolver.resolve("g0.test", config::DnsLookupFamily::v4_only, [&](const DnsResult& result) {
        addresses = result.addresses.size();
        done = true;
      });
  REQUIRE(test::run_until(io, [&done] { return done; }));
  CHECK(addresses == 2);
}

TEST_CASE("flipped bytes in DNS answers do no harm", "[dns]") {
  std::mt19937 random(1);
  const Mutator mutator = [&random](std::string& reply) {
    // The id stays, so that c-ares reads on.
    const auto flips = 1 + random() % 8;
    for (unsigned i = 0; i < flips; ++i) {
      reply[2 + random() % (reply.size() - 2)] = static_cast<char>(random());
    }
  };
  survives(false, mutator);
  survives(true, mutator);
}

TEST_CASE("DNS answers that break off or go on too long do no harm", "[dns]") {
  std::mt19937 random(2);
  const Mutator mutator = [&random](std::string& reply) {
    if (random() % 2 == 0) {
      reply.resize(1 + random() % reply.size());
    } else {
      reply.append(random() % 600, static_cast<char>(random()));
    }
  };
  survives(false, mutator);
  survives(true, mutator);
}

TEST_CASE("noise instead of DNS answers does no harm", "[dns]") {
  std::mt19937 random(3);
  const Mutator mutator = [&random](std::string& reply) {
    reply.resize(2 + random() % 600);
    for (std::size_t i = 2; i < reply.size(); ++i) reply[i] = static_cast<char>(random());
  };
  survives(false, mutator);
  survives(true, mutator);
}

TEST_CASE("record counts and pointers that lie do no harm", "[dns]") {
  std::mt19937 random(4);
  const Mutator mutator = [&random](std::string& reply) {
    reply[6 + random() % 6] =
        static_cast<char>(random());  // The three counts after the questions'.
    const std::size_t at = 12 + random() % (reply.size() - 13);
    reply[at] = static_cast<char>(0xc0U | random() % 2);  // A compression pointer, to anywhere.
    reply[at + 1] = static_cast<char>(random());
  };
  survives(false, mutator);
  survives(true, mutator);
}

}  // namespace
}  // namespace holdfast::upstream
