#include "stats/metrics_page.hpp"

#include "catch.hpp"

using holdfast::stats::format_double;
using holdfast::stats::format_labels;
using holdfast::stats::Histogram;
using holdfast::stats::HistogramSnapshot;
using holdfast::stats::MetricsPage;
using holdfast::stats::StatType;

TEST_CASE("doubles are printed shortest and without exponent", "[stats]") {
  CHECK(format_double(0) == "0");
  CHECK(format_double(1.05) == "1.05");
  CHECK(format_double(3600000) == "3600000");
  CHECK(format_double(1e15) == "1000000000000000");
  CHECK(format_double(0.0001) == "0.0001");
  CHECK(format_double(1.0333333333333334) == "1.0333333333333334");
  CHECK(format_double(0.0 / 0.0) == "nan");
}

TEST_CASE("label values are escaped", "[stats]") {
  CHECK(format_labels({}).empty());
  CHECK(format_labels({{"a", "x\"y\\z\n"}, {"b", ""}}) == R"(a="x\"y\\z\n",b="")");
}

TEST_CASE("families come sorted, once each, and equal labels add up", "[stats]") {
  MetricsPage page;
  page.add("z_total", StatType::counter, "Last.", {{"l", "2"}}, std::uint64_t{1});
  page.add("a_bytes", StatType::gauge, "First \\ of\nall.", {}, std::uint64_t{7});
  page.add("z_total", StatType::counter, "Not said.", {{"l", "1"}}, std::uint64_t{2});
  page.add("z_total", StatType::counter, "Last.", {{"l", "2"}}, ~std::uint64_t{0} - 1);
  page.add("b_seconds_total", StatType::counter, "Float.", {}, 0.25);
  CHECK(page.text() ==
        "# HELP a_bytes First \\\\ of\\nall.\n"
        "# TYPE a_bytes gauge\n"
        "a_bytes 7\n"
        "# HELP b_seconds_total Float.\n"
        "# TYPE b_seconds_total counter\n"
        "b_seconds_total 0.25\n"
        "# HELP z_total Last.\n"
        "# TYPE z_total counter\n"
        "z_total{l=\"1\"} 2\n"
        "z_total{l=\"2\"} 18446744073709551615\n");
}

TEST_CASE("a histogram has cumulative buckets in seconds, a sum and a count", "[stats]") {
  Histogram histogram;
  for (const std::uint64_t us : {50U, 700U, 30'000U, 90'000'000U}) histogram.record(us);
  HistogramSnapshot snapshot;
  snapshot.add(histogram);
  MetricsPage page;
  page.add("h_seconds", "Times.", {{"c", "x"}}, snapshot);
  CHECK(page.text() ==
        "# HELP h_seconds Times.\n# TYPE h_seconds histogram\n"
        "h_seconds_bucket{c=\"x\",le=\"0.0001\"} 1\n"
        "h_seconds_bucket{c=\"x\",le=\"0.00025\"} 1\n"
        "h_seconds_bucket{c=\"x\",le=\"0.0005\"} 1\n"
        "h_seconds_bucket{c=\"x\",le=\"0.001\"} 2\n"
        "h_seconds_bucket{c=\"x\",le=\"0.0025\"} 2\n"
        "h_seconds_bucket{c=\"x\",le=\"0.005\"} 2\n"
        "h_seconds_bucket{c=\"x\",le=\"0.01\"} 2\n"
        "h_seconds_bucket{c=\"x\",le=\"0.025\"} 2\n"
        "h_seconds_bucket{c=\"x\",le=\"0.05\"} 3\n"
        "h_seconds_bucket{c=\"x\",le=\"0.1\"} 3\n"
        "h_seconds_bucket{c=\"x\",le=\"0.25\"} 3\n"
        "h_seconds_bucket{c=\"x\",le=\"0.5\"} 3\n"
        "h_seconds_bucket{c=\"x\",le=\"1\"} 3\n"
        "h_seconds_bucket{c=\"x\",le=\"2.5\"} 3\n"
        "h_seconds_bucket{c=\"x\",le=\"5\"} 3\n"
        "h_seconds_bucket{c=\"x\",le=\"10\"} 3\n"
        "h_seconds_bucket{c=\"x\",le=\"30\"} 3\n"
        "h_seconds_bucket{c=\"x\",le=\"60\"} 3\n"
        "h_seconds_bucket{c=\"x\",le=\"+Inf\"} 4\n"
        "h_seconds_sum{c=\"x\"} 90.03075\n"
        "h_seconds_count{c=\"x\"} 4\n");
}
