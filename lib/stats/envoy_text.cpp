#include "stats/envoy_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

#include "stats/custom_stats.hpp"
#include "stats/metrics_page.hpp"

namespace holdfast::stats {

namespace {

constexpr std::array<std::string_view, EnvoyHistogram::kQuantiles.size()> kQuantileNames{
    "0", "25", "50", "75", "90", "95", "99", "99.5", "99.9", "100"};

/// Prometheus allows [a-zA-Z0-9_] in names.
std::string prometheus_name(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    const bool allowed =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!allowed) c = '_';
  }
  return out;
}

/// Envoy prints sums with 32 significant digits.
std::string format_sum(double value) {
  std::array<char, 64> buffer{};
  const int length = std::snprintf(buffer.data(), buffer.size(), "%.32g", value);
  return {buffer.data(), static_cast<std::size_t>(std::max(length, 0))};
}

std::string json_double(double value) {
  return std::isnan(value) ? "null" : format_double(value);
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> buffer{};
      std::snprintf(buffer.data(), buffer.size(), "\\u%04x", static_cast<unsigned>(c));
      out += buffer.data();
    } else {
      out += c;
    }
  }
  return out + '"';
}

void append_histogram(std::string& out, const std::string& name, const std::string& labels,
                      const Stat& stat) {
  const EnvoyHistogram histogram(stat.cumulative);
  const std::string before = name + "_bucket{" + labels + (labels.empty() ? "" : ",") + "le=\"";
  for (const double bound : EnvoyHistogram::kBounds) {
    out += before + format_double(bound) + "\"} " + std::to_string(histogram.count_below(bound));
    out += '\n';
  }
  const std::string count = std::to_string(histogram.count());
  out += before + "+Inf\"} " + count + '\n';
  out += name + "_sum{" + labels + "} " + format_sum(histogram.sum()) + '\n';
  out += name + "_count{" + labels + "} " + count + '\n';
}

struct Series {
  std::string name;  ///< Without the tags.
  std::string family;
  std::string labels;
  const Stat* stat = nullptr;
};

}  // namespace

bool name_less(std::string_view a, std::string_view b) noexcept {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto rank = [](char c) { return c == '.' ? 0 : 1 + static_cast<unsigned char>(c); };
    return rank(x) < rank(y);
  });
}

std::string stats_text(std::span<const Stat> stats) {
  std::string out;
  for (const Stat& stat : stats) {
    out += stat.name + ": ";
    if (stat.type != StatType::histogram) {
      out += std::to_string(stat.value);
    } else if (stat.cumulative.empty()) {
      out += "No recorded values";
    } else {
      const auto interval = EnvoyHistogram(stat.interval).quantiles();
      const auto cumulative = EnvoyHistogram(stat.cumulative).quantiles();
      for (std::size_t i = 0; i < interval.size(); ++i) {
        out.append(i == 0 ? "P" : " P").append(kQuantileNames[i]);
        out += '(' + format_double(interval[i]) + ',' + format_double(cumulative[i]) + ')';
      }
    }
    out += '\n';
  }
  return out;
}

std::string stats_json(std::span<const Stat> stats) {
  std::string plain;
  std::string histograms;
  for (const Stat& stat : stats) {
    if (stat.type != StatType::histogram) {
      plain +=
          "{\"name\":" + json_string(stat.name) + ",\"value\":" + std::to_string(stat.value) + "},";
      continue;
    }
    histograms += "{\"name\":" + json_string(stat.name) + ",\"values\":[";
    const auto interval = EnvoyHistogram(stat.interval).quantiles();
    const auto cumulative = EnvoyHistogram(stat.cumulative).quantiles();
    for (std::size_t i = 0; i < interval.size(); ++i) {
      histograms += "{\"cumulative\":" + json_double(cumulative[i]) +
                    ",\"interval\":" + json_double(interval[i]) + "},";
    }
    histograms.back() = ']';
    histograms += "},";
  }
  if (!histograms.empty()) {
    histograms.pop_back();
    plain += "{\"histograms\":{\"supported_quantiles\":[";
    for (const std::string_view quantile : kQuantileNames) plain.append(quantile).append(",");
    plain.back() = ']';
    plain += ",\"computed_quantiles\":[" + histograms + "]}},";
  }
  if (!plain.empty()) plain.pop_back();
  return "{\"stats\":[" + plain + "]}";
}

std::optional<PrometheusSeries> prometheus_series(const TagExtractor& tags, std::string_view stat) {
  auto [name, labels] = tags.extract(stat);
  for (auto& label : labels) label.first = prometheus_name(label.first);
  std::string family;
  if (name.starts_with(CustomStats::kNamespace)) {
    family = prometheus_name(std::string_view(name).substr(CustomStats::kNamespace.size()));
    if (family.empty() || (family[0] >= '0' && family[0] <= '9')) return std::nullopt;
  } else {
    family = "envoy_" + prometheus_name(name);
  }
  return PrometheusSeries{std::move(name), std::move(family), std::move(labels)};
}

std::string envoy_prometheus(std::span<const Stat> stats, const TagExtractor& tags) {
  std::string out;
  for (const StatType type : {StatType::counter, StatType::gauge, StatType::histogram}) {
    std::vector<Series> all;
    for (const Stat& stat : stats) {
      if (stat.type != type) continue;
      auto series = prometheus_series(tags, stat.name);
      if (!series) continue;
      all.push_back({std::move(series->name), std::move(series->family),
                     format_labels(series->labels), &stat});
    }
    std::sort(all.begin(), all.end(), [](const Series& a, const Series& b) {
      if (a.name != b.name) return name_less(a.name, b.name);
      return name_less(a.stat->name, b.stat->name);
    });
    std::string_view last;
    for (const Series& series : all) {
      const std::string& name = series.family;
      if (series.name != last)
        out.append("# TYPE ").append(name).append(" ").append(to_string(type)).append("\n");
      last = series.name;
      if (type == StatType::histogram) {
        append_histogram(out, name, series.labels, *series.stat);
      } else {
        out += name + '{' + series.labels + "} " + std::to_string(series.stat->value) + '\n';
      }
    }
  }
  return out;
}

}  // namespace holdfast::stats
