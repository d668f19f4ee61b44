#include "conformance_cases.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <stdexcept>

namespace holdfast::server::test {
namespace {

constexpr std::size_t kMostRepeats = 1'000'000;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool matches(const std::string& text, const char* pattern) {
  return std::regex_match(text, std::regex(pattern));
}

class CaseReader {
 public:
  CaseReader(const std::string& file, std::set<std::string>& names) : file_(file), names_(names) {}

  void line(const std::string& text) {
    ++line_;
    if (text.empty()) return;
    switch (text[0]) {
      case '#':
        return require(!started_ || !case_.bytes.empty(), "a comment inside a case");
      case '@':
        return directive(text);
      case '|':
      case '>':
      case '*':
        require(started_, "bytes outside a case");
        case_.bytes += bytes_of(text);
        return;
      default:
        fail("neither a directive, nor bytes, nor a comment: " + text);
    }
  }

  std::vector<ConformanceCase> finish_file() {
    finish();
    return std::move(cases_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(file_ + ":" + std::to_string(line_) + ": " + what);
  }
  void require(bool holds, const std::string& what) const {
    if (!holds) fail(what);
  }

  void directive(const std::string& text) {
    const std::string word = text.substr(0, text.find(' '));
    const std::string rest = text.size() > word.size() ? text.substr(word.size() + 1) : "";
    if (word == "@case") return begin(rest);
    require(started_, word + " outside a case");
    require(case_.bytes.empty(), word + " behind the bytes");
    if (word == "@source") {
      case_.source = rest;
    } else if (word == "@side") {
      require(rest == "request" || rest == "response", "no such side: " + rest);
      case_.response = rest == "response";
    } else if (word == "@accept") {
      require(rest == "http10", "no such option: " + rest);
      case_.http_10 = true;
    } else if (word == "@asked") {
      case_.asked = rest;
    } else if (word == "@end") {
      require(rest == "close", "no such end: " + rest);
      case_.end_close = true;
    } else if (word == "@want") {
      case_.want.push_back(rest);
    } else if (word == "@sees") {
      case_.sees.push_back(fields(rest));
    } else if (word == "@never") {
      case_.never.push_back(unescape(rest));
    } else {
      fail("unknown directive " + word);
    }
  }

  void begin(const std::string& name) {
    finish();
    started_ = true;
    case_.name = name;
    case_.where = file_ + ":" + std::to_string(line_);
    require(matches(name, "[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9]+(-[a-z0-9]+)*"),
            "not a name of the form group/what: " + name);
    require(names_.insert(name).second, "duplicate name " + name);
  }

  /// REQUIRES: called on the line behind the case; errors name the case.
  void finish() {
    if (!started_) return;
    const std::string of = " of " + case_.name;
    require(!case_.source.empty(), "no @source" + of);
    require(!case_.want.empty(), "no @want" + of);
    require(!case_.bytes.empty(), "no bytes" + of);
    std::size_t whole = 0;
    for (std::size_t i = 0; i < case_.want.size(); ++i) {
      const std::string& verdict = case_.want[i];
      const bool passes = verdict == (case_.response ? "pass" : "forward");
      const char* const refusals = case_.response ? "502|cut|502\\|cut" : "wait|[45]\\d\\d";
      require(passes || matches(verdict, refusals), "no such verdict: " + verdict + of);
      require(passes || i + 1 == case_.want.size(), "a verdict behind a refusal" + of);
      if (passes) ++whole;
    }
    require(case_.sees.size() == whole, "not one @sees for each whole message" + of);
    for (const auto& sees : case_.sees) {
      require(sees.size() == (case_.response ? 2 : 4), "wrong number of fields in @sees" + of);
    }
    cases_.push_back(std::move(case_));
    case_ = {};
    started_ = false;
  }

  std::string bytes_of(std::string text) const {
    std::size_t times = 1;
    if (text[0] == '*') {
      const std::size_t digits = text.find_first_not_of("0123456789", 1);
      require(digits != 1 && digits != std::string::npos &&
                  (text[digits] == '|' || text[digits] == '>'),
              "want *N| or *N>");
      require(digits <= 8, "too many repetitions");
      times = std::stoul(text.substr(1, digits - 1));
      require(times > 0 && times <= kMostRepeats, "so many repetitions make no case");
      text.erase(0, digits);
    }
    std::string once = unescape(std::string_view(text).substr(1));
    if (text[0] == '>') once += "\r\n";
    std::string all;
    all.reserve(once.size() * times);
    for (std::size_t i = 0; i < times; ++i) all += once;
    return all;
  }

  std::vector<std::string> fields(const std::string& text) const {
    std::vector<std::string> found;
    std::size_t start = 0;
    for (;;) {
      const std::size_t end = std::min(text.find(' ', start), text.size());
      const std::string field = text.substr(start, end - start);
      require(!field.empty(), "an empty field in @sees is written -");
      found.push_back(field == "-" ? "" : unescape(field));
      if (end == text.size()) return found;
      start = end + 1;
    }
  }

  std::string unescape(std::string_view text) const {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\') {
        out += text[i];
        continue;
      }
      const char kind = ++i < text.size() ? text[i] : ' ';
      if (kind == 'x') {
        const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
        require(high >= 0 && low >= 0, "\\x wants two hex digits");
        out += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
      const std::size_t known = std::string_view("rnt0\\").find(kind);
      require(known != std::string_view::npos, "unknown escape");
      out += std::string_view("\r\n\t\0\\", 5)[known];
    }
    return out;
  }

  const std::string& file_;
  std::set<std::string>& names_;
  std::size_t line_ = 0;
  bool started_ = false;
  ConformanceCase case_;
  std::vector<ConformanceCase> cases_;
};

}  // namespace

std::vector<ConformanceCase> read_conformance_cases(std::istream& text, const std::string& file,
                                                    std::set<std::string>& names) {
  CaseReader reader(file, names);
  for (std::string line; std::getline(text, line);) reader.line(line);
  return reader.finish_file();
}

std::vector<ConformanceCase> all_conformance_cases() {
  const std::filesystem::path directory =
      std::filesystem::path(HOLDFAST_SOURCE_DIR) / "tests/conformance/cases";
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".case") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::set<std::string> names;
  std::vector<ConformanceCase> all;
  for (const auto& file : files) {
    std::ifstream text(file);
    if (!text) throw std::runtime_error("cannot open " + file.string());
    auto cases = read_conformance_cases(text, file.filename().string(), names);
    std::move(cases.begin(), cases.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace holdfast::server::test
