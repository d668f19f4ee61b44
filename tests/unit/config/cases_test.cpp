// Each case of cases/*.case gives exactly the diagnostics it says. What Envoy 1.40 makes of it
// stands beside (@envoy).
#include "case_file.hpp"
#include "catch.hpp"
#include "config/load.hpp"
#include "test_catalog.hpp"

namespace holdfast::config::test {
namespace {

/// The diagnostics without the file's name, one a line; "ok" for none.
std::string report(const Case& test) {
  const Env env = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = test.env.find(name);
    return found == test.env.end() ? std::nullopt : std::optional(found->second);
  };
  const LoadResult result = load_text(test.text, test.file, test_catalog(), env);
  std::string out;
  bool error = false;
  for (const Diagnostic& diagnostic : result.diagnostics) {
    std::string line = to_string(diagnostic).substr(test.file.size() + 1);
    if (line[0] == ' ') line.erase(0, 1);
    out += line + '\n';
    error = error || diagnostic.severity == Severity::error;
  }
  CHECK(result.ok() == !error);  // a Bootstrap exactly when there is no error
  return out.empty() ? "ok\n" : out;
}

std::size_t run(const std::string& file) {
  const auto cases =
      read_cases(std::string(HOLDFAST_SOURCE_DIR) + "/tests/unit/config/cases/" + file);
  for (const Case& test : cases) {
    std::string want;
    for (const std::string& line : test.want) want += line + '\n';
    INFO(file << ": " << test.name << "\n" << test.text);
    CHECK(report(test) == want);
  }
  return cases.size();
}

TEST_CASE("scalars convert as Envoy's loader converts them") {
  CHECK(run("scalars.case") > 100);
}
TEST_CASE("texts: YAML, JSON, variables") {
  CHECK(run("text.case") > 50);
}
TEST_CASE("clusters") {
  CHECK(run("cluster.case") > 70);
}
TEST_CASE("http connection manager, filters, access logs") {
  CHECK(run("http.case") > 80);
}
TEST_CASE("virtual hosts and routes") {
  CHECK(run("route.case") > 50);
}
TEST_CASE("bootstrap, admin, listeners, tcp proxy") {
  CHECK(run("bootstrap.case") > 40);
}

}  // namespace
}  // namespace holdfast::config::test
