#include "stats/metrics_page.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace holdfast::stats {

namespace {

/// Upper bounds in microseconds; a proxy's times lie between 100 us and a minute.
constexpr std::array<std::uint64_t, 18> kBounds{
    100,     250,     500,     1'000,     2'500,     5'000,     10'000,     25'000,     50'000,
    100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000, 30'000'000, 60'000'000};

void append_escaped(std::string& out, std::string_view text, bool quote) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quote) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

void append_line(std::string& out, std::string_view name, std::string_view suffix,
                 std::string_view labels, std::string_view value) {
  out.append(name).append(suffix);
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out.append(" ").append(value).append("\n");
}

void append_histogram(std::string& out, std::string_view name, const std::string& labels,
                      const HistogramSnapshot& histogram) {
  const std::string before = labels.empty() ? "le=\"" : labels + ",le=\"";
  const auto bucket = [&](double bound, std::uint64_t below) {
    append_line(out, name, "_bucket", before + format_double(bound) + '"', std::to_string(below));
  };
  if (histogram.unit() == HistogramSnapshot::Unit::plain) {
    const EnvoyHistogram plain(histogram);
    for (const double bound : EnvoyHistogram::kBounds) bucket(bound, plain.count_below(bound));
  } else {
    for (const std::uint64_t bound : kBounds) {
      bucket(static_cast<double>(bound) / 1e6, histogram.count_below(bound));
    }
  }
  const std::string count = std::to_string(histogram.count());
  append_line(out, name, "_bucket", before + "+Inf\"", count);
  append_line(out, name, "_sum", labels, format_double(histogram.sum()));
  append_line(out, name, "_count", labels, count);
}

}  // namespace

std::string format_double(double value) {
  if (std::isnan(value)) return "nan";
  std::array<char, 400> buffer{};  // The longest double without exponent has 309 digits.
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  return error == std::errc{} ? std::string(buffer.data(), end) : std::to_string(value);
}

std::string format_labels(const Labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    if (!out.empty()) out += ',';
    out.append(name).append("=\"");
    append_escaped(out, value, true);
    out += '"';
  }
  return out;
}

MetricsPage::Family& MetricsPage::family(std::string_view name, StatType type,
                                         std::string_view help) {
  const auto found = families_.find(name);
  if (found != families_.end()) return found->second;
  return families_.emplace(std::string(name), Family{type, std::string(help), {}}).first->second;
}

void MetricsPage::add(std::string_view name, StatType type, std::string_view help,
                      const Labels& labels, std::uint64_t value) {
  family(name, type, help).samples[format_labels(labels)].whole += value;
}

void MetricsPage::add(std::string_view name, StatType type, std::string_view help,
                      const Labels& labels, double value) {
  family(name, type, help).samples[format_labels(labels)].fraction += value;
}

void MetricsPage::add(std::string_view name, std::string_view help, const Labels& labels,
                      const HistogramSnapshot& histogram) {
  family(name, StatType::histogram, help).samples[format_labels(labels)].histogram.add(histogram);
}

std::string MetricsPage::text() const {
  std::string out;
  for (const auto& [name, family] : families_) {
    out.append("# HELP ").append(name).append(" ");
    append_escaped(out, family.help, false);
    out.append("\n# TYPE ").append(name).append(" ").append(to_string(family.type)).append("\n");
    for (const auto& [labels, sample] : family.samples) {
      if (family.type == StatType::histogram) {
        append_histogram(out, name, labels, sample.histogram);
      } else if (sample.fraction == 0) {
        append_line(out, name, "", labels, std::to_string(sample.whole));
      } else {
        append_line(out, name, "", labels,
                    format_double(sample.fraction + static_cast<double>(sample.whole)));
      }
    }
  }
  return out;
}

}  // namespace holdfast::stats
