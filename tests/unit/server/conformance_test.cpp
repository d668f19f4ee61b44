// Every case of tests/conformance/cases as a pure function of bytes: whole, one byte at a time, and
// split in two at each point (at some, where the bytes are many). What is passed on is parsed and
// written again: it must be the same message, and the same bytes.
#include <algorithm>
#include <sstream>

#include "base/text.hpp"
#include "catch.hpp"
#include "conformance_cases.hpp"
#include "conformance_feed.hpp"

namespace holdfast::server::test {
namespace {

constexpr std::size_t kLeastCases = 400;
constexpr std::size_t kSplitEverywhere = 2048;
constexpr std::size_t kSplits = 64;

Outcome feed(const ConformanceCase& test, const std::vector<std::string_view>& pieces) {
  return test.response ? feed_response(test, pieces) : feed_requests(test, pieces);
}

std::string join(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : " ") + word;
  return all;
}

/// What this level can tell of the case's verdicts: from a response's bytes alone nobody sees
/// whether its head had gone down already.
std::vector<std::string> wanted(const ConformanceCase& test) {
  std::vector<std::string> want = test.want;
  for (std::string& verdict : want) {
    if (test.response && verdict != "pass") verdict = "broken";
  }
  return want;
}

bool holds_ignoring_case(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) { return base::to_lower(a) == base::to_lower(b); };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

void check_splits(const ConformanceCase& test, const Outcome& whole) {
  const std::string_view bytes = test.bytes;
  std::vector<std::string_view> each;
  for (std::size_t i = 0; i < bytes.size(); ++i) each.push_back(bytes.substr(i, 1));
  CHECK(feed(test, each) == whole);
  const std::size_t step = bytes.size() <= kSplitEverywhere ? 1 : bytes.size() / kSplits;
  for (std::size_t at = 1; at < bytes.size(); at += step) {
    const bool same = feed(test, {bytes.substr(0, at), bytes.substr(at)}) == whole;
    if (!same) FAIL_CHECK("split at " << at << " is another message");
  }
}

/// The next hop reads what we read (and would pass on the same bytes).
void check_passed_on(const ConformanceCase& test, const Outcome& whole) {
  for (const std::string& never : test.never) {
    INFO("never: " << never);
    CHECK_FALSE(holds_ignoring_case(whole.passed_on, never));
  }
  if (whole.sees.empty()) return;
  ConformanceCase again;
  again.response = test.response;
  again.asked = test.asked;
  again.bytes = whole.passed_on;
  const Outcome next = feed(again, {again.bytes});
  CHECK(join(next.verdicts) ==
        join(std::vector<std::string>(whole.sees.size(), test.response ? "pass" : "forward")));
  CHECK(next.sees == whole.sees);
  CHECK(next.passed_on == whole.passed_on);
}

TEST_CASE("each case has its verdict however its bytes arrive", "[conformance]") {
  const auto cases = all_conformance_cases();
  REQUIRE(cases.size() >= kLeastCases);
  for (const ConformanceCase& test : cases) {
    INFO(test.where << ": " << test.name << " (" << test.source << ")");
    const Outcome whole = feed(test, {test.bytes});
    CHECK(join(whole.verdicts) == join(wanted(test)));
    CHECK(whole.sees == test.sees);
    check_splits(test, whole);
    check_passed_on(test, whole);
  }
}

std::string error_of(const std::string& text) {
  std::istringstream stream(text);
  std::set<std::string> names{"old/one"};
  try {
    static_cast<void>(read_conformance_cases(stream, "x.case", names));
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

TEST_CASE("a case file says what it means or is refused with its line", "[conformance]") {
  const std::string head = "@case a/b\n@source RFC 9112 3\n";
  const std::string rest = "@want forward\n@sees GET / a -\n>GET / HTTP/1.1\n>Host: a\n>\n";
  CHECK(error_of(head + rest) == "no error");
  CHECK(error_of("# x\n\n" + head + rest + "# y\n@case a/c\n@source x\n@want 400\n|x\n") ==
        "no error");
  struct Row {
    std::string text;
    const char* error;
  };
  for (const Row& row : {
           Row{"@case a/b\n" + rest, "x.case:6: no @source of a/b"},
           Row{head + ">x\n", "x.case:3: no @want of a/b"},
           Row{head + "@want 400\n", "x.case:3: no bytes of a/b"},
           Row{head + "@want forward\n>x\n",
               "x.case:4: not one @sees for each whole message of a/b"},
           Row{head + "@want 400\n@sees GET / a -\n>x\n",
               "x.case:5: not one @sees for each whole message of a/b"},
           Row{head + "@want forward\n@sees GET / a\n>x\n",
               "x.case:5: wrong number of fields in @sees of a/b"},
           Row{head + "@want forward\n@sees GET  / a\n",
               "x.case:4: an empty field in @sees is written -"},
           Row{head + "@want 400\n@want forward\n@sees G / a -\n>x\n",
               "x.case:6: a verdict behind a refusal of a/b"},
           Row{head + "@want no\n>x\n", "x.case:4: no such verdict: no of a/b"},
           Row{head + "@want pass\n>x\n", "x.case:4: no such verdict: pass of a/b"},
           Row{head + "@wont 400\n", "x.case:3: unknown directive @wont"},
           Row{head + "@side both\n", "x.case:3: no such side: both"},
           Row{head + "@accept http09\n", "x.case:3: no such option: http09"},
           Row{head + "@end reset\n", "x.case:3: no such end: reset"},
           Row{"@case old/one\n", "x.case:1: duplicate name old/one"},
           Row{"@case Old\n", "x.case:1: not a name of the form group/what: Old"},
           Row{"@want 400\n", "x.case:1: @want outside a case"},
           Row{">x\n", "x.case:1: bytes outside a case"},
           Row{head + ">x\n@want 400\n", "x.case:4: @want behind the bytes"},
           Row{head + "# no\n", "x.case:3: a comment inside a case"},
           Row{head + "x\n", "x.case:3: neither a directive, nor bytes, nor a comment: x"},
           Row{head + ">\\q\n", "x.case:3: unknown escape"},
           Row{head + ">\\x1\n", "x.case:3: \\x wants two hex digits"},
           Row{head + "*x>y\n", "x.case:3: want *N| or *N>"},
           Row{head + "*3y\n", "x.case:3: want *N| or *N>"},
       }) {
    CHECK(error_of(row.text) == row.error);
  }
}

TEST_CASE("the bytes of a case", "[conformance]") {
  std::istringstream stream(
      "@case a/b\n@source s\n@want 400\n@never \\r\n>a\\x20\\0\n|b\\\\\\t\n*3|xy\n*2>\n");
  std::set<std::string> names;
  const auto cases = read_conformance_cases(stream, "x.case", names);
  REQUIRE(cases.size() == 1);
  CHECK(cases[0].bytes == std::string("a \0\r\nb\\\txyxyxy\r\n\r\n", 18));
  CHECK(cases[0].never == std::vector<std::string>{"\r"});
  CHECK(cases[0].where == "x.case:1");
}

}  // namespace
}  // namespace holdfast::server::test
