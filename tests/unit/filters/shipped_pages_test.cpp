// What is shipped and printed from the field tables is up to date, and the shipped samples load. To
// renew the pages:
//   HOLDFAST_UPDATE=1 unit_filters "[shipped]"
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "catch.hpp"
#include "config/load.hpp"
#include "config/reference.hpp"
#include "config/schema.hpp"
#include "filters/registry.hpp"

namespace holdfast::filters {
namespace {

void check_page(const std::string& name, const std::string& printed) {
  const std::string path = std::string(HOLDFAST_SOURCE_DIR) + "/" + name;
  if (std::getenv("HOLDFAST_UPDATE") != nullptr) std::ofstream(path) << printed;
  std::ifstream file(path);
  const std::string shipped(std::istreambuf_iterator<char>(file), {});
  INFO(name << " is out of date: HOLDFAST_UPDATE=1 unit_filters \"[shipped]\" renews it");
  CHECK(shipped.size() == printed.size());  // not the texts: Catch would print both
  CHECK((shipped == printed));
}

TEST_CASE("config/holdfast.schema.json is up to date", "[shipped]") {
  check_page("config/holdfast.schema.json", config::json_schema(catalog()));
}

TEST_CASE("docs/configuration.md is up to date", "[shipped]") {
  check_page("docs/configuration.md", config::configuration_markdown(catalog()));
}

TEST_CASE("the shipped samples load without a warning", "[shipped]") {
  const std::string directory = std::string(HOLDFAST_SOURCE_DIR) + "/config/";
  for (const char* name : {"httpbin.yaml", "staticreply.yaml"}) {
    const auto result = config::load_file(directory + name, catalog(),
                                          [](const std::string&) { return std::nullopt; });
    for (const auto& diagnostic : result.diagnostics) UNSCOPED_INFO(config::to_string(diagnostic));
    REQUIRE(result.ok());
    CHECK(result.diagnostics.empty());
    CHECK(result.bootstrap->listeners[0].name == "main");
    CHECK(result.bootstrap->listeners[0].address.port == 18000);
    CHECK(result.bootstrap->admin->address.port == 18001);
    const auto& hcm =
        std::get<config::HttpConnectionManager>(result.bootstrap->listeners[0].filter);
    REQUIRE(hcm.http_filters.size() == 2);
    CHECK(hcm.http_filters[0].type == "dispatch");
    CHECK(hcm.http_filters[1].type == "router");
  }
}

TEST_CASE("each sample names its schema for editors", "[shipped]") {
  for (const char* name : {"httpbin.yaml", "staticreply.yaml"}) {
    std::ifstream file(std::string(HOLDFAST_SOURCE_DIR) + "/config/" + name);
    std::string first;
    std::getline(file, first);
    CHECK(first == "# yaml-language-server: $schema=./holdfast.schema.json");
  }
}

}  // namespace
}  // namespace holdfast::filters
