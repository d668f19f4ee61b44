// JSON formats: each expectation is what Envoy 1.40 printed for sample_record.hpp's exchange.
#include <boost/json.hpp>
#include <string>

#include "access_log/json_text.hpp"
#include "access_log/renderer.hpp"
#include "sample_record.hpp"

namespace holdfast::access_log {
namespace {

using test::Sample;

CompileResult compile_json_text(const std::string& json) {
  config::AccessLog log;
  log.format = config::AccessLog::Format::json;
  log.template_text = json;
  return compile(log);
}

std::string render(const std::string& json, const Record& record) {
  const CompileResult compiled = compile_json_text(json);
  INFO(json << " " << compiled.error);
  REQUIRE(compiled.format != nullptr);
  return std::string(Renderer(compiled.format).render(record));
}

TEST_CASE("keys are sorted, numbers are numbers, absent is null", "[access_log]") {
  const Sample sample;
  const std::string json = R"json({"zz_mixed":"a %RESPONSE_CODE% b %REQ(NONE)%",
      "code":"%RESPONSE_CODE%","START_TIME":"%START_TIME%","REQ(X-NONE)":"%REQ(X-NONE)%",
      "REQ(:METHOD)":"%REQ(:METHOD)%","RESP(:STATUS)":"%RESP(:STATUS)%","flags":"%RESPONSE_FLAGS%",
      "two":"%RESPONSE_CODE%%RESPONSE_CODE%","port":"%DOWNSTREAM_LOCAL_PORT%","dur":"%DURATION%ms",
      "DURATION":"%DURATION%","pct":"5%%","empty":"","REQ empty":"%REQ(X-EMPTY)%",
      "s8":"%REQ(X-8)%","env":"%ENVIRONMENT(HOLDFAST_NOPE)%","t":"%START_TIME(%s\"%E*f)%",
      "type":"%ACCESS_LOG_TYPE%"})json";
  CHECK(
      render(json, sample.record) ==
      "{\"DURATION\":34,\"REQ empty\":\"\",\"REQ(:METHOD)\":\"POST\",\"REQ(X-NONE)\":null,"
      "\"RESP(:STATUS)\":\"200\",\"START_TIME\":\"2026-11-23T21:11:07.497Z\",\"code\":200,"
      "\"dur\":\"34ms\",\"empty\":\"\",\"env\":\"-\",\"flags\":\"-\",\"pct\":\"5%\",\"port\":41100,"
      "\"s8\":\"\xc3\xa9\",\"t\":\"1795468267\\\"497857\",\"two\":\"200200\",\"type\":"
      "\"DownstreamEnd\","
      "\"zz_mixed\":\"a 200 b -\"}\n");
  CHECK(render(R"json({"d":"%RESPONSE_DURATION%","f":"%RESPONSE_FLAGS%","h":"%UPSTREAM_HOST%",
                   "m":"%REQ(:METHOD)% %PROTOCOL%","r":"%ROUTE_NAME%"})json",
               test::refused()) ==
        "{\"d\":null,\"f\":\"DPE\",\"h\":null,\"m\":\"- HTTP/1.1\",\"r\":null}\n");
}

TEST_CASE("constants keep Envoy's types", "[access_log]") {
  CHECK(render(R"json({"aa_num":7,"bb_bool":true,"neg":-3,"null":null,"big":123456789012345678,
                   "flt":0.1,"e":1e21,"edge":9007199254740992,"huge":18446744073709551615})json",
               Record{}) ==
        "{\"aa_num\":7,\"bb_bool\":true,\"big\":\"123456789012345678\",\"e\":\"1e+21\","
        "\"edge\":9007199254740992,\"flt\":\"0.1\",\"huge\":\"18446744073709551615\",\"neg\":-3,"
        "\"null\":null}\n");
  CHECK(render("{}", Record{}) == "{}\n");
}

TEST_CASE("objects and lists nest", "[access_log]") {
  const Sample sample;
  CHECK(render(R"json({"nested":{"z":"%RESPONSE_CODE%","a":"x",
                   "l":["%PROTOCOL%",1,2.5,null,"%REQ(NONE)%",[],{}]}})json",
               sample.record) ==
        "{\"nested\":{\"a\":\"x\",\"l\":[\"HTTP/1.1\",1,\"2.5\",null,null,[],{}],\"z\":200}}\n");
}

TEST_CASE("text is escaped as Envoy escapes it", "[access_log]") {
  const Sample sample;
  // Not UTF-8: every special byte as \u00xx, for that operator's text alone.
  CHECK(render("{\"esc\":\"q\\\"\\\\/\xc3\xa9\\n\\t\\u0001%REQ(X-ESC)%\"}", sample.record) ==
        "{\"esc\":\"q\\\"\\\\/\xc3\xa9\\n\\t\\u0001a\\u0022b\\u005cc\\u00e9\\u0009d\"}\n");
  CHECK(render(R"json({"esc":"%REQ(X-Q)%","f":"%REQ(X-Q):3%"})json", sample.record) ==
        "{\"esc\":\"a\\\"b\\\\c\\t/\xc3\xa9<>&\",\"f\":\"a\\\"b\"}\n");
  CHECK(render(R"json({"lit":"\u007f\b\f\r\""})json", Record{}) ==
        "{\"lit\":\"\x7f\\b\\f\\r\\\"\"}\n");
  CHECK(render(R"json({"k\"\n":1})json", Record{}) == "{\"k\\\"\\n\":1}\n");
}

TEST_CASE("whatever bytes a value holds, the line is JSON", "[access_log]") {
  for (const char* bytes : {"\xff", "\xc3", "\xc3(", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                            "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82",
                            "\xe2\x82\xac", "\xf0\x9f\x98\x80", "a\x1b"}) {
    std::string out = "\"";
    append_json_text(out, bytes);
    out += "\"";
    INFO(out);
    boost::system::error_code error;
    const auto parsed = boost::json::parse(out, error);
    CHECK_FALSE(error);
    CHECK(parsed.is_string());
  }
  std::string euro;
  append_json_text(euro, "\xe2\x82\xac");
  CHECK(euro == "\xe2\x82\xac");
}

TEST_CASE("a wrong JSON format is refused", "[access_log]") {
  CHECK(compile_json_text(R"json({"a":{"b":"x %FOO%"}})json").error ==
        "access log format: unknown operator %FOO% at position 2 in \"x %FOO%\"");
  CHECK(compile_json_text("[]").error == "access log format: a JSON object is needed");
  CHECK(compile_json_text("").error.find("not JSON") != std::string::npos);
  CHECK(compile_json_text("{").format == nullptr);
}

}  // namespace
}  // namespace holdfast::access_log
