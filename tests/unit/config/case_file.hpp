// case_file: the table of good and bad configurations in cases/*.case, shared with
// tests/e2e/schema_agreement.py.
//
//   # comment                       between cases
//   @template NAME                  the lines that follow are a text with one `%%`
//   @case NAME                      starts a case; then, in any order:
//   @use NAME                       the template around the body (indented as `%%` is)
//   @file NAME                      the configuration's name; default c.yaml
//   @env NAME=VALUE                 an environment variable
//   @envoy ok | error               what Envoy 1.40 says of it (--mode validate)
//   @schema beyond                  the schema cannot know what the parser knows
//   @want ok | LINE:COL: error: ... one line for each diagnostic expected
//   and then the body, up to the next `@case` or `@template`.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace holdfast::config::test {

struct Case {
  std::string name;
  std::string file = "c.yaml";
  std::string text;
  std::map<std::string, std::string> env;
  std::vector<std::string> want;
};

[[nodiscard]] std::vector<Case> read_cases(const std::string& path);

}  // namespace holdfast::config::test
