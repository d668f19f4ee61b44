#include "upstream/host.hpp"

#include "catch.hpp"

namespace holdfast::upstream {
namespace {

TEST_CASE("an address prints as Envoy prints it", "[upstream]") {
  CHECK(parse_ip("127.0.0.1", 80)->text() == "127.0.0.1:80");
  CHECK(parse_ip("2001:db8:0:0::1", 65535)->text() == "[2001:db8::1]:65535");
  CHECK(parse_ip("::1", 0)->with_port(8080).text() == "[::1]:8080");
  CHECK(parse_ip("::1", 443)->port() == 443);
}

TEST_CASE("only IP literals parse as addresses", "[upstream]") {
  for (const char* text : {"", "localhost", "1.2.3", "1.2.3.4.5", "256.0.0.1", "[::1]", "::1%lo",
                           "127.0.0.1:80", " 127.0.0.1", "fe80::1%eth0"}) {
    INFO(text);
    CHECK_FALSE(parse_ip(text, 1));
  }
  CHECK_FALSE(parse_ip(std::string_view("127.0.0.1\0x", 11), 1));
}

TEST_CASE("addresses are equal when family, IP and port are", "[upstream]") {
  CHECK(*parse_ip("::1", 1) == *parse_ip("0:0::1", 1));
  CHECK_FALSE(*parse_ip("::1", 1) == *parse_ip("::1", 2));
  CHECK_FALSE(*parse_ip("::1", 1) == *parse_ip("::2", 1));
  CHECK_FALSE(*parse_ip("127.0.0.1", 1) == *parse_ip("127.0.0.2", 1));
  CHECK_FALSE(*parse_ip("127.0.0.1", 1) == *parse_ip("::1", 1));
}

TEST_CASE("a host has one set of counters per worker, and a socket address to connect to",
          "[upstream]") {
  const Host host(*parse_ip("127.0.0.1", 80), "httpbin.org", 3, 2);
  host.stats(0).cx_total.add(5);
  CHECK(host.stats(0).cx_total.get() == 5);
  CHECK(host.stats(1).cx_total.get() == 0);
  CHECK(host.workers() == 2);
  CHECK(host.weight() == 3);
  CHECK(host.hostname() == "httpbin.org");
  CHECK(host.address()->sa_family == AF_INET);
  CHECK(host.address_length() == sizeof(sockaddr_in));
}

}  // namespace
}  // namespace holdfast::upstream
