#include "stats/custom_stats.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "stats/envoy_text.hpp"
#include "stats/metrics_page.hpp"

using namespace holdfast::stats;

namespace {

std::vector<Stat> collected(const CustomStats& custom) {
  std::vector<Stat> out;
  custom.collect(out);
  return out;
}

/// The lines of a page that hold `word`.
std::string lines_with(const std::string& page, std::string_view word) {
  std::string out;
  for (std::size_t at = 0; at < page.size();) {
    const std::size_t end = page.find('\n', at) + 1;
    const std::string_view line(page.data() + at, end - at);
    if (line.find(word) != std::string_view::npos) out += line;
    at = end;
  }
  return out;
}

}  // namespace

TEST_CASE("a name is defined once, with one type", "[stats]") {
  CustomStats custom(2);
  const auto first = custom.define("wasmcustom.a", StatType::counter);
  const auto second = custom.define("wasmcustom.b", StatType::gauge);
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  CHECK(first != second);
  CHECK(custom.define("wasmcustom.a", StatType::counter) == first);
  CHECK_FALSE(custom.define("wasmcustom.a", StatType::gauge).has_value());
  CHECK(custom.define("wasmcustom.a..", StatType::counter) == first);  // As in Envoy.
  CHECK(custom.type(*first) == StatType::counter);
  CHECK(custom.type(*second) == StatType::gauge);
}

TEST_CASE("a plugin does not grow the process by defining names", "[stats]") {
  CustomStats custom(1);
  CHECK_FALSE(custom.define(std::string(CustomStats::kLongestName + 1, 'x'), StatType::counter)
                  .has_value());
  for (std::size_t i = 0; i < CustomStats::kMostHistograms; ++i) {
    REQUIRE(custom.define("h" + std::to_string(i), StatType::histogram).has_value());
  }
  CHECK_FALSE(custom.define("h", StatType::histogram).has_value());
  for (std::size_t i = CustomStats::kMostHistograms; i < CustomStats::kMost; ++i) {
    REQUIRE(custom.define("c" + std::to_string(i), StatType::counter).has_value());
  }
  CHECK_FALSE(custom.define("c", StatType::counter).has_value());
  CHECK(custom.define("h7", StatType::histogram) == 7);
  custom.add(CustomStats::kMost - 1, 0, 3);
  CHECK(custom.get(CustomStats::kMost - 1) == 3);
}

TEST_CASE("counters add up over workers; a gauge is one for all", "[stats]") {
  CustomStats custom(2);
  const std::uint32_t counter = custom.define("wasmcustom.c", StatType::counter).value();
  const std::uint32_t gauge = custom.define("wasmcustom.g", StatType::gauge).value();
  custom.add(counter, 0, 2);
  custom.add(counter, 1, 5);
  CHECK(custom.get(counter) == 7);
  custom.add(gauge, 0, 10);
  custom.add(gauge, 1, -4);
  CHECK(custom.get(gauge) == 6);
  custom.set(gauge, 1, 40);
  custom.add(gauge, 0, 2);
  CHECK(custom.get(gauge) == 42);
  const auto stats = collected(custom);
  REQUIRE(stats.size() == 2);
  CHECK(stats_text(stats) == "wasmcustom.c: 7\nwasmcustom.g: 42\n");
  CHECK(stats[0].used);
}

TEST_CASE("histograms of plugins hold plain numbers, as Envoy shows them", "[stats]") {
  CustomStats custom(2);
  Registry registry{BuildInfo{}};
  registry.set_custom(&custom);
  const std::uint32_t index = custom.define("wasmcustom.h", StatType::histogram).value();
  const auto text = [&] {
    std::vector<Stat> stats = registry.collect();
    std::erase_if(stats, [](const Stat& stat) { return stat.name != "wasmcustom.h"; });
    return stats_text(stats);
  };
  CHECK(text() == "wasmcustom.h: No recorded values\n");
  registry.flush();
  // Envoy 1.40 printed these quantiles and buckets for the same four values.
  for (const std::uint64_t value : {1UL, 250UL, 250'000'000'000UL, 3UL}) {
    custom.record(index, value % 2, value);
  }
  CHECK(
      text().starts_with("wasmcustom.h: P0(nan,1.05) P25(nan,1.05) P50(nan,3.05) P75(nan,255) "
                         "P90(nan,255000000000) "));
  registry.flush();
  CHECK(text().starts_with("wasmcustom.h: P0(1.05,1.05) "));
  MetricsPage page;
  registry.write_metrics(page);
  CHECK(lines_with(page.text(), "h_bucket{le=\"0.5\"}") == "h_bucket{le=\"0.5\"} 0\n");
  CHECK(lines_with(page.text(), "h_bucket{le=\"1\"}") == "h_bucket{le=\"1\"} 1\n");
  CHECK(lines_with(page.text(), "h_bucket{le=\"3600000\"}") == "h_bucket{le=\"3600000\"} 3\n");
  CHECK(lines_with(page.text(), "h_bucket{le=\"+Inf\"}") == "h_bucket{le=\"+Inf\"} 4\n");
  CHECK(lines_with(page.text(), "h_sum") == "h_sum 250000000254\n");
}

TEST_CASE("Prometheus pages show a plugin's metric under its own name", "[stats]") {
  CustomStats custom(1);
  Registry registry{BuildInfo{}};
  registry.set_custom(&custom);
  // As the Go SDK's example "metrics" configures Envoy.
  const std::vector<holdfast::config::StatsTag> tags{
      {"value", "(_value=([a-zA-Z]+))", "", {}}, {"reporter", "(_reporter=([a-zA-Z]+))", "", {}}};
  std::string error;
  REQUIRE(registry.set_tags(tags, error));
  const std::string base = "wasmcustom.custom_header_value_counts";
  const auto count = [&](const std::string& value, std::int64_t n) {
    const std::string name = base + "_value=" + value + "_reporter=wasmgosdk";
    custom.add(custom.define(name, StatType::counter).value(), 0, n);
  };
  count("foo", 2);
  count("bar", 1);
  const std::string expected =
      "custom_header_value_counts{value=\"bar\",reporter=\"wasmgosdk\"} 1\n"
      "custom_header_value_counts{value=\"foo\",reporter=\"wasmgosdk\"} 2\n";
  CHECK(lines_with(registry.envoy_prometheus(registry.collect()), "custom_header_value_counts") ==
        "# TYPE custom_header_value_counts counter\n" + expected);
  MetricsPage page;
  registry.write_metrics(page);
  CHECK(lines_with(page.text(), "custom_header_value_counts") ==
        "# HELP custom_header_value_counts Defined by a plugin.\n"
        "# TYPE custom_header_value_counts counter\n" +
            expected);
}

TEST_CASE("a name that Prometheus does not allow is left out there", "[stats]") {
  CustomStats custom(1);
  Registry registry{BuildInfo{}};
  registry.set_custom(&custom);
  for (const char* name : {"wasmcustom.1st", "wasmcustom.", "wasmcustom.a-b.c"}) {
    REQUIRE(custom.define(name, StatType::gauge).has_value());
  }
  const std::string page = registry.envoy_prometheus(registry.collect());
  CHECK(lines_with(page, "1st").empty());
  CHECK(lines_with(page, "a_b_c") == "# TYPE a_b_c gauge\na_b_c{} 0\n");
  CHECK(page.find("\n{} 0") == std::string::npos);
}

TEST_CASE("workers write while others define and read", "[stats]") {
  constexpr unsigned kWorkers = 2;
  constexpr int kRounds = 2'000;
  CustomStats custom(kWorkers);
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) {
      std::uint64_t sum = 0;
      for (const Stat& stat : collected(custom)) sum += stat.value;
      static_cast<void>(sum);
    }
  });
  std::vector<std::thread> workers;
  for (unsigned worker = 0; worker < kWorkers; ++worker) {
    workers.emplace_back([&custom, worker] {
      for (int i = 0; i < kRounds; ++i) {
        const std::string n = std::to_string(i % 300);
        custom.add(custom.define("c" + n, StatType::counter).value(), worker, 1);
        custom.add(custom.define("g", StatType::gauge).value(), worker, worker == 0 ? 2 : -1);
        custom.record(custom.define("h", StatType::histogram).value(), worker, 5);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  stop = true;
  reader.join();
  std::uint64_t counted = 0;
  for (const Stat& stat : collected(custom)) {
    if (stat.type == StatType::counter) counted += stat.value;
    if (stat.type == StatType::gauge) CHECK(stat.value == kRounds);
    if (stat.type == StatType::histogram) CHECK(stat.cumulative.count() == kWorkers * kRounds);
  }
  CHECK(counted == kWorkers * kRounds);
}
