// Text formats: each expectation is what Envoy 1.40 printed for sample_record.hpp's exchange.
#include <cstdlib>
#include <string>

#include "access_log/renderer.hpp"
#include "sample_record.hpp"

namespace holdfast::access_log {
namespace {

using test::Sample;

CompileResult compile_text(const std::string& text) {
  config::AccessLog log;
  log.template_text = text;
  return compile(log);
}

std::string render(const std::string& text, const Record& record) {
  const CompileResult compiled = compile_text(text);
  INFO(text << " " << compiled.error);
  REQUIRE(compiled.format != nullptr);
  CHECK(compiled.error.empty());
  return std::string(Renderer(compiled.format).render(record));
}

struct Row {
  const char* format;
  const char* expected;
};

TEST_CASE("operators print what Envoy prints for an answered request", "[access_log]") {
  const Sample sample;
  for (const Row& row : {
           Row{"%START_TIME%", "2026-11-23T21:11:07.497Z"},
           Row{"%START_TIME()%", "2026-11-23T21:11:07.497Z"},
           Row{"%START_TIME(%s.%3f)%", "1795468267.497"},
           Row{"%REQUEST_DURATION%", "0"},
           Row{"%REQUEST_TX_DURATION%", "0"},
           Row{"%DURATION%", "34"},
           Row{"%RESPONSE_DURATION%", "34"},
           Row{"%RESPONSE_TX_DURATION%", "0"},
           Row{"%PROTOCOL%", "HTTP/1.1"},
           Row{"%UPSTREAM_PROTOCOL%", "HTTP/1.1"},
           Row{"%RESPONSE_CODE%", "200"},
           Row{"%RESPONSE_CODE_DETAILS%", "via_upstream"},
           Row{"%RESPONSE_FLAGS%", "-"},
           Row{"%RESPONSE_FLAGS_LONG%", "-"},
           Row{"%BYTES_RECEIVED%", "3"},
           Row{"%BYTES_SENT%", "2"},
           Row{"%UPSTREAM_HOST%", "127.0.0.1:41001"},
           Row{"%UPSTREAM_CLUSTER%", "be"},
           Row{"%UPSTREAM_CLUSTER_RAW%", "be"},
           Row{"%UPSTREAM_LOCAL_ADDRESS%", "127.0.0.1:57076"},
           Row{"%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%", "127.0.0.1"},
           Row{"%UPSTREAM_LOCAL_PORT%", "57076"},
           Row{"%UPSTREAM_REMOTE_ADDRESS%", "127.0.0.1:41001"},
           Row{"%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "127.0.0.1"},
           Row{"%UPSTREAM_REMOTE_PORT%", "41001"},
           Row{"%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "1"},
           Row{"%DOWNSTREAM_REMOTE_ADDRESS%", "127.0.0.1:40560"},
           Row{"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "127.0.0.1"},
           Row{"%DOWNSTREAM_REMOTE_PORT%", "40560"},
           Row{"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", "127.0.0.1:40560"},
           Row{"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", "127.0.0.1"},
           Row{"%DOWNSTREAM_DIRECT_REMOTE_PORT%", "40560"},
           Row{"%DOWNSTREAM_LOCAL_ADDRESS%", "127.0.0.1:41100"},
           Row{"%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%", "127.0.0.1"},
           Row{"%DOWNSTREAM_LOCAL_PORT%", "41100"},
           Row{"%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%", "127.0.0.1:41100"},
           Row{"%REQ(X-A)%", "val"},
           Row{"%REQ(X-NONE?X-A)%", "val"},
           Row{"%REQ(X-A):2%", "va"},
           Row{"%REQ(X-A):0%", ""},
           Row{"%REQ(X-NONE)%", "-"},
           Row{"%REQ(X-NONE):2%", "-"},
           Row{"%REQ(:METHOD)%", "POST"},
           Row{"%REQ(:PATH)%", "/path?a=b"},
           Row{"%REQ(:PATH):3%", "/pa"},
           Row{"%REQ(:AUTHORITY)%", "h"},
           Row{"%REQ(:SCHEME)%", "http"},
           Row{"%REQ(HOST)%", "h"},
           Row{"%REQ(X-EMPTY)%", ""},
           Row{"%REQ(X-EMPTY?X-A)%", ""},
           Row{"%REQ(x-two)%", "1"},
           Row{"%RESP(X-R)%", "resp"},
           Row{"%RESP(X-NONE?X-R):1%", "r"},
           Row{"%RESP(:STATUS)%", "200"},
           Row{"%RESP(SERVER)%", "envoy"},
           Row{"%TRAILER(X)%", "-"},
           Row{"%ROUTE_NAME%", "rt"},
           Row{"%LISTENER_NAME%", "main"},
           Row{"%VIRTUAL_CLUSTER_NAME%", "-"},
           Row{"%REQUESTED_SERVER_NAME%", "-"},
           Row{"%CONNECTION_ID%", "0"},
           Row{"%ACCESS_LOG_TYPE%", "DownstreamEnd"},
           Row{"%ENVIRONMENT(HOLDFAST_SURELY_UNSET)%", "-"},
           Row{"<100%%>", "<100%>"},
           Row{"%%%RESPONSE_CODE%%%%RESPONSE_CODE%\n", "%200%200\n"},
           Row{"just text", "just text"},
       }) {
    INFO(row.format);
    CHECK(render(row.format, sample.record) == row.expected);
  }
}

TEST_CASE("operators print what Envoy prints for a refused request", "[access_log]") {
  const Record record = test::refused();
  for (const Row& row : {
           Row{"%START_TIME%", "2026-11-23T21:11:08.234Z"},
           Row{"%REQUEST_DURATION%", "-"},
           Row{"%DURATION%", "0"},
           Row{"%RESPONSE_DURATION%", "-"},
           Row{"%RESPONSE_TX_DURATION%", "-"},
           Row{"%PROTOCOL%", "HTTP/1.1"},
           Row{"%UPSTREAM_PROTOCOL%", "-"},
           Row{"%RESPONSE_CODE%", "400"},
           Row{"%RESPONSE_CODE_DETAILS%", "http1.codec_error"},
           Row{"%RESPONSE_FLAGS%", "DPE"},
           Row{"%RESPONSE_FLAGS_LONG%", "DownstreamProtocolError"},
           Row{"%BYTES_SENT%", "11"},
           Row{"%UPSTREAM_HOST%", "-"},
           Row{"%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "-"},
           Row{"%UPSTREAM_REMOTE_PORT%", "-"},
           Row{"%UPSTREAM_CLUSTER%", "-"},
           Row{"%ROUTE_NAME%", "-"},
           Row{"%REQ(:METHOD)%", "-"},
           Row{"%REQ(X-NONE?:PATH):3%", "-"},
           Row{"%RESP(:STATUS)%", "400"},
           Row{"%RESP(X)%", "-"},
       }) {
    INFO(row.format);
    CHECK(render(row.format, record) == row.expected);
  }
}

TEST_CASE("a log without a format prints Envoy's default line", "[access_log]") {
  const Sample sample;
  CHECK(render("", sample.record) ==
        "[2026-11-23T21:11:07.497Z] \"POST /path?a=b HTTP/1.1\" 200 - 3 2 34 - \"-\" \"-\" \"-\" "
        "\"h\" \"127.0.0.1:41001\"\n");
  CHECK(render("", test::refused()) ==
        "[2026-11-23T21:11:08.234Z] \"- - HTTP/1.1\" 400 DPE 0 11 0 - \"-\" \"-\" \"-\" \"-\" "
        "\"-\"\n");
}

TEST_CASE("no response at all is code 0", "[access_log]") {
  Record record;
  record.flags.set(Flag::downstream_termination);
  CHECK(render("%RESPONSE_CODE% %RESP(:STATUS)% %RESPONSE_FLAGS% %PROTOCOL%", record) ==
        "0 - DC -");
}

TEST_CASE("flags are printed in Envoy's order", "[access_log]") {
  Record record;
  record.flags.set(Flag::upstream_protocol_error);
  record.flags.set(Flag::none);
  record.flags.set(Flag::upstream_retry_limit_exceeded);
  record.flags.set(Flag::upstream_connection_failure);
  CHECK(render("%RESPONSE_FLAGS%", record) == "UF,URX,UPE");
  CHECK(render("%RESPONSE_FLAGS_LONG%", record) ==
        "UpstreamConnectionFailure,UpstreamRetryLimitExceeded,UpstreamProtocolError");
  CHECK(record.flags.test(Flag::upstream_retry_limit_exceeded));
  CHECK_FALSE(record.flags.test(Flag::none));
  for (int i = 0; i < static_cast<int>(Flag::none); ++i) record.flags.set(static_cast<Flag>(i));
  CHECK(render("%RESPONSE_FLAGS%", record) ==
        "LH,UH,UT,LR,UR,UF,UC,UO,NR,DI,FI,RL,UAEX,RLSE,DC,URX,SI,IH,DPE,UMSDR,RFCF,NFCF,DT,UPE,NC,"
        "OM,DF,DO,DR,UDO");
  CHECK(render("%RESPONSE_FLAGS_LONG%", record).size() < kFlagsText);
}

TEST_CASE("IPv6 addresses lose brackets with their port", "[access_log]") {
  Record record;
  record.downstream_remote_address = "[::1]:48248";
  CHECK(render("%DOWNSTREAM_REMOTE_ADDRESS%", record) == "[::1]:48248");
  CHECK(render("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", record) == "::1");
  CHECK(render("%DOWNSTREAM_REMOTE_PORT%", record) == "48248");
}

TEST_CASE("a format says whether it shows the client", "[access_log]") {
  for (const char* text : {"%DOWNSTREAM_REMOTE_ADDRESS%", "%REQ(A)% %DOWNSTREAM_REMOTE_PORT%",
                           "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%\n"}) {
    CHECK(compile_text(text).format->shows_client());
  }
  CHECK_FALSE(compile_text("").format->shows_client());
  CHECK_FALSE(compile_text("%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%").format->shows_client());
}

TEST_CASE("HOSTNAME and ENVIRONMENT are settled at the start", "[access_log]") {
  REQUIRE(::setenv("HOLDFAST_TEST_ENV", "from here", 1) == 0);
  const CompileResult compiled = compile_text("%ENVIRONMENT(HOLDFAST_TEST_ENV)% %HOSTNAME%");
  REQUIRE(compiled.format != nullptr);
  REQUIRE(::unsetenv("HOLDFAST_TEST_ENV") == 0);
  const std::string out(Renderer(compiled.format).render(Record{}));
  CHECK(out.substr(0, 10) == "from here ");
  CHECK(out.size() > 10);
}

TEST_CASE("a wrong format is refused with the operator's name and place", "[access_log]") {
  for (const Row& row : {
           Row{"%FOO%", "unknown operator %FOO% at position 0"},
           Row{"ab %METHOD%", "unknown operator %METHOD% at position 3"},
           Row{"%STREAM_ID%", "%STREAM_ID% is Envoy's, but not implemented here at position 0"},
           Row{"%DYNAMIC_METADATA(a:b)%",
               "%DYNAMIC_METADATA% is Envoy's, but not implemented here at position 0"},
           Row{"%DOWNSTREAM_TLS_VERSION%",
               "%DOWNSTREAM_TLS_VERSION% is Envoy's, but not implemented here at position 0"},
           Row{"%UPSTREAM_PEER_ISSUER%",
               "%UPSTREAM_PEER_ISSUER% is Envoy's, but not implemented here at position 0"},
           Row{"%PROTOCOL:3%", "%PROTOCOL% takes no length at position 0"},
           Row{"%START_TIME:4%", "%START_TIME% takes no length at position 0"},
           Row{"%DURATION(x)%", "%DURATION% takes no argument at position 0"},
           Row{"%REQ%", "%REQ% needs a header name in parentheses at position 0"},
           Row{"%REQ()%", "%REQ% needs a header name in parentheses at position 0"},
           Row{"%REQ(X A)%", "%REQ% \"X A\" is no header name at position 0"},
           Row{"%REQ(:STATUS)%", "%REQ% \":STATUS\" is no header name at position 0"},
           Row{"%RESP(:PATH)%", "%RESP% \":PATH\" is no header name at position 0"},
           Row{"%REQ(A?)%", "%REQ% \"\" is no header name at position 0"},
           Row{"%REQ(A?B?C)%", "%REQ% takes one alternative header only at position 0"},
           Row{"%ENVIRONMENT()%", "%ENVIRONMENT% needs a name at position 0"},
           Row{"100%", "no valid operator at position 3 (write %% for a percent sign)"},
           Row{"%REQ(X-A%", "no valid operator at position 0 (write %% for a percent sign)"},
           Row{"%REQ(X-A)x%", "no valid operator at position 0 (write %% for a percent sign)"},
           Row{"%REQ(X-A):%", "no valid operator at position 0 (write %% for a percent sign)"},
           Row{"%REQ(X-A):x%", "no valid operator at position 0 (write %% for a percent sign)"},
           Row{"%response_code%", "no valid operator at position 0 (write %% for a percent sign)"},
       }) {
    INFO(row.format);
    const CompileResult compiled = compile_text(row.format);
    CHECK(compiled.format == nullptr);
    CHECK(compiled.error == std::string("access log format: ") + row.expected);
  }
}

}  // namespace
}  // namespace holdfast::access_log
