#include "upstream/host_set.hpp"

#include <limits>

#include "catch.hpp"

namespace holdfast::upstream {
namespace {

Member member(const std::string& ip, std::uint32_t weight = 1, const std::string& name = "a.test") {
  return {*parse_ip(ip, 80), name, weight};
}

std::vector<std::string> texts(const HostSet& set) {
  std::vector<std::string> out;
  for (const auto& host : set.hosts) out.push_back(host->text());
  return out;
}

TEST_CASE("a host that stays is the same object in the next set", "[upstream]") {
  HostTable table(1);
  const auto first = table.update({member("127.0.0.1"), member("127.0.0.2")});
  REQUIRE(first);
  const auto second = table.update({member("127.0.0.2"), member("127.0.0.3")});
  REQUIRE(second);
  CHECK(texts(*second) == std::vector<std::string>{"127.0.0.2:80", "127.0.0.3:80"});
  CHECK(second->hosts[0] == first->hosts[1]);
  CHECK(first->hosts.size() == 2);
  CHECK(first->version == 1);
  CHECK(second->version == 2);
  CHECK(table.current() == second);
}

TEST_CASE("a rotated answer is no change, and hosts keep their order", "[upstream]") {
  HostTable table(1);
  table.update({member("127.0.0.1"), member("127.0.0.2"), member("127.0.0.3")});
  CHECK_FALSE(table.update({member("127.0.0.3"), member("127.0.0.1"), member("127.0.0.2")}));
  const auto set = table.update({member("127.0.0.4"), member("127.0.0.3"), member("127.0.0.1")});
  REQUIRE(set);
  CHECK(texts(*set) == std::vector<std::string>{"127.0.0.1:80", "127.0.0.3:80", "127.0.0.4:80"});
}

TEST_CASE("members of one address are one host with the sum of the weights", "[upstream]") {
  HostTable table(1);
  const auto first = table.update(
      {member("127.0.0.1", 2, "a.test"), member("127.0.0.2"), member("127.0.0.1", 3, "b.test")});
  REQUIRE(first);
  REQUIRE(first->hosts.size() == 2);
  CHECK(first->hosts[0]->weight() == 5);
  CHECK(first->hosts[0]->hostname() == "a.test");

  SECTION("and one of them leaving changes the weight, not the host") {
    const auto second = table.update({member("127.0.0.1", 2), member("127.0.0.2")});
    REQUIRE(second);
    CHECK(second->hosts[0] == first->hosts[0]);
    CHECK(second->hosts[0]->weight() == 2);
  }
  SECTION("and the sum stays in range") {
    constexpr auto kMax = std::numeric_limits<std::uint32_t>::max();
    const auto second = table.update({member("127.0.0.9", kMax), member("127.0.0.9", 2)});
    REQUIRE(second);
    CHECK(second->hosts[0]->weight() == kMax);
  }
}

TEST_CASE("a host that left and came back is a new host", "[upstream]") {
  HostTable table(1);
  const auto first = table.update({member("127.0.0.1")});
  const auto empty = table.update({});
  REQUIRE(empty);
  CHECK(empty->hosts.empty());
  CHECK_FALSE(table.update({}));
  const auto back = table.update({member("127.0.0.1")});
  REQUIRE(back);
  CHECK(back->hosts[0] != first->hosts[0]);
}

TEST_CASE("an empty first answer publishes nothing", "[upstream]") {
  HostTable table(1);
  CHECK_FALSE(table.update({}));
  REQUIRE(table.current());
  CHECK(table.current()->version == 0);
}

}  // namespace
}  // namespace holdfast::upstream
