#include "http/head.hpp"

#include <string>
#include <utility>

#include "catch.hpp"

namespace holdfast::http {
namespace {

std::string live(const Head& head) {
  std::string text;
  for (const Field& f : head.fields()) {
    if (f.removed) continue;
    text += std::string(head.name(f)) + "=" + std::string(head.value(f)) + ";";
  }
  return text;
}

TEST_CASE("fields are added behind those that are there", "[http]") {
  Head head;
  head.add("x-a", "1");
  head.add(HeaderId::host, "h");
  head.add("x-a", "2");
  CHECK(live(head) == "x-a=1;host=h;x-a=2;");
  CHECK(head.field_count() == 3);
  CHECK(head.get(HeaderId::host) == "h");
  CHECK(head.value(*head.find("x-a")) == "1");
  CHECK(head.find("x-b") == nullptr);
  CHECK(head.find(HeaderId::server) == nullptr);
}

TEST_CASE("a known field is found by id and by name", "[http]") {
  Head head;
  head.add("content-type", "t");
  REQUIRE(head.find(HeaderId::content_type) != nullptr);
  CHECK(head.find(HeaderId::content_type) == head.find("content-type"));
  head.add(HeaderId::server, "");
  REQUIRE(head.find(HeaderId::server) != nullptr);  // empty is not absent
  CHECK(head.get(HeaderId::server).empty());
}

TEST_CASE("set replaces the first field in its place and removes the others", "[http]") {
  Head head;
  for (const char* v : {"1", "2", "3"}) {
    head.add(HeaderId::server, v);
    head.add("x-a", v);
  }
  head.set(HeaderId::server, "a much longer value");
  head.set("x-a", "");
  CHECK(live(head) == "server=a much longer value;x-a=;");
  CHECK(head.field_count() == 2);
  head.set(HeaderId::date, "now");
  head.set("x-b", "new");
  CHECK(live(head) == "server=a much longer value;x-a=;date=now;x-b=new;");
  head.set("server", "s");  // by name, the same field
  CHECK(head.get(HeaderId::server) == "s");
  CHECK(head.field_count() == 4);
}

TEST_CASE("removed fields are gone, and may come back at the end", "[http]") {
  Head head;
  head.add(HeaderId::via, "1");
  head.add("x-a", "2");
  head.add(HeaderId::via, "3");
  head.add("x-a", "4");
  head.remove(HeaderId::via);
  CHECK(live(head) == "x-a=2;x-a=4;");
  CHECK(head.find(HeaderId::via) == nullptr);
  head.remove("x-a");
  head.remove("x-a");
  head.remove("x-never");
  CHECK(live(head).empty());
  CHECK(head.field_count() == 0);
  head.add(HeaderId::via, "5");
  head.add("x-a", "6");
  CHECK(live(head) == "via=5;x-a=6;");
  CHECK(head.get(HeaderId::via) == "5");
  head.set(HeaderId::via, "7");
  head.remove("via");
  CHECK(live(head) == "x-a=6;");
}

TEST_CASE("a view into the head may be an argument of its edits", "[http]") {
  Head head;
  head.add("x-source", std::string(100, 'v'));
  for (int i = 0; i < 50; ++i) {  // bytes_ moves several times on the way
    const Field& source = head.fields().front();
    head.add(head.name(source), head.value(source));
  }
  head.set(HeaderId::host, head.value(head.fields().front()));
  head.set(HeaderId::host, head.get(HeaderId::host).substr(10));
  for (const Field& f : head.fields()) {
    const bool is_host = f.id == HeaderId::host;
    CHECK(head.value(f) == std::string(is_host ? 90 : 100, 'v'));
    CHECK(head.name(f) == (is_host ? "host" : "x-source"));
  }
}

TEST_CASE("method and target can be written", "[http]") {
  Head head;
  head.set_method("GET");
  head.set_target("/a");
  CHECK(head.method() == "GET");
  CHECK(head.target() == "/a");
  head.set_target("/longer?x");
  CHECK(head.method() == "GET");
  CHECK(head.target() == "/longer?x");
}

TEST_CASE("a head moves with all it has, and leaves an empty one", "[http]") {
  Head from;
  from.status = 404;
  from.set_method("GET");
  from.add(HeaderId::host, "h");
  Head to;
  to.add("x-old", "1");
  to = std::move(from);
  CHECK(live(to) == "host=h;");
  CHECK(to.get(HeaderId::host) == "h");
  CHECK(to.method() == "GET");
  CHECK(to.method_id() == Method::get);
  CHECK(to.status == 404);
  for (int i = 0; i < 40; ++i) from.add("x-new", "2");  // NOLINT(bugprone-use-after-move): it may.
  CHECK(from.field_count() == 40);
  CHECK(from.find(HeaderId::host) == nullptr);
}

TEST_CASE("clear forgets everything", "[http]") {
  Head head;
  head.version = Version::http_1_0;
  head.status = 404;
  head.set_method("GET");
  head.set_target("/");
  head.add(HeaderId::host, "h");
  head.clear();
  CHECK(head.version == Version::http_1_1);
  CHECK(head.status == 0);
  CHECK(head.method().empty());
  CHECK(head.target().empty());
  CHECK(head.fields().empty());
  CHECK(head.field_count() == 0);
  CHECK(head.find(HeaderId::host) == nullptr);
  CHECK(head.raw_size() == 0);
}

TEST_CASE("more fields than 16 bits can count keep their index", "[http]") {
  Head head;
  for (int i = 0; i < 70'000; ++i) head.add("x", "");
  head.add(HeaderId::date, "d");
  CHECK(head.get(HeaderId::date) == "d");
  head.remove(HeaderId::date);
  CHECK(head.find(HeaderId::date) == nullptr);
  CHECK(head.field_count() == 70'000);
}

TEST_CASE("a released head is empty and holds no memory worth keeping", "[http]") {
  Head head;
  head.set_method("GET");
  head.add("x-long", std::string(60'000, 'a'));
  CHECK(head.release(100'000) == 0);
  CHECK(head.field_count() == 0);
  CHECK(head.method().empty());
  head.add("x-long", std::string(60'000, 'a'));
  CHECK(head.release(4096) >= 60'000);
  head.add("x-short", "b");
  CHECK(head.get(HeaderId::other).empty());
  REQUIRE(head.find("x-short") != nullptr);
  CHECK(head.value(*head.find("x-short")) == "b");
  CHECK(head.release(0) > 0);
  CHECK(head.release(0) == 0);
}

}  // namespace
}  // namespace holdfast::http
