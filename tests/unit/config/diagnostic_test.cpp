#include "config/diagnostic.hpp"

#include "catch.hpp"

namespace holdfast::config {
namespace {

TEST_CASE("diagnostics come out by input, line and column") {
  Diagnostics diagnostics;
  diagnostics.error({1, 1, 1}, "later input");
  diagnostics.error({9, 2, 0}, "nine two");
  diagnostics.warning({9, 1, 0}, "nine one");
  diagnostics.error({}, "the file");
  std::string all;
  for (const Diagnostic& diagnostic : diagnostics.sorted({"a.yaml", "--config-yaml"})) {
    all += to_string(diagnostic) + "\n";
  }
  CHECK(all ==
        "a.yaml: error: the file\n"
        "a.yaml:9:1: warning: nine one\n"
        "a.yaml:9:2: error: nine two\n"
        "--config-yaml:1:1: error: later input\n");
  CHECK(diagnostics.error_count() == 3);
}

TEST_CASE("an error is one line, however many its message has") {
  const auto said = [](const std::string& message) {
    Diagnostics diagnostics;
    diagnostics.error({}, message);
    return diagnostics.sorted({"f"}).at(0).message;
  };
  CHECK(said(" as it is  ") == " as it is  ");
  CHECK(said("cannot parse\n\nCaused by:\n    0: first\n    1: second\n\n") ==
        "cannot parse; Caused by: 0: first 1: second");
  CHECK(said("\r\n \n a\r\nb") == "a b");
  CHECK(said("\n").empty());
}

TEST_CASE("an error that an alias repeats is said once") {
  Diagnostics diagnostics;
  diagnostics.error({3, 1, 0}, "same");
  diagnostics.error({3, 1, 0}, "same");
  diagnostics.error({3, 1, 0}, "other");
  CHECK(diagnostics.sorted({"f"}).size() == 2);
}

TEST_CASE("suggestions are near, or absent") {
  CHECK(did_you_mean("request_timeoot", {"request_timeout", "drain_timeout"}) ==
        " (did you mean \"request_timeout\"?)");
  CHECK(did_you_mean("nmae", {"name"}) == " (did you mean \"name\"?)");
  CHECK(did_you_mean("x", {"name", "y"}).empty());
  CHECK(did_you_mean("", {"a"}).empty());
  CHECK(did_you_mean(std::string(100, 'a'), {"aaaa"}).empty());
  CHECK(did_you_mean("abc", {}).empty());
}

}  // namespace
}  // namespace holdfast::config
