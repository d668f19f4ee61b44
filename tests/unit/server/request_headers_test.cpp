#include "server/request_headers.hpp"

#include <set>
#include <string>

#include "catch.hpp"
#include "server/response_headers.hpp"

namespace holdfast::server {
namespace {

using http::HeaderId;

/// "name: value" lines of the live fields, in order.
std::string lines(const http::Head& head) {
  std::string text;
  for (const http::Field& field : head.fields()) {
    if (field.removed) continue;
    text.append(head.name(field)).append(": ").append(head.value(field)).append("\n");
  }
  return text;
}

struct Request : http::Head {
  explicit Request(std::initializer_list<std::pair<const char*, const char*>> fields) {
    set_method("GET");
    set_target("/");
    for (const auto& [name, value] : fields) add(std::string_view(name), value);
  }
};

TEST_CASE("hop-by-hop fields and those that Connection names are removed (RFC 9110 7.6.1)",
          "[server]") {
  Request head({{"connection", "close, X-Foo"},
                {"host", "h"},
                {"x-foo", "1"},
                {"keep-alive", "timeout=5"},
                {"proxy-connection", "keep-alive"},
                {"transfer-encoding", "chunked"},
                {"connection", "x-bar"},
                {"x-bar", "2"},
                {"x-kept", "3"}});
  CHECK(strip_hop_by_hop(head) == HopByHop::removed);
  CHECK(lines(head) == "host: h\nx-kept: 3\n");
}

TEST_CASE("Connection must not take away what routes or frames the message", "[server]") {
  const auto verdict = [](const char* options) {
    Request head({{"host", "h"}, {"content-length", "3"}, {"connection", options}});
    const HopByHop found = strip_hop_by_hop(head);
    CHECK(head.get(HeaderId::content_length) == "3");
    CHECK(head.get(HeaderId::host) == "h");
    return found;
  };
  CHECK(verdict("host") == HopByHop::host_nominated);
  CHECK(verdict("Host, close") == HopByHop::host_nominated);
  CHECK(verdict("x-forwarded-for") == HopByHop::proxy_nominated);
  CHECK(verdict("X-Forwarded-Proto") == HopByHop::proxy_nominated);
  CHECK(verdict("content-length") == HopByHop::removed);
  CHECK(verdict("transfer-encoding, te") == HopByHop::removed);
  CHECK(verdict(std::string(500, 'a').c_str()) == HopByHop::removed);
  CHECK(verdict("a, b, c, d, e, f, g, h, i,,,") == HopByHop::removed);
  CHECK(verdict("a, b, c, d, e, f, g, h, i, j") == HopByHop::too_many_options);
}

TEST_CASE("te keeps trailers alone", "[server]") {
  const auto te = [](const char* value) {
    Request head({{"te", value}});
    static_cast<void>(strip_hop_by_hop(head));
    return lines(head);
  };
  CHECK(te("trailers") == "te: trailers\n");
  CHECK(te("gzip, Trailers") == "te: trailers\n");
  CHECK(te("gzip").empty());
  CHECK(te("trailers;q=0.5").empty());
}

TEST_CASE("upgrade: refused when meant, h2c ignored (RFC 9110 7.8)", "[server]") {
  const auto verdict = [](const char* connection, const char* upgrade) {
    Request head({{"connection", connection}, {"upgrade", upgrade}});
    const HopByHop found = strip_hop_by_hop(head);
    // As Envoy: who reads the log of what is refused sees what was wanted.
    const bool refused = found == HopByHop::upgrade;
    CHECK((head.find(HeaderId::upgrade) != nullptr) == refused);
    CHECK((head.find(HeaderId::connection) != nullptr) == refused);
    return found;
  };
  CHECK(verdict("Upgrade", "websocket") == HopByHop::upgrade);
  CHECK(verdict("keep-alive", "websocket") == HopByHop::removed);
  CHECK(verdict("upgrade, http2-settings", "h2c") == HopByHop::removed);
  CHECK(verdict("upgrade", "h2c, websocket") == HopByHop::upgrade);
  Request two({{"connection", "upgrade"}, {"upgrade", "h2c"}, {"upgrade", "websocket"}});
  CHECK(strip_hop_by_hop(two) == HopByHop::upgrade);
}

std::string forwarded(http::Head& head, const config::HttpConnectionManager& config) {
  RequestIds ids;
  add_forwarding_headers(head, config, {.peer = "127.0.0.1", .xff_append = "192.0.2.2"}, ids);
  std::string text = lines(head);
  if (const auto at = text.find("x-request-id: "); at != std::string::npos) {
    const auto end = text.find('\n', at);
    if (end - at == 14 + 36) text.replace(at + 14, 36, "<uuid>");
  }
  return text;
}

TEST_CASE("inside: what the client says passes, control fields do not", "[server]") {
  config::HttpConnectionManager config;
  Request head({{"x-forwarded-for", "1.1.1.1"},
                {"x-forwarded-proto", "https"},
                {"x-envoy-max-retries", "9"},
                {"x-envoy-internal", "true"},
                {"x-envoy-expected-rq-timeout-ms", "1"},
                {"x-envoy-original-path", "/o"},
                {"x-envoy-foo", "kept"},
                {"x-forwarded-for", "2.2.2.2"},
                {"x-request-id", "mine"}});
  CHECK(forwarded(head, config) ==
        "x-forwarded-for: 1.1.1.1,2.2.2.2\nx-forwarded-proto: https\nx-envoy-original-path: /o\n"
        "x-envoy-foo: kept\nx-request-id: mine\n");
  CHECK(trusted_client_address(head, config) == "2.2.2.2");
  config.xff_num_trusted_hops = 1;
  CHECK(trusted_client_address(head, config) == "1.1.1.1");
  config.xff_num_trusted_hops = 2;
  CHECK(trusted_client_address(head, config).empty());
}

TEST_CASE("an empty request id is replaced in place", "[server]") {
  Request head({{"x-request-id", ""}, {"x-forwarded-proto", "http"}});
  CHECK(forwarded(head, {}) == "x-request-id: <uuid>\nx-forwarded-proto: http\n");
}

TEST_CASE("at the edge: what the client says is replaced", "[server]") {
  config::HttpConnectionManager config;
  config.use_remote_address = true;
  config.via = "v1";
  SECTION("nothing said") {
    Request head({});
    CHECK(forwarded(head, config) ==
          "x-forwarded-for: 192.0.2.2\nx-forwarded-proto: http\nvia: v1\n"
          "x-envoy-external-address: 127.0.0.1\nx-request-id: <uuid>\n");
    CHECK(trusted_client_address(head, config).empty());
  }
  SECTION("lies, rewritten where they stand") {
    Request head({{"x-request-id", "mine"},
                  {"x-forwarded-for", "1.1.1.1, 2.2.2.2"},
                  {"x-envoy-original-path", "/o"},
                  {"x-forwarded-proto", "gopher"},
                  {"via", "a"}});
    CHECK(forwarded(head, config) ==
          "x-request-id: <uuid>\nx-forwarded-for: 1.1.1.1, 2.2.2.2,192.0.2.2\n"
          "x-forwarded-proto: http\nvia: a, v1\nx-envoy-external-address: 127.0.0.1\n");
  }
  SECTION("behind trusted hops") {
    config.via.clear();
    config.xff_num_trusted_hops = 2;
    config.preserve_external_request_id = true;
    Request head({{"x-forwarded-for", "1.1.1.1, 2.2.2.2"},
                  {"x-forwarded-proto", "https"},
                  {"x-request-id", "mine"}});
    CHECK(forwarded(head, config) ==
          "x-forwarded-for: 1.1.1.1, 2.2.2.2,192.0.2.2\nx-forwarded-proto: https\n"
          "x-request-id: mine\nx-envoy-external-address: 1.1.1.1\n");
    CHECK(trusted_client_address(head, config) == "1.1.1.1");
  }
  SECTION("an entry that is no address is not believed") {
    config.via.clear();
    config.xff_num_trusted_hops = 1;
    config.skip_xff_append = true;
    config.generate_request_id = false;
    Request head({{"x-forwarded-for", "evil\" header"}});
    CHECK(forwarded(head, config) ==
          "x-forwarded-for: evil\" header\nx-forwarded-proto: http\n"
          "x-envoy-external-address: 127.0.0.1\n");
  }
}

TEST_CASE("request ids are version 4 UUIDs and differ", "[server]") {
  RequestIds ids;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id(ids.next());
    REQUIRE(id.size() == 36);
    CHECK(id[14] == '4');
    CHECK(std::string("89ab").find(id[19]) != std::string::npos);
    for (const std::size_t dash : {8U, 13U, 18U, 23U}) CHECK(id[dash] == '-');
    seen.insert(id);
  }
  CHECK(seen.size() == 1000);
}

TEST_CASE("responses: hop-by-hop fields go, and those that Connection names", "[server]") {
  http::Head head;
  head.status = 200;
  head.add("connection", "x-foo, close, Content-Length");
  head.add("x-foo", "1");
  head.add("x-bar", "2");
  head.add("x-foo", "3");
  head.add("x-baz", "4");
  head.add("connection", "X-BAZ,connection");
  head.add("keep-alive", "5");
  head.add("transfer-encoding", "chunked");
  head.add("content-length", "0");
  strip_response(head);
  CHECK(lines(head) == "x-bar: 2\ncontent-length: 0\n");
  head.status = 204;
  strip_response(head);
  CHECK(lines(head) == "x-bar: 2\n");
}

TEST_CASE("responses: date is kept, server overwritten in place, via appended", "[server]") {
  config::HttpConnectionManager config;
  const Request asked({{"x-request-id", "id"}});
  http::Head head;
  head.add("server", "upstream");
  head.add("via", "up");
  head.add("date", "yesterday");
  config.server_name = "hf";
  config.via = "v1";
  config.always_set_request_id_in_response = true;
  finish_response_headers(head, asked, config, "now");
  CHECK(lines(head) == "server: hf\nvia: up, v1\ndate: yesterday\nx-request-id: id\n");

  http::Head bare;
  config.server_header = config::ServerHeader::pass_through;
  config.via.clear();
  config.always_set_request_id_in_response = false;
  finish_response_headers(bare, asked, config, "now");
  CHECK(lines(bare) == "date: now\n");
  config.server_header = config::ServerHeader::append_if_absent;
  finish_response_headers(bare, asked, config, "later");
  CHECK(lines(bare) == "date: now\nserver: hf\n");
}

TEST_CASE("each way to fail has Envoy's words", "[server]") {
  using upstream::ResetReason;
  CHECK(describe(ResetReason::no_healthy_upstream).body.size() == 19);
  CHECK(describe(ResetReason::connection_failure).body.size() == 98);
  CHECK(describe(ResetReason::connection_timeout).body.size() == 91);
  CHECK(describe(ResetReason::connection_termination).body.size() == 95);
  CHECK(describe(ResetReason::protocol_error).status == 502);
  CHECK(describe(ResetReason::protocol_error).body.size() == 87);
  CHECK(describe(ResetReason::overflow).body.size() == 81);
  CHECK(connect_failure_details(ECONNREFUSED) ==
        "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_"
        "Connection_refused}");
}

}  // namespace
}  // namespace holdfast::server
