// A real admin server on a loopback port with made-up hooks, and a blocking client with time
// limits.
//
// The server's io_context runs in its own thread until the fixture ends; `World` holds what hooks
// return and record, guarded by its mutex where the test touches it while the server runs.
#pragma once

#include <sys/socket.h>
#include <sys/time.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "admin/admin_server.hpp"

namespace holdfast::admin::test {

/// Blocking, 10 s per read at most.
class Client {
 public:
  explicit Client(const boost::asio::ip::tcp::endpoint& server) : socket_(io_) {
    socket_.connect(server);
    const timeval limit{10, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }

  void send(std::string_view bytes) {
    boost::asio::write(socket_, boost::asio::buffer(bytes.data(), bytes.size()));
  }

  /// Until the server closes. Throws when it does not in time.
  std::string read_all() {
    char chunk[4096];
    for (;;) {
      const ssize_t got = ::recv(socket_.native_handle(), chunk, sizeof chunk, 0);
      if (got < 0 && errno == ECONNRESET) break;
      if (got < 0) throw std::runtime_error("the server did not close in time");
      if (got == 0) break;
      buffer_.append(chunk, static_cast<std::size_t>(got));
    }
    return std::exchange(buffer_, {});
  }

  /// Until `mark`, which is included.
  std::string read_until(std::string_view mark) {
    char chunk[4096];
    std::size_t at;
    std::size_t from = 0;  // What was searched before is not searched again.
    while ((at = buffer_.find(mark, from)) == std::string::npos) {
      from = buffer_.size() < mark.size() ? 0 : buffer_.size() - mark.size();
      const ssize_t got = ::recv(socket_.native_handle(), chunk, sizeof chunk, 0);
      if (got <= 0) throw std::runtime_error("no answer, got: " + buffer_);
      buffer_.append(chunk, static_cast<std::size_t>(got));
    }
    std::string out = buffer_.substr(0, at + mark.size());
    buffer_.erase(0, at + mark.size());
    return out;
  }

  boost::asio::ip::tcp::socket& socket() { return socket_; }

 private:
  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  std::string buffer_;
};

struct Reply {
  unsigned status = 0;
  std::string head;  ///< Status line and fields, date masked, with the empty line.
  std::string body;  ///< Without chunks.
};

inline Reply parse_reply(const std::string& raw) {
  Reply reply;
  const std::size_t end = raw.find("\r\n\r\n");
  if (end == std::string::npos) throw std::runtime_error("not a response: " + raw);
  reply.head = raw.substr(0, end + 4);
  reply.status = static_cast<unsigned>(std::stoul(raw.substr(9, 3)));
  if (const std::size_t date = reply.head.find("date: "); date != std::string::npos) {
    reply.head.replace(date + 6, 29, "<date>");
  }
  std::string rest = raw.substr(end + 4);
  if (reply.head.find("transfer-encoding: chunked") == std::string::npos) {
    reply.body = rest;
    return reply;
  }
  while (!rest.empty()) {
    const std::size_t line = rest.find("\r\n");
    const std::size_t size = std::stoul(rest.substr(0, line), nullptr, 16);
    if (size == 0) break;
    reply.body += rest.substr(line + 2, size);
    rest.erase(0, line + 2 + size + 2);
  }
  return reply;
}

class Fixture {
 public:
  explicit Fixture(AdminLimits limits = {}) {
    set_hooks();
    server_ = std::make_unique<AdminServer>(io_, hooks_, limits);
    const auto error = server_->start({boost::asio::ip::address_v4::loopback(), 0});
    if (error) throw std::runtime_error(error.message());
    endpoint_ = server_->local_endpoint();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Fixture() {
    on_server([this] { server_.reset(); });
    work_.reset();
    thread_.join();
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  /// Runs `f` on the server's thread and waits for it.
  template <class F>
  std::invoke_result_t<F> on_server(F f) {
    std::packaged_task<std::invoke_result_t<F>()> task(std::move(f));
    auto result = task.get_future();
    boost::asio::post(io_, [&task] { task(); });
    return result.get();
  }

  Reply request(std::string_view method, std::string_view target, std::string_view body = {}) {
    Client client(endpoint_);
    std::string text;
    text.append(method).append(" ").append(target).append(" HTTP/1.1\r\nhost: admin\r\n");
    text += "connection: close\r\n";
    if (!body.empty()) text += "content-length: " + std::to_string(body.size()) + "\r\n";
    client.send(text.append("\r\n").append(body));
    return parse_reply(client.read_all());
  }
  Reply get(std::string_view target) { return request("GET", target); }
  Reply post(std::string_view target) { return request("POST", target); }

  const boost::asio::ip::tcp::endpoint& endpoint() const { return endpoint_; }
  AdminServer& server() { return *server_; }  ///< Only inside on_server().

  // What the hooks answer; set it before the request that reads it, inside on_server().
  ServerState state = ServerState::live;
  std::vector<ListenerInfo> listeners{{"main", "127.0.0.1", 19700}, {"back", "::1", 19702}};
  std::vector<ClusterInfo> clusters;
  std::vector<Logger> loggers{{"admin", "warning"}, {"http", "warning"}, {"main", "warning"}};
  std::string config_json = "{}";
  // What the hooks were told; read it inside on_server().
  std::vector<std::string> calls;
  std::vector<std::string> access_log;
  stats::Registry registry{{"1.2.3", ""}};

 private:
  void set_hooks() {
    hooks_.registry = &registry;
    hooks_.ready_state = [this] { return state; };
    hooks_.listeners = [this] { return listeners; };
    hooks_.clusters = [this] { return clusters; };
    hooks_.server_info = [] {
      return ServerInfo{"holdfast/1.2.3/TEST",
                        std::chrono::seconds(44),
                        "node-1",
                        "edge",
                        {{"concurrency", "2"}, {"config_path", "\"e.yaml\""}}};
    };
    hooks_.config_dump_json = [this] { return config_json; };
    hooks_.loggers = [this] { return loggers; };
    hooks_.set_log_level = [this](std::string_view name, std::string_view level) {
      for (Logger& logger : loggers) {
        if (name.empty() || logger.name == name) logger.level = level;
      }
      return true;
    };
    hooks_.drain_listeners = [this](Drain drain) {
      calls.push_back("drain " + std::to_string(static_cast<int>(drain)));
    };
    hooks_.healthcheck_fail = [this](bool fail) {
      state = fail ? ServerState::draining : ServerState::live;
    };
    hooks_.quit = [this] { calls.emplace_back("quit"); };
    hooks_.reopen_logs = [this] { calls.emplace_back("reopen"); };
    hooks_.access_log = [this](const RequestFacts& facts) {
      access_log.push_back(std::string(facts.method) + ' ' + std::string(facts.path) + ' ' +
                           std::to_string(facts.status) + ' ' + std::to_string(facts.bytes_sent) +
                           ' ' + std::string(facts.authority));
    };
  }

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  AdminHooks hooks_;
  std::unique_ptr<AdminServer> server_;
  boost::asio::ip::tcp::endpoint endpoint_;
  std::thread thread_;
};

}  // namespace holdfast::admin::test
