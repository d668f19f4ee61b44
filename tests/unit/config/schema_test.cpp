// The printed pages. That schema and parser agree is shown by tests/e2e/schema_agreement.py over
// the same cases that cases_test.cpp holds the parser to; that the shipped files are up to date, by
// tests/unit/filters.
#include "config/schema.hpp"

#include <boost/json.hpp>
#include <set>

#include "catch.hpp"
#include "config/envoy_names.hpp"
#include "config/reference.hpp"
#include "config/walk.hpp"
#include "test_catalog.hpp"

namespace holdfast::config::test {
namespace {

namespace json = boost::json;

void collect_references(const json::value& value, std::set<std::string>& out) {
  if (const auto* object = value.if_object()) {
    for (const auto& entry : *object) {
      if (entry.key() == "$ref") out.insert(std::string(entry.value().as_string()));
      collect_references(entry.value(), out);
    }
  } else if (const auto* array = value.if_array()) {
    for (const auto& item : *array) collect_references(item, out);
  }
}

TEST_CASE("the schema is draft-07 and every reference in it leads somewhere") {
  const json::value schema = json::parse(json_schema(test_catalog()));
  CHECK(schema.at("$schema").as_string() == "http://json-schema.org/draft-07/schema#");
  std::set<std::string> references;
  collect_references(schema, references);
  CHECK(references.size() > 50);
  for (const std::string& reference : references) {
    INFO(reference);
    json::error_code error;
    CHECK(schema.find_pointer(reference.substr(1), error) != nullptr);
  }
  CHECK(schema.at("definitions").as_object().contains("Sample@"));
}

TEST_CASE("every field has a meaning, and every field of Envoy's messages is Envoy's") {
  for (const MessageTable* table : reachable_tables(test_catalog()).tables) {
    INFO(table->full_name);
    CHECK_FALSE(table->doc.empty());
    const auto& known = envoy_fields(table->full_name);
    for (const Field& field : table->fields) {
      INFO(field.name);
      CHECK_FALSE(field.doc.empty());
      const bool is_known = std::any_of(known.begin(), known.end(), [&](const EnvoyField& envoy) {
        return envoy.name == field.name && (field.oneof.empty() || envoy.oneof == field.oneof);
      });
      CHECK((known.empty() || is_known));
    }
  }
}

TEST_CASE("the reference page lists fields, defaults, differences and what is refused") {
  const std::string page = configuration_markdown(test_catalog());
  CHECK_THAT(page, Catch::Contains("| `stat_prefix` | a string | **required** |"));
  CHECK_THAT(page, Catch::Contains("| `connect_timeout` | a duration"));
  CHECK_THAT(page, Catch::Contains("`5s`"));
  CHECK_THAT(page, Catch::Contains("## Sample\n"));
  CHECK_THAT(page, Catch::Contains("Envoy's, refused by name: `transport_socket_matches`"));
  CHECK_THAT(page, Catch::Contains("Ours bounds how long a slow client holds a connection."));
}

TEST_CASE("Envoy's extensions are known by name") {
  CHECK(is_envoy_extension("envoy.extensions.filters.http.cors.v3.Cors"));
  CHECK(is_envoy_extension("envoy.extensions.filters.http.lua.v3.Lua"));
  CHECK_FALSE(is_envoy_extension("envoy.extensions.filters.http.nothing.v3.Nothing"));
  CHECK(envoy_fields("holdfast.test.v1.Sample").empty());
}

}  // namespace
}  // namespace holdfast::config::test
