#include "upstream/round_robin.hpp"

#include <algorithm>
#include <map>
#include <string>

#include "catch.hpp"

namespace holdfast::upstream {
namespace {

HostSet set_of(const std::vector<std::uint32_t>& weights) {
  HostSet set;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto port = static_cast<std::uint16_t>(1000 + i);
    set.hosts.push_back(
        std::make_shared<Host>(*parse_ip("127.0.0.1", port), "127.0.0.1", weights[i], 1));
  }
  return set;
}

std::string picks(RoundRobin& balancer, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += static_cast<char>('a' + balancer.pick());
  return out;
}

TEST_CASE("no hosts, no pick", "[upstream]") {
  RoundRobin balancer(0);
  CHECK(balancer.pick() == RoundRobin::kNone);
  balancer.update(set_of({1}));
  CHECK(balancer.pick() == 0);
  balancer.update(set_of({}));
  CHECK(balancer.pick() == RoundRobin::kNone);
}

TEST_CASE("equal weights rotate, from the worker's index on", "[upstream]") {
  RoundRobin first(0);
  first.update(set_of({1, 1, 1}));
  CHECK(picks(first, 7) == "abcabca");
  RoundRobin second(1);
  second.update(set_of({7, 7, 7}));
  CHECK(picks(second, 4) == "bcab");
  RoundRobin fifth(4);
  fifth.update(set_of({1, 1, 1}));
  CHECK(picks(fifth, 3) == "bca");
}

TEST_CASE("rotation goes on over a new set", "[upstream]") {
  RoundRobin balancer(0);
  balancer.update(set_of({1, 1}));
  CHECK(picks(balancer, 3) == "aba");
  balancer.update(set_of({1, 1, 1}));
  CHECK(picks(balancer, 3) == "abc");
}

TEST_CASE("unequal weights interleave as Envoy's earliest-deadline-first scheduler does",
          "[upstream]") {
  struct Case {
    std::vector<std::uint32_t> weights;
    std::string expected;
  };
  // Deadlines are pick / weight; of two equal ones the host queued earlier is first.
  const Case cases[] = {
      {{3, 1}, "aabaaaba"},     {{1, 3}, "bbabbbab"},  {{2, 1, 1}, "abcaabca"},
      {{300, 100}, "aabaaaba"}, {{1, 2, 3}, "cbcabc"},
  };
  for (const Case& c : cases) {
    RoundRobin balancer(0);
    balancer.update(set_of(c.weights));
    CHECK(picks(balancer, static_cast<int>(c.expected.size())) == c.expected);
  }
}

TEST_CASE("each cycle gives each host exactly its weight in picks", "[upstream]") {
  const std::vector<std::vector<std::uint32_t>> cases = {
      {1, 2, 3}, {5, 1, 1}, {10, 7}, {97, 89, 2}, {1, 1000}};
  for (const auto& weights : cases) {
    std::uint64_t total = 0;
    for (const auto weight : weights) total += weight;
    for (std::size_t worker : {0, 3}) {
      RoundRobin balancer(worker);
      balancer.update(set_of(weights));
      for (int cycle = 0; cycle < 3; ++cycle) {
        std::map<std::size_t, std::uint32_t> count;
        for (std::uint64_t i = 0; i < total; ++i) ++count[balancer.pick()];
        for (std::size_t i = 0; i < weights.size(); ++i) CHECK(count[i] == weights[i]);
      }
    }
  }
}

TEST_CASE("workers start at different places of a weighted cycle, too", "[upstream]") {
  RoundRobin second(1);
  second.update(set_of({3, 1}));
  CHECK(picks(second, 4) == "abaa");
}

TEST_CASE("the largest weights neither overflow nor starve", "[upstream]") {
  RoundRobin balancer(0);
  balancer.update(set_of({4294967295U, 4294967294U, 1}));
  const std::string run = picks(balancer, 10000);
  CHECK(std::count(run.begin(), run.end(), 'a') == 5000);
  CHECK(std::count(run.begin(), run.end(), 'b') == 5000);
}

TEST_CASE("a change of weights takes effect with the set that brings it", "[upstream]") {
  HostSet set = set_of({1, 1});
  RoundRobin balancer(0);
  balancer.update(set);
  set.hosts[0]->set_weight(3);
  CHECK(picks(balancer, 4) == "abab");
  balancer.update(set);
  CHECK(picks(balancer, 4) == "aaba");
}

}  // namespace
}  // namespace holdfast::upstream
