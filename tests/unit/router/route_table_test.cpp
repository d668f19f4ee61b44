#include "router/route_table.hpp"

#include "catch.hpp"

namespace holdfast::router {
namespace {

config::Route route(std::string name, std::string prefix) {
  config::Route made;
  made.name = std::move(name);
  made.match.value = std::move(prefix);
  made.action = config::DirectResponse{};
  return made;
}

config::RouteConfiguration hosts(
    std::initializer_list<std::pair<const char*, std::vector<std::string>>> list) {
  config::RouteConfiguration made;
  for (const auto& [name, domains] : list) {
    config::VirtualHost host;
    host.name = name;
    host.domains = domains;
    host.routes.push_back(route(name, "/"));
    made.virtual_hosts.push_back(host);
  }
  return made;
}

std::string name_of(const config::VirtualHost* host) {
  return host == nullptr ? "-" : host->name;
}

TEST_CASE("exact beats the longest suffix, that the longest prefix, that the asterisk",
          "[router]") {
  const auto config = hosts({{"any", {"*"}},
                             {"short suffix", {"*.test"}},
                             {"long suffix", {"*.b.test"}},
                             {"short prefix", {"a.*"}},
                             {"long prefix", {"a.b.*"}},
                             {"exact", {"a.b.test", "With.Case"}}});
  const RouteTable table(config);
  CHECK(name_of(table.find_virtual_host("a.b.test")) == "exact");
  CHECK(name_of(table.find_virtual_host("A.B.TEST")) == "exact");
  CHECK(name_of(table.find_virtual_host("with.case")) == "exact");
  CHECK(name_of(table.find_virtual_host("x.b.test")) == "long suffix");
  CHECK(name_of(table.find_virtual_host("x.test")) == "short suffix");
  CHECK(name_of(table.find_virtual_host("a.b.c")) == "long prefix");
  CHECK(name_of(table.find_virtual_host("a.c")) == "short prefix");
  CHECK(name_of(table.find_virtual_host("b.test:80")) == "any");  // The port belongs to the name.
  CHECK(name_of(table.find_virtual_host(".b.test")) == "short suffix");
  CHECK(name_of(table.find_virtual_host("")) == "any");
}

TEST_CASE("a wildcard stands for at least one character", "[router]") {
  const auto config = hosts({{"suffix", {"*.test"}}, {"prefix", {"a.*"}}});
  const RouteTable table(config);
  CHECK(name_of(table.find_virtual_host(".test")) == "-");
  CHECK(name_of(table.find_virtual_host("a.")) == "-");
  CHECK(name_of(table.find_virtual_host("elsewhere")) == "-");
}

TEST_CASE("long authorities match wildcards, too", "[router]") {
  const auto config = hosts({{"suffix", {"*.test"}}});
  const RouteTable table(config);
  CHECK(name_of(table.find_virtual_host(std::string(1000, 'X') + ".TEST")) == "suffix");
}

TEST_CASE("the first route that matches wins", "[router]") {
  auto config = hosts({{"any", {"*"}}});
  auto& routes = config.virtual_hosts[0].routes;
  routes.clear();
  routes.push_back(route("api", "/api"));
  routes.push_back(route("never", "/api/v2"));
  routes.push_back(route("exact", "/exact"));
  routes.back().match.kind = config::RouteMatch::Kind::path;
  routes.push_back(route("any case", "/CASE"));
  routes.back().match.case_sensitive = false;
  const RouteTable table(config);
  const auto name = [&](std::string_view path) {
    const config::Route* found = table.match("h", path);
    return found == nullptr ? std::string("-") : found->name;
  };
  CHECK(name("/api/v2") == "api");
  CHECK(name("/apiary") == "api");  // Envoy's prefix is one of bytes.
  CHECK(name("/ap") == "-");
  CHECK(name("/exact") == "exact");
  CHECK(name("/exact?query") == "exact");
  CHECK(name("/exact/") == "-");
  CHECK(name("/case/x") == "any case");
  CHECK(name("/API") == "-");
  CHECK(name("*") == "-");
  CHECK(name("") == "-");
}

}  // namespace
}  // namespace holdfast::router
