// How exchanges with filters end: clients and upstreams that leave, deadlines, early answers; and
// what filters may know and choose meanwhile.
#include <string>

#include "filter_fixture.hpp"

namespace holdfast::server::test {
namespace {

using std::chrono::milliseconds;

const std::string kPost = "POST /up HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhello";
const std::string kHalfPost = "POST /up HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nhello";
const std::string kGet = "GET /up HTTP/1.1\r\nhost: h\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nworld";
const std::string kHalf = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nworld";

Verdict hold(filters::Exchange&) {
  return Verdict::hold;
}
Verdict hold_head(filters::Exchange&) {
  return Verdict::hold_head;
}
BodyVerdict keep(filters::Exchange&, base::ByteQueue&, bool) {
  return BodyVerdict::buffer;
}
bool ended(FilterFixture& f) {
  return run_until(f.io, [&] { return f.count("a.end") == 1; });
}

// --- The client ---------------------------------------------------------------------------------

TEST_CASE("a client that leaves ends the exchange in any phase, once", "[end]") {
  FilterFixture f;
  const int when = GENERATE(0, 1, 2, 3, 4, 5, 6);
  CAPTURE(when);
  if (when == 0) f.filter().request = hold;
  if (when == 1 || when == 2) f.filter().request_body = keep;
  if (when == 4) f.filter().response = hold;
  if (when == 5) f.filter().response_body = keep;
  f.send(when == 1 ? kHalfPost : kPost);
  if (when >= 3) static_cast<void>(f.upstream_gets("hello"));
  if (when >= 4) f.upstream_sends(when == 6 ? kHalf : kOk);
  f.client.close();
  CHECK(ended(f));
  CHECK(f.count("a.complete") == 1);
  CHECK(f.count("a.cancelled") == 0);
  CHECK(f.filter().details == "downstream_remote_disconnect");
  CHECK(f.stats.downstream_rq_active.get() == 0);
  CHECK(f.cluster_stats.upstream_rq_active.get() == 0);
}

TEST_CASE("what a filter asks for after the end is ignored", "[end]") {
  FilterFixture f;
  f.filter().request = hold;
  f.send(kPost);
  filters::Exchange* const exchange = f.filter().exchange;
  f.client.close();
  REQUIRE(ended(f));
  f.turn([&] {
    exchange->continue_request(0);
    exchange->continue_response(0);
    exchange->send_local_reply({.status = 500, .body = "", .headers = {}, .details = ""});
    exchange->reset_stream();
  });
  f.connect();
  f.filter().request = nullptr;
  f.send(kGet);
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends(kOk);
  CHECK(f.client_gets("world").ends_with("world"));
}

TEST_CASE("the next request waits for its turn behind a held one", "[end]") {
  FilterFixture f;
  f.filter().request = [](filters::Exchange& e) {
    return e.request().target() == "/up" ? Verdict::hold : Verdict::proceed;
  };
  f.send(kPost + "GET /direct HTTP/1.1\r\nhost: h\r\n\r\n");
  CHECK(f.count("a.request 1") == 0);
  f.turn([&] { f.filter().exchange->continue_request(0); });
  static_cast<void>(f.upstream_gets("hello"));
  f.upstream_sends(kOk);
  const std::string got = f.client_gets("\r\n\r\nd");
  CHECK(has(got, "\r\n\r\nworldHTTP/1.1 200 OK\r\n"));
}

TEST_CASE("who expects 100-continue gets it before the filters let go", "[end]") {
  FilterFixture f;
  f.filter().request = hold;
  f.send("PUT /up HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n");
  CHECK(f.client_gets("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  f.send("hello");
  f.turn([&] { f.filter().exchange->continue_request(0); });
  const std::string sent = f.upstream_gets("hello");
  CHECK_FALSE(has(sent, "\r\nexpect:"));
  f.upstream_sends(kOk);
  CHECK(f.client_gets("world").ends_with("world"));
}

TEST_CASE("an HTTP/1.0 client gets a body of unknown length until the end of the connection",
          "[end]") {
  FilterFixture f;
  f.hcm.accept_http_10 = true;
  f.filter().response = [](filters::Exchange& e) {
    e.response().remove("content-length");
    return Verdict::proceed;
  };
  f.send("GET /up HTTP/1.0\r\nhost: h\r\n\r\n");
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends(kOk);
  const std::string got = f.client_gets("");
  CHECK(has(got, "connection: close\r\n"));
  CHECK_FALSE(has(got, "chunked"));
  CHECK(got.ends_with("\r\n\r\nworld"));
}

TEST_CASE("a broken request body is refused, and the answer shown to filters", "[end]") {
  FilterFixture f;
  f.filter().request = hold;
  f.send("POST /up HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n");
  CHECK(f.client_gets("").starts_with("HTTP/1.1 400 Bad Request\r\n"));
  CHECK(f.trace == Trace{"a.request 0", "a.cancelled", "a.response 0",
                         "a.response_body Bad Request 1", "a.complete", "a.end"});
}

TEST_CASE("a refusal of a broken body waits at a filter once, whatever else comes", "[end]") {
  FilterFixture f;
  f.filter().response = hold;
  f.send("POST /up HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n");
  CHECK(f.client_waits());
  f.send("zz\r\n");
  f.send("GET /up HTTP/1.1\r\nhost: h\r\n\r\n");
  CHECK(f.client_waits());
  CHECK(f.stats.downstream_cx_protocol_error.get() == 1);
  f.turn([&] { f.filter().exchange->continue_response(0); });
  const std::string got = f.client_gets("");
  CHECK(got.starts_with("HTTP/1.1 400 Bad Request\r\n"));
  CHECK(has(got, "connection: close\r\n"));
  CHECK(got.ends_with("\r\n\r\nBad Request"));
}

// --- The upstream -------------------------------------------------------------------------------

TEST_CASE("an upstream that fails before its answer is answered for, with the hooks", "[end]") {
  FilterFixture f;
  const bool refused = GENERATE(true, false);
  if (refused) f.server.stop();
  f.filter().request_body = [&, once = false](filters::Exchange&, base::ByteQueue&, bool) mutable {
    return std::exchange(once, true) ? BodyVerdict::buffer : BodyVerdict::proceed;
  };
  f.send(kHalfPost);
  if (!refused) {
    static_cast<void>(f.upstream_gets("hello"));
    f.send("there");  // Waits at the filter.
    f.peer.close();
  }
  const std::string got = f.client_gets(refused ? "111" : "termination");
  CHECK(got.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  CHECK(f.count("a.response 0") == 1);
  CHECK(f.count("a.cancelled") == (refused ? 0 : 1));
}

TEST_CASE("an upstream that fails while its answer is held is answered for, without hooks",
          "[end]") {
  FilterFixture f(2);
  const bool all = GENERATE(true, false);
  f.filter(1).response = all ? hold : hold_head;
  f.filter(1).response_body = keep;
  f.send(kGet);
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends(kHalf);
  f.peer.close();
  CHECK(f.client_gets("protocol error").starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
  CHECK(f.count("b.cancelled") == 1);
  CHECK(f.count("a.response 0") == 0);
}

TEST_CASE("who holds is told when its response is replaced, and lives on to the end", "[end]") {
  FilterFixture f;
  f.filter().response = hold;
  f.send(kGet);
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends(kHalf);
  f.peer.close();
  CHECK(f.client_gets("protocol error").starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
  CHECK(f.trace == Trace{"a.request 1", "a.response 0", "a.cancelled", "a.complete", "a.end"});
}

TEST_CASE("an answer before the request's end ends the exchange", "[end]") {
  FilterFixture f;
  const bool kept = GENERATE(true, false);
  f.filter().request = hold_head;
  f.filter().request_body = [&, first = true](filters::Exchange&, base::ByteQueue&, bool) mutable {
    return std::exchange(first, false) || !kept ? BodyVerdict::proceed : BodyVerdict::buffer;
  };
  f.send(kHalfPost);
  static_cast<void>(f.upstream_gets("hello"));
  if (kept) f.send("there");
  f.upstream_sends(kOk);
  const std::string got = f.client_gets(kept ? "world" : "");
  CHECK(got.ends_with("world"));
  CHECK(has(got, "connection: close\r\n") == !kept);  // What is whole need not close.
  CHECK(f.count("a.complete") == 1);
}

// --- Time ---------------------------------------------------------------------------------------

TEST_CASE("a hold goes on at its limit, or later if the filter wants it", "[end]") {
  FilterFixture f;
  const bool request = GENERATE(true, false);
  const auto hold_short = [](filters::Exchange& e) {
    e.set_hold_limit(milliseconds(1));
    return Verdict::hold;
  };
  (request ? f.filter().request : f.filter().response) = hold_short;
  int asked = 0;
  f.filter().expired = [&] { return milliseconds(++asked < 3 ? 1 : 0); };
  f.send(kPost);
  static_cast<void>(f.upstream_gets("hello"));
  f.upstream_sends(kOk);
  CHECK(f.client_gets("world").ends_with("world"));
  CHECK(f.count("a.expired") == 3);
}

TEST_CASE("a body that a filter keeps after its end has a limit, too", "[end]") {
  FilterFixture f;
  f.filter().response_body = [](filters::Exchange& e, base::ByteQueue&, bool end) {
    if (end) e.set_hold_limit(milliseconds(1));
    return BodyVerdict::buffer;
  };
  f.send(kGet);
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends(kOk);
  CHECK(f.client_gets("world").ends_with("world"));
  CHECK(f.count("a.expired") == 1);
}

TEST_CASE("a hold is not an idle stream, but a client that stops is", "[end]") {
  FilterFixture f;
  f.hcm.stream_idle_timeout = milliseconds(50);
  const bool waits_for_client = GENERATE(true, false);
  if (waits_for_client) {
    f.filter().request_body = keep;
    f.send(kHalfPost);
    CHECK(f.client_gets("").starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    CHECK(f.count("a.cancelled") == 1);
  } else {
    f.filter().request = [](filters::Exchange& e) {
      e.set_hold_limit(milliseconds(300));
      return Verdict::hold;
    };
    f.send(kPost);
    CHECK(f.upstream_gets("hello").ends_with("hello"));
    CHECK(f.count("a.expired") == 1);
  }
}

TEST_CASE("a deadline replaces what is held, in either stage", "[end]") {
  FilterFixture f;
  f.hcm.max_stream_duration = milliseconds(50);
  const bool request = GENERATE(true, false);
  (request ? f.filter().request : f.filter().response) = hold;
  f.send(kPost);
  if (!request) {
    static_cast<void>(f.upstream_gets("hello"));
    f.upstream_sends(kOk);
  }
  CHECK(f.client_gets("timeout").starts_with("HTTP/1.1 504 Gateway Timeout\r\n"));
  CHECK(f.count("a.cancelled") == 1);
  CHECK(f.count("a.response_body downstream duration timeout 1") == (request ? 1 : 0));
}

// --- What a filter knows and chooses ------------------------------------------------------------

TEST_CASE("the route is chosen anew for a request whose filter says so", "[end]") {
  FilterFixture f;
  const bool says_so = GENERATE(true, false);
  f.filter().request = [&](filters::Exchange& e) {
    if (says_so) e.clear_route_cache();
    e.request().set_target("/direct");
    CHECK(e.info().route_name == (says_so ? "direct" : "all"));
    return Verdict::proceed;
  };
  f.send(kGet);
  if (says_so) {
    CHECK(f.client_gets("\r\n\r\nd").starts_with("HTTP/1.1 200 OK\r\n"));
  } else {
    CHECK(f.upstream_gets("\r\n\r\n").starts_with("GET /direct HTTP/1.1\r\n"));
  }
}

TEST_CASE("filters hear of what is answered without them at its end", "[end]") {
  struct Row {
    std::string sent;
    std::uint16_t status;
    std::string details;
    std::string last;
  };
  const Row row = GENERATE(values<Row>({
      {"GET /up HTTP/1.1\r\n\r\n", 400, "missing_host_header", "0\r\n\r\n"},
      {"GARBAGE\r\n\r\n", 400, "http1.codec_error", "Bad Request"},
      {"GET /up HTTP/1.0\r\nhost: h\r\n\r\n", 426, "low_version", "Upgrade Required"},
      {"GET /up#x HTTP/1.1\r\nhost: h\r\n\r\n", 400, "path_normalization_failed", "0\r\n\r\n"},
      {"GET /up HTTP/1.1\r\nhost: h\r\nconnection: host\r\n\r\n", 400, "missing_host_header",
       "0\r\n\r\n"},
      {"GET /up HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", 403,
       "upgrade_failed", "0\r\n\r\n"},
      {"OPTIONS * HTTP/1.1\r\nhost: h\r\n\r\n", 404, "absolute_path_rejected", "0\r\n\r\n"},
  }));
  CAPTURE(row.sent);
  FilterFixture f(2);
  f.send(row.sent);
  CHECK(has(f.client_gets(row.last), " " + std::to_string(row.status) + " "));
  CHECK(f.trace == Trace{"a.answered", "b.answered", "a.complete", "b.complete", "a.end", "b.end"});
  CHECK(f.filter().status == row.status);
  CHECK(f.filter().details == row.details);
}

TEST_CASE("OPTIONS * does not end the connection", "[end]") {
  FilterFixture f;
  for (int i = 0; i < 2; ++i) {
    f.send("OPTIONS * HTTP/1.1\r\nhost: h\r\n\r\n");
    CHECK_FALSE(has(f.client_gets("0\r\n\r\n"), "connection: close"));
  }
  CHECK(f.stats.downstream_rq_non_relative_path.get() == 2);
}

TEST_CASE("on a listener on all addresses the local address is the connection's own", "[end]") {
  FilterFixture f;
  const auto [listener, starts] =
      GENERATE(std::pair("0.0.0.0:1", "127.0.0.1:"), std::pair("[::]:1", "127.0.0.1:"),
               std::pair("0.0.0.1:1", "0.0.0.1:1"));
  f.context->local_address.text = listener;
  std::string local;
  f.filter().request = [&](filters::Exchange& e) {
    local = e.info().downstream_local_address;
    return Verdict::proceed;
  };
  f.send(kGet);
  CHECK(f.upstream_gets("\r\n\r\n").starts_with("GET /up"));
  CHECK(local.starts_with(starts));
  CHECK((local == listener) == (std::string_view(listener) == starts));
}

TEST_CASE("a filter knows of its exchange what is known so far", "[end]") {
  FilterFixture f;
  std::vector<filters::StreamInfo> at;
  std::string upstream;
  std::string ours;
  const auto look = [&](filters::Exchange& e) {
    at.push_back(e.info());
    upstream = at.back().upstream_host;
    ours = at.back().upstream_local_address;
    return Verdict::proceed;
  };
  f.filter().request = look;
  f.filter().response = look;
  f.filter().response_body = [&](filters::Exchange& e, base::ByteQueue&, bool) {
    look(e);
    return BodyVerdict::proceed;
  };
  f.send(kPost);
  static_cast<void>(f.upstream_gets("hello"));
  f.upstream_sends(kOk);
  static_cast<void>(f.client_gets("world"));
  REQUIRE(at.size() == 4);
  CHECK(at[0].downstream_local_address == "127.0.0.1:1");
  CHECK(at[0].protocol == "HTTP/1.1");
  CHECK(at[0].listener_name == "main");
  CHECK(at[0].route_name == "all");
  CHECK(at[0].route_metadata == "{}");
  CHECK(at[0].virtual_host_name == "vhost");
  CHECK(at[0].cluster_name == "c");
  CHECK(at[0].attempts == 0);
  CHECK(at[0].response_code == 0);
  CHECK_FALSE(at[0].request_duration.has_value());
  CHECK_FALSE(at[0].backend_latency.has_value());
  CHECK(at[1].start == at[0].start);
  CHECK(at[1].request_body_bytes == 5);
  CHECK(at[1].request_duration.has_value());
  CHECK(at[1].pool_ready_duration.has_value());
  CHECK(at[1].attempts == 1);
  CHECK(at[1].response_code == 200);
  CHECK(at[1].response_flags == 0);
  CHECK(at[3].response_body_bytes == 5);
  CHECK(at[3].backend_latency.has_value());
  CHECK(upstream == "127.0.0.1:" + std::to_string(f.server.port()));
  CHECK(ours.starts_with("127.0.0.1:"));
}

}  // namespace
}  // namespace holdfast::server::test
