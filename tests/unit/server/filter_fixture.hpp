// One listener with scripted filters between a client and an upstream, both played by the test over
// real sockets, all on one thread.
#pragma once

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "catch.hpp"
#include "server/http_context.hpp"
#include "server/session.hpp"
#include "upstream/scripted_server.hpp"

namespace holdfast::server::test {

using filters::BodyVerdict;
using filters::Verdict;
using holdfast::test::run_until;
using holdfast::test::ScriptedServer;
using holdfast::test::Socket;

[[nodiscard]] inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

using Trace = std::vector<std::string>;

/// Does what the test says, and writes down what it was shown: "a.request 0", "a.request_body hello
/// 1" (1: the end).
class ScriptedFilter final : public filters::Filter {
 public:
  ScriptedFilter(std::string name, std::size_t index, Trace& trace)
      : Filter(index), name_(std::move(name)), trace_(trace) {}

  Verdict on_request(filters::Exchange& e) noexcept override {
    exchange = &e;
    e.slot(index()) = this;
    note("request", "", e.request_ends_with_head());
    return request ? request(e) : Verdict::proceed;
  }
  Verdict on_response(filters::Exchange& e) noexcept override {
    note("response", "", e.response_ends_with_head());
    return response ? response(e) : Verdict::proceed;
  }
  BodyVerdict on_request_body(filters::Exchange& e, base::ByteQueue& body,
                              bool end) noexcept override {
    note("request_body", body.view(), end);
    return request_body ? request_body(e, body, end) : BodyVerdict::proceed;
  }
  BodyVerdict on_response_body(filters::Exchange& e, base::ByteQueue& body,
                               bool end) noexcept override {
    note("response_body", body.view(), end);
    return response_body ? response_body(e, body, end) : BodyVerdict::proceed;
  }
  BodyVerdict on_request_trailers(filters::Exchange& e) noexcept override {
    note("request_trailers", text_of(e.request_trailers()), true);
    return request_trailers ? request_trailers(e) : BodyVerdict::proceed;
  }
  BodyVerdict on_response_trailers(filters::Exchange& e) noexcept override {
    note("response_trailers", text_of(e.response_trailers()), true);
    return response_trailers ? response_trailers(e) : BodyVerdict::proceed;
  }
  std::chrono::milliseconds on_hold_expired(filters::Exchange&) noexcept override {
    trace_.push_back(name_ + ".expired");
    return expired ? expired() : std::chrono::milliseconds{0};
  }
  void on_hold_cancelled(filters::Exchange&) noexcept override {
    trace_.push_back(name_ + ".cancelled");
  }
  void on_answered_early(filters::Exchange& e) noexcept override {
    e.slot(index()) = this;
    trace_.push_back(name_ + ".answered");
  }
  void on_complete(filters::Exchange& e) noexcept override {
    status = e.info().response_code;
    details = e.info().response_details;
    trace_.push_back(name_ + ".complete");
  }
  void on_end(filters::Exchange& e) noexcept override {
    e.slot(index()) = nullptr;
    exchange = nullptr;
    trace_.push_back(name_ + ".end");
  }

  std::function<Verdict(filters::Exchange&)> request, response;
  std::function<BodyVerdict(filters::Exchange&, base::ByteQueue&, bool)> request_body,
      response_body;
  std::function<BodyVerdict(filters::Exchange&)> request_trailers, response_trailers;
  std::function<std::chrono::milliseconds()> expired;
  filters::Exchange* exchange = nullptr;
  std::uint16_t status = 0;  ///< As on_complete() saw it.
  std::string details;

 private:
  [[nodiscard]] static std::string text_of(const http::Trailers& trailers) {
    std::string text;
    for (const auto& [name, value] : trailers.fields()) text += name + "=" + value + ";";
    return text;
  }
  void note(const char* what, std::string_view body, bool end) {
    std::string line = name_ + "." + what;
    if (!body.empty()) line.append(" ").append(body.size() < 40 ? body : "...");
    trace_.push_back(line + (end ? " 1" : " 0"));
  }
  const std::string name_;
  Trace& trace_;
};

struct FilterFixture {
  explicit FilterFixture(std::size_t filter_count = 1, std::uint32_t limit = 1024 * 1024) {
    reactor.start();
    cluster_config.name = "c";
    std::vector<std::unique_ptr<upstream::Cluster>> list;
    list.push_back(
        std::make_unique<upstream::Cluster>(reactor, cluster_config, breaker, cluster_stats, 0));
    clusters.emplace(std::move(list));
    if (const auto set = hosts.update({{*upstream::parse_ip("127.0.0.1", server.port()), "", 1}})) {
      clusters->at(0).update(set);
    }
    listener.name = "main";
    listener.per_connection_buffer_limit_bytes = limit;
    hcm.route_config.virtual_hosts.push_back(
        {.name = "vhost",
         .domains = {"*"},
         .routes = {{.name = "direct",
                     .match = {.value = "/direct"},
                     .action = config::DirectResponse{.status = 200, .body = "d", .has_body = true},
                     .metadata_json = "",
                     .location = {}},
                    {.name = "all",
                     .match = {.value = "/up"},
                     .action = config::ClusterRoute{.cluster = "c", .idle_timeout = {}},
                     .metadata_json = "{}",
                     .location = {}}},
         .location = {}});
    routes.emplace(hcm.route_config);
    worker.emplace(WorkerContext{.reactor = reactor,
                                 .clusters = *clusters,
                                 .request_ids = request_ids,
                                 .interface_address = "127.0.0.1"});
    context.emplace(*worker, listener, hcm, *routes, stats, listener_stats, nullptr,
                    filters::WorkerServices{io, *clusters, calls, 0});
    context->local_address.text = "127.0.0.1:1";
    for (std::size_t i = 0; i < filter_count; ++i) {
      auto filter =
          std::make_unique<ScriptedFilter>(std::string(1, static_cast<char>('a' + i)), i, trace);
      filter_list.push_back(filter.get());
      context->filters.add(std::move(filter), {true, true, true, true});
    }
  }
  ~FilterFixture() {
    client.close();
    peer.close();
    settle();
    run_until(io, [&] { return context->sessions.empty(); });
  }

  void connect() {
    auto [ours, theirs] = holdfast::test::socket_pair();
    client = std::move(ours);
    sockaddr_storage address{};
    auto& v4 = reinterpret_cast<sockaddr_in&>(address);
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    reactor.run_turn([&] { REQUIRE(context->accept(theirs.release(), address)); });
  }
  void send(const std::string& bytes) {
    if (client.get() < 0) connect();
    client.send(bytes);
    settle();
  }
  /// A few turns: all that can happen without more input has happened.
  void settle() {
    for (int i = 0; i < 3; ++i) {
      io.restart();
      io.run_for(std::chrono::milliseconds(1));
    }
  }
  /// Run the loop until `text` is at the end of what `socket` got.
  static std::string read_until(boost::asio::io_context& io, const Socket& socket,
                                const std::string& text) {
    std::string got;
    const bool came = run_until(io, [&] {
      pollfd p{socket.get(), POLLIN, 0};
      while (::poll(&p, 1, 0) == 1) {
        const std::string bytes = socket.receive();
        if (bytes.empty()) return true;
        got += bytes;
      }
      return !text.empty() && got.ends_with(text);
    });
    CHECK(came);
    return got;
  }
  /// What the upstream gets, until it ends with `text`.
  std::string upstream_gets(const std::string& text) {
    if (peer.get() < 0) peer = server.accept(io);
    return read_until(io, peer, text);
  }
  void upstream_sends(const std::string& bytes) {
    peer.send(bytes);
    settle();
  }
  /// What the client gets until that; "" = until the connection ends.
  std::string client_gets(const std::string& text) { return read_until(io, client, text); }
  [[nodiscard]] static bool has_input(const Socket& socket) {
    pollfd p{socket.get(), POLLIN, 0};
    return ::poll(&p, 1, 0) == 1;
  }
  [[nodiscard]] bool client_waits() {
    settle();
    return !has_input(client);
  }
  /// Nothing (more) has come to the upstream.
  [[nodiscard]] bool upstream_waits() {
    settle();
    if (peer.get() >= 0) return !has_input(peer);
    pollfd p{server.descriptor(), POLLIN, 0};
    return ::poll(&p, 1, 0) == 0;
  }
  template <class Task>
  void turn(Task&& task) {
    reactor.run_turn(task);
    settle();
  }
  ScriptedFilter& filter(std::size_t i = 0) { return *filter_list.at(i); }
  [[nodiscard]] std::size_t count(const std::string& line) const {
    return static_cast<std::size_t>(std::count(trace.begin(), trace.end(), line));
  }

  boost::asio::io_context io{1};
  net::Reactor reactor{io};
  ScriptedServer server;
  config::Cluster cluster_config;
  upstream::CircuitBreaker breaker{{}};
  stats::ClusterStats cluster_stats;
  upstream::HostTable hosts{1};
  upstream::CallPool calls;
  std::optional<upstream::ClusterManager> clusters;
  config::Listener listener;
  config::HttpConnectionManager hcm;
  std::optional<router::RouteTable> routes;
  stats::HcmStats stats;
  stats::ListenerStats listener_stats;
  RequestIds request_ids;
  std::optional<WorkerContext> worker;
  Trace trace;
  std::optional<HttpContext> context;
  std::vector<ScriptedFilter*> filter_list;
  Socket client;
  Socket peer;
};

}  // namespace holdfast::server::test
