#include "stats/tables.hpp"

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "catch.hpp"

using namespace holdfast::stats;

namespace {

/// Stands for a member of any type, when members are counted.
struct Any {
  template <class T>
  operator T() const;  // NOLINT(google-explicit-constructor): never defined, never called.
};

template <class S, class... Members>
constexpr std::size_t count_members(Members... members) {
  if constexpr (requires { S{Members{}..., Any{}}; }) {
    return count_members<S>(members..., Any{});
  } else {
    return sizeof...(Members);
  }
}

/// Each member has exactly one row, but for `again`: rows of members that Envoy shows twice.
template <class S>
void check_complete(std::size_t nested_structs = 0, std::size_t again = 0) {
  std::set<const void*> members;
  std::set<std::string_view> names;
  const S instance;
  for (const Row<S>& row : table<S>()) {
    CAPTURE(row.name);
    std::visit([&](auto member) { members.insert(&(instance.*member)); }, row.member);
    CHECK(names.insert(row.name).second);
    REQUIRE_FALSE(row.help.empty());
    CHECK(row.help.back() == '.');
    CHECK((row.type == StatType::histogram) == std::holds_alternative<Histogram S::*>(row.member));
  }
  CHECK(members.size() + again == table<S>().size());
  CHECK(members.size() + nested_structs == count_members<S>());
}

struct Family {
  StatType type;
  std::string label;
  std::set<std::string> values;
  int rows = 0;
};

template <class S>
void gather(std::map<std::string, Family>& families) {
  for (const Row<S>& row : table<S>()) {
    if (row.metric.name.empty()) continue;
    CAPTURE(row.metric.name);
    auto [at, added] = families.try_emplace(std::string(row.metric.name),
                                            Family{row.type, std::string(row.metric.label), {}, 0});
    CHECK(at->second.type == row.type);
    CHECK(at->second.label == row.metric.label);
    CHECK(at->second.values.insert(std::string(row.metric.value)).second);
    ++at->second.rows;
  }
}

}  // namespace

TEST_CASE("each counter of each scope has one row", "[stats]") {
  check_complete<ListenerStats>();
  check_complete<HcmStats>();
  check_complete<ClusterStats>(1);  // circuit_breakers has its own table.
  check_complete<CircuitBreakerStats>();
  check_complete<ClusterUpdateStats>();
  check_complete<HostStats>();
  check_complete<PluginStats>(0, 1);  // wasm_vm_count
  check_complete<DispatchStats>();
  check_complete<DnsStats>();
  check_complete<AccessLogStats>();
  check_complete<ServerStats>();
}

TEST_CASE("families of /metrics are well named, and never shared between scopes", "[stats]") {
  std::map<std::string, Family> families;
  gather<ListenerStats>(families);
  gather<HcmStats>(families);
  gather<ClusterStats>(families);
  gather<CircuitBreakerStats>(families);
  gather<ClusterUpdateStats>(families);
  gather<HostStats>(families);
  gather<PluginStats>(families);
  gather<DispatchStats>(families);
  gather<DnsStats>(families);
  gather<AccessLogStats>(families);
  gather<ServerStats>(families);
  CHECK(families.size() > 60);
  for (const auto& [name, family] : families) {
    CAPTURE(name);
    CHECK(name.starts_with("holdfast_"));
    CHECK(name.ends_with("_total") == (family.type == StatType::counter));
    CHECK(name.ends_with("_seconds") ==
          (family.type == StatType::histogram || name == "holdfast_dns_ttl_seconds"));
    CHECK(family_help(name).empty() == family.label.empty());
    if (family.label.empty()) CHECK(family.rows == 1);
  }
}

TEST_CASE("docs/metrics.md is what the tables say", "[stats]") {
  const std::string path = std::string(HOLDFAST_SOURCE_DIR) + "/docs/metrics.md";
  if (const char* update = std::getenv("HOLDFAST_UPDATE_DOCS");
      update != nullptr && *update == '1') {
    std::ofstream(path) << metrics_markdown();
  }
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  // Not CHECK(a == b): a difference would print both files whole.
  const bool same = text.str() == metrics_markdown();
  INFO("HOLDFAST_UPDATE_DOCS=1 unit_stats writes it anew");
  CHECK(same);
}
