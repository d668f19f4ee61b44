// The field tables as filters outside this room use them: diagnostics, cluster references, JSON
// inside a string.
#include "catch.hpp"
#include "config/load.hpp"
#include "test_catalog.hpp"

namespace holdfast::config::test {
namespace {

/// The diagnostics of a listener whose first http filter has this typed_config (flow style, from
/// line 14 column 29).
std::string with_filter(const std::string& typed_config,
                        const std::string& clusters = "[{name: httpbin}]") {
  const std::string text = R"(static_resources:
  clusters: )" + clusters + R"(
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: h
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: x
          route_config: {}
          http_filters:
          - name: f
            typed_config: )" +
                           typed_config + R"(
          - {name: r, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
)";
  const LoadResult result =
      load_text(text, "c", test_catalog(), [](const std::string&) { return std::nullopt; });
  std::string out;
  for (const Diagnostic& diagnostic : result.diagnostics) out += to_string(diagnostic) + "\n";
  return out;
}

std::string sample(const std::string& fields) {
  return with_filter("{\"@type\": type.googleapis.com/holdfast.test.v1.Sample, " + fields + "}");
}

std::string in_json(const std::string& text) {
  return with_filter(
      "{\"@type\": type.googleapis.com/holdfast.test.v1.SampleJson, configuration: {\"@type\": "
      "type.googleapis.com/google.protobuf.StringValue, value: '" +
      text + "'}}");
}

TEST_CASE("a filter's fields are checked by its table") {
  CHECK(sample("cluster: httpbin").empty());
  CHECK(sample("count: 1") == "c:14:27: error: missing required field \"cluster\" in Sample\n");
  CHECK(sample("cluster: httpbin, count: 65536") ==
        "c:14:107: error: field \"count\" of Sample wants an integer from 0 to 65535, not the "
        "number 65536\n");
  CHECK(sample("cluster: httpbin, offset: -2147483649") ==
        "c:14:108: error: field \"offset\" of Sample wants an integer from -2147483648 to "
        "2147483647, not \"-2147483649\"\n");
  CHECK(sample("cluster: httpbin, ratio: much") ==
        "c:14:107: error: field \"ratio\" of Sample wants a number, not \"much\"\n");
  CHECK(sample("cluster: httpbin, ratio: \"0.75\", offset: -2147483648").empty());
  CHECK(sample("cluster: httpbin, header_name: \"x y\"") ==
        "c:14:113: error: field \"header_name\" of Sample is not a header name: \"x y\"\n");
  CHECK(sample("cluster: httpbin, tags: [a, b, c, d]") ==
        "c:14:116: error: field \"tags\" of Sample wants at most 3 items, not 4\n");
  CHECK(sample("cluster: httpbin, headers: [{value: \"a\\r\\nb\"}]") ==
        "c:14:110: error: missing required field \"key\" in HeaderValue\n"
        "c:14:118: error: field \"value\" of HeaderValue must not hold NUL, CR or LF: it goes into "
        "a header\n");
  CHECK(sample("cluster: httpbin, cuont: 1") ==
        "c:14:100: error: unknown field \"cuont\" in Sample (did you mean \"count\"?)\n");
}

TEST_CASE("a filter's cluster must exist") {
  CHECK(sample("cluster: htpbin") ==
        "c:14:91: error: unknown cluster \"htpbin\" in Sample (did you mean \"httpbin\"?)\n");
}

TEST_CASE("JSON in a string is parsed by a table; what is wrong in it is reported at the value") {
  CHECK(in_json(R"({"cluster":"httpbin","count":3})").empty());
  CHECK(in_json(R"({"cluster":"httpbin",})") ==
        "c:14:167: error: JSON: wanted a key in double quotes (line 1, column 22 of the JSON "
        "text)\n");
  CHECK(in_json(R"({"cluster":"nobody"})") ==
        "c:14:167: error: unknown cluster \"nobody\" in Sample\n");
  CHECK(in_json(R"({"cluster":"httpbin","cuont":3})") ==
        "c:14:167: error: JSON: unknown field \"cuont\" in Sample (did you mean \"count\"?) (line "
        "1, column 22 of "
        "the JSON text)\n");
  CHECK(in_json("[]") ==
        "c:14:167: error: JSON: Sample wants a mapping of fields, not a list (line 1, column 1 of "
        "the JSON text)\n");
  CHECK_THAT(in_json(""), Catch::Contains("JSON: ends where a value is wanted"));
  CHECK_THAT(in_json("not JSON"), Catch::Contains("JSON: not a value"));
}

TEST_CASE("JSON in a string is strict: a number is a whole number, a string is not one") {
  for (const char* bad :
       {R"({"cluster":"httpbin","count":2.5})", R"({"cluster":"httpbin","count":"3"})",
        R"({"cluster":"httpbin","count":3.0})", R"({"cluster":"httpbin","count":true})",
        R"({"cluster":"httpbin","ratio":"1"})", R"({"cluster":"httpbin","on_failure":0})",
        R"({"cluster":5})", R"({"cluster":"httpbin","cluster":"httpbin"})"}) {
    INFO(bad);
    CHECK_THAT(in_json(bad), Catch::StartsWith("c:14:167: error: JSON: "));
  }
  CHECK(in_json(R"({"cluster":"httpbin","count":null})").empty());
}

TEST_CASE("camelCase names and durations as text") {
  CHECK(camel_case("max_request_headers_kb") == "maxRequestHeadersKb");
  CHECK(camel_case("type") == "type");
  CHECK(camel_case("accept_http_10") == "acceptHttp10");
  CHECK(duration_text(Milliseconds(0)) == "0s");
  CHECK(duration_text(Milliseconds(250)) == "0.250s");
  CHECK(duration_text(Milliseconds(15'000)) == "15s");
  CHECK(duration_text(Milliseconds(-500)) == "-0.500s");
  CHECK(duration_text(Milliseconds(-1500)) == "-1.500s");
}

}  // namespace
}  // namespace holdfast::config::test
