// Trailers on their way through filters, and where there are none.
#include <string>

#include "filter_fixture.hpp"

namespace holdfast::server::test {
namespace {

const std::string kHead = "POST /up HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n";
const std::string kBody = "5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n";
const std::string kGet = "GET /up HTTP/1.1\r\nhost: h\r\n\r\n";
const std::string kAnswer =
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nworld\r\n0\r\nx-r: 2\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// Both sides let trailers pass.
struct Fixture : FilterFixture {
  explicit Fixture(std::size_t count) : FilterFixture(count) {
    hcm.enable_trailers = cluster_config.enable_trailers = true;
  }
};

TEST_CASE("trailers pass where no filter looks at bodies", "[trailers]") {
  Fixture f(0);
  f.send(kHead + kBody);
  CHECK(f.upstream_gets("1\r\n\r\n").ends_with("5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n"));
  f.upstream_sends(kAnswer);
  CHECK(f.client_gets("2\r\n\r\n").ends_with("5\r\nworld\r\n0\r\nx-r: 2\r\n\r\n"));
  f.send(kGet);  // Nothing of them is left.
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n");
  CHECK(f.client_gets("0\r\n\r\n").ends_with("\r\n\r\n0\r\n\r\n"));
}

TEST_CASE("a side that does not enable trailers has none", "[trailers]") {
  Fixture f(0);
  const bool of_upstream = GENERATE(false, true);
  (of_upstream ? f.hcm.enable_trailers : f.cluster_config.enable_trailers) = false;
  f.send(kHead + kBody);
  CHECK(f.upstream_gets("\r\n0\r\n\r\n").ends_with("5\r\nhello\r\n0\r\n\r\n"));
  f.upstream_sends(kAnswer);
  CHECK(f.client_gets("\r\n0\r\n\r\n").ends_with("5\r\nworld\r\n0\r\n\r\n"));
}

TEST_CASE("filters see trailers instead of the body's end", "[trailers]") {
  Fixture f(2);
  f.send(kHead + kBody);
  CHECK(f.upstream_gets("1\r\n\r\n").ends_with("5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n"));
  f.upstream_sends(kAnswer);
  CHECK(f.client_gets("2\r\n\r\n").ends_with("5\r\nworld\r\n0\r\nx-r: 2\r\n\r\n"));
  CHECK(f.trace == Trace{"a.request 0", "b.request 0", "a.request_body hello 0",
                         "b.request_body hello 0", "a.request_trailers x-t=1; 1",
                         "b.request_trailers x-t=1; 1", "b.response 0", "a.response 0",
                         "b.response_body world 0", "a.response_body world 0",
                         "b.response_trailers x-r=2; 1", "a.response_trailers x-r=2; 1",
                         "a.complete", "b.complete", "a.end", "b.end"});
}

TEST_CASE("trailers wait at a filter, and go on when it says so", "[trailers]") {
  Fixture f(2);
  f.filter(0).request_trailers = [](filters::Exchange& e) {
    e.request_trailers().fields().emplace_back("x-more", "2");
    return BodyVerdict::buffer;
  };
  f.send(kHead + kBody);
  CHECK(f.upstream_gets("hello\r\n").ends_with("\r\n\r\n5\r\nhello\r\n"));
  CHECK(f.upstream_waits());
  CHECK(f.count("b.request_trailers x-t=1;x-more=2; 1") == 0);
  f.turn([&] { f.filter(0).exchange->continue_request(0); });
  CHECK(f.upstream_gets("2\r\n\r\n") == "0\r\nx-t: 1\r\nx-more: 2\r\n\r\n");
  CHECK(f.count("a.request_trailers x-t=1; 1") == 1);
  CHECK(f.count("b.request_trailers x-t=1;x-more=2; 1") == 1);
}

TEST_CASE("a head that waits for the whole message goes with its trailers", "[trailers]") {
  Fixture f(2);
  f.filter(0).request = [](filters::Exchange&) { return Verdict::hold_head; };
  f.filter(0).request_body = [](filters::Exchange&, base::ByteQueue&, bool) {
    return BodyVerdict::buffer;
  };
  f.send(kHead + kBody);
  CHECK(f.upstream_gets("1\r\n\r\n").ends_with("5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n"));
  CHECK(f.trace == Trace{"a.request 0", "a.request_body hello 0", "a.request_trailers x-t=1; 1",
                         "b.request 0", "b.request_body hello 0", "b.request_trailers x-t=1; 1"});
}

TEST_CASE("what a held filter was not shown comes before its trailers", "[trailers]") {
  Fixture f(1);
  f.filter(0).request = [](filters::Exchange&) { return Verdict::hold; };
  f.send(kHead + kBody);
  CHECK(f.trace == Trace{"a.request 0"});
  f.turn([&] { f.filter(0).exchange->continue_request(0); });
  CHECK(f.upstream_gets("1\r\n\r\n").ends_with("5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n"));
  CHECK(f.trace == Trace{"a.request 0", "a.request_body hello 0", "a.request_trailers x-t=1; 1"});
}

TEST_CASE("trailers that a filter adds are shown to those behind it", "[trailers]") {
  Fixture f(2);
  f.filter(1).response_body = [](filters::Exchange& e, base::ByteQueue&, bool end) {
    if (end) e.response_trailers().make();
    if (end) e.response_trailers().fields().emplace_back("x-new", "1");
    return BodyVerdict::proceed;
  };
  f.send(kGet);
  static_cast<void>(f.upstream_gets("\r\n\r\n"));
  f.upstream_sends("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nworld\r\n0\r\n\r\n");
  CHECK(f.client_gets("1\r\n\r\n").ends_with("5\r\nworld\r\n0\r\nx-new: 1\r\n\r\n"));
  CHECK(f.count("b.response_trailers x-new=1; 1") == 0);
  CHECK(f.count("a.response_body 1") == 0);
  CHECK(f.count("a.response_trailers x-new=1; 1") == 1);
}

TEST_CASE("an answer of ours has no trailers of what it replaces", "[trailers]") {
  Fixture f(1);
  f.filter(0).request_trailers = [](filters::Exchange& e) {
    e.send_local_reply({.status = 403, .body = "no", .headers = {}, .details = "x"});
    return BodyVerdict::buffer;
  };
  f.send(kHead + kBody);
  CHECK(has(f.client_gets("\r\n\r\nno"), "content-length: 2\r\n"));
  CHECK(f.trace.back() == "a.end");
}

}  // namespace
}  // namespace holdfast::server::test
