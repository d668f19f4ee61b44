// Calls to a cluster of scripted servers: for the tests of calls, alone and pipelined.
#pragma once

#include <chrono>
#include <initializer_list>
#include <optional>
#include <vector>

#include "catch.hpp"
#include "upstream/call.hpp"
#include "upstream/scripted_server.hpp"

namespace holdfast::test {

using upstream::Call;
using upstream::CallResult;

struct Owner final : upstream::CallOwner {
  void on_call_done(Call&, const CallResult& result) noexcept override {
    results.push_back(result);
  }
  void on_call_split(Call& call) noexcept override { split.push_back(&call); }
  std::vector<CallResult> results;
  std::vector<Call*> split;
};

struct CallFixture {
  explicit CallFixture(config::CircuitBreakers limits = {}) : breaker(limits) {
    config.name = "c";
    config.circuit_breakers = limits;
    config.connect_timeout = std::chrono::milliseconds(5000);
    cluster.emplace(reactor, config, breaker, stats, 0);
    reactor.start();
  }
  void use(std::initializer_list<std::uint16_t> ports) {
    std::vector<upstream::Member> members;
    for (const std::uint16_t port : ports)
      members.push_back({*upstream::parse_ip("127.0.0.1", port), "", 1});
    const auto set = table.update(members);
    if (set) cluster->update(set);
  }
  Call* start(CallResult& failure, std::uint32_t requests = 1) {
    Call* call = nullptr;
    reactor.run_turn([&] { call = calls.start(*cluster, request, owner, failure, requests); });
    return call;
  }
  Call* start(std::uint32_t requests = 1) {
    CallResult failure;
    Call* call = start(failure, requests);
    REQUIRE(call != nullptr);
    return call;
  }
  bool done(std::size_t n = 1) {
    return run_until(io, [&] { return owner.results.size() >= n; });
  }
  void settle() {
    run_until(io, [&, n = 0]() mutable { return ++n > 3; });
  }

  boost::asio::io_context io{1};
  net::Reactor reactor{io};
  config::Cluster config;
  upstream::CircuitBreaker breaker;
  stats::ClusterStats stats;
  upstream::HostTable table{1};
  upstream::CallPool calls;
  std::optional<upstream::Cluster> cluster;
  Owner owner;
  upstream::CallRequest request{
      .bytes = upstream::side_request_head("GET", "/", "", {}, std::chrono::milliseconds(50'000)),
      .method = "GET",
      .repeatable = true,
      .timeout = std::chrono::milliseconds(50'000)};
};

}  // namespace holdfast::test
