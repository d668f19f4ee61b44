#include "config/diagnostic.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <string_view>
#include <tuple>

namespace holdfast::config {

namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) + 1 - first);
}

/// What libraries say may come in paragraphs of indented lines.
std::string one_line(std::string text) {
  if (text.find('\n') == std::string::npos) return text;
  std::string out;
  bool gap = false;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!line.empty() && !out.empty()) out += gap ? "; " : " ";
    out += line;
    gap = line.empty();
  }
  return out;
}

}  // namespace

std::string to_string(const Diagnostic& diagnostic) {
  std::string out = diagnostic.file;
  if (diagnostic.location.line != 0) {
    out += ':' + std::to_string(diagnostic.location.line) + ':' +
           std::to_string(diagnostic.location.column);
  }
  out += diagnostic.severity == Severity::error ? ": error: " : ": warning: ";
  return out + diagnostic.message;
}

void Diagnostics::error(Location location, std::string message) {
  list_.push_back({{}, location, Severity::error, one_line(std::move(message))});
  ++errors_;
}

void Diagnostics::warning(Location location, std::string message) {
  list_.push_back({{}, location, Severity::warning, one_line(std::move(message))});
}

std::vector<Diagnostic> Diagnostics::sorted(const std::vector<std::string>& inputs) const {
  std::vector<Diagnostic> result = list_;
  std::stable_sort(result.begin(), result.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.location.input, a.location.line, a.location.column) <
           std::tie(b.location.input, b.location.line, b.location.column);
  });
  // An alias is parsed wherever it stands, but what is wrong in it is wrong in one place.
  std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::string>> seen;
  std::erase_if(result, [&](const Diagnostic& d) {
    return !seen.emplace(d.location.input, d.location.line, d.location.column, d.message).second;
  });
  for (Diagnostic& diagnostic : result) {
    if (diagnostic.location.input < inputs.size()) {
      diagnostic.file = inputs[diagnostic.location.input];
    }
  }
  return result;
}

namespace {

/// Damerau-Levenshtein (adjacent swap counts one): typing errors are mostly single keys or two keys
/// swapped.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        next[j] = std::min(next[j], before[j - 2] + 1);
      }
    }
    before.swap(row);
    row.swap(next);
  }
  return row[b.size()];
}

}  // namespace

std::string did_you_mean(std::string_view given, const std::vector<std::string_view>& candidates) {
  constexpr std::size_t kLongestGuess = 64;  // Bounds the work on hostile input.
  if (given.empty() || given.size() > kLongestGuess) return {};
  std::size_t best = std::max<std::size_t>(1, given.size() / 3) + 1;
  std::string_view nearest;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edit_distance(given, candidate);
    if (distance < best && distance < candidate.size()) {
      best = distance;
      nearest = candidate;
    }
  }
  if (nearest.empty()) return {};
  return " (did you mean \"" + std::string(nearest) + "\"?)";
}

}  // namespace holdfast::config
