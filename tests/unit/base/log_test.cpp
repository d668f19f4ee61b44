#include "base/log.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "catch.hpp"

namespace base = holdfast::base;
using base::Component;
using base::LogLevel;

namespace {

/// A directory of its own; the log goes back to stderr when the test ends.
struct Scratch {
  std::filesystem::path directory;
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-log-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    directory = name;
  }
  ~Scratch() {
    base::configure_log({});
    std::filesystem::remove_all(directory);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::string file(const std::string& name) const { return (directory / name).string(); }
};

std::string content(const std::string& path) {
  const std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

}  // namespace

TEST_CASE("levels and components are parsed by Envoy's words", "[base]") {
  CHECK(base::parse_log_level("warn") == LogLevel::warning);
  CHECK(base::parse_log_level("warning") == LogLevel::warning);
  CHECK(base::parse_log_level("off") == LogLevel::off);
  CHECK_FALSE(base::parse_log_level("loud").has_value());
  CHECK(base::parse_component("upstream") == Component::upstream);
  CHECK_FALSE(base::parse_component("kafka").has_value());
  for (unsigned i = 0; i < static_cast<unsigned>(Component::count_); ++i) {
    const auto component = static_cast<Component>(i);
    CHECK(base::parse_component(base::to_string(component)) == component);
  }
}

TEST_CASE("a component's level overrides the general one", "[base]") {
  const Scratch scratch;
  base::LogOptions options;
  options.path = scratch.file("log");
  options.format = "%l %n %v";
  options.level = LogLevel::warning;
  options.component_levels = {{Component::dns, LogLevel::debug}};
  REQUIRE(base::configure_log(options).empty());
  base::log(Component::main, LogLevel::info, "not written");
  base::log(Component::main, LogLevel::error, "bad");
  base::log(Component::dns, LogLevel::debug, "asked {}");  // Braces in a message are text.
  CHECK(content(options.path) == "error main bad\ndebug dns asked {}\n");
  CHECK(base::log_enabled(Component::dns, LogLevel::debug));
  CHECK_FALSE(base::log_enabled(Component::http, LogLevel::info));
  base::set_log_level(LogLevel::critical);
  CHECK(base::log_level(Component::dns) == LogLevel::critical);
}

TEST_CASE("the default pattern names file and line relative to the source tree", "[base]") {
  const Scratch scratch;
  base::LogOptions options;
  options.path = scratch.file("log");
  REQUIRE(base::configure_log(options).empty());
  base::log(Component::main, LogLevel::info, "hello");
  const std::string line = content(options.path);
  CHECK(line.find("][info][main] [tests/unit/base/log_test.cpp:") != std::string::npos);
  CHECK(line.substr(line.size() - 7) == " hello\n");
}

TEST_CASE("lines for a full disk are lost and counted", "[base]") {
  base::LogOptions options;
  options.path = "/dev/full";
  REQUIRE(base::configure_log(options).empty());
  const std::uint64_t before = base::log_lines_lost();
  for (int i = 0; i < 5; ++i) base::log(Component::main, LogLevel::info, "hello");
  CHECK(base::log_lines_lost() == before + 5);
  const Scratch scratch;
  options.path = scratch.file("log");
  REQUIRE(base::configure_log(options).empty());
  base::log(Component::main, LogLevel::info, "hello");
  CHECK(base::log_lines_lost() == before + 5);
  CHECK_FALSE(content(options.path).empty());
}

TEST_CASE("a gate lets one message through, whoever comes", "[base]") {
  base::LogGate gate;
  CHECK(gate.try_pass());
  CHECK_FALSE(gate.try_pass());
  base::LogGate other;
  CHECK(other.try_pass());
}

TEST_CASE("a moved log file is opened anew, and an impossible one is refused", "[base]") {
  const Scratch scratch;
  base::LogOptions options;
  options.path = scratch.file("log");
  options.format = "%v";
  REQUIRE(base::configure_log(options).empty());
  base::log(Component::main, LogLevel::info, "first");
  std::filesystem::rename(options.path, scratch.file("log.1"));
  base::log(Component::main, LogLevel::info, "still the old file");
  base::reopen_log();
  base::log(Component::main, LogLevel::info, "second");
  CHECK(content(scratch.file("log.1")) == "first\nstill the old file\n");
  CHECK(content(options.path) == "second\n");

  options.path = scratch.file("no/such/directory");
  CHECK(base::configure_log(options) == options.path + ": No such file or directory");
}
