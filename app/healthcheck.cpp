#include "healthcheck.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <iostream>
#include <string_view>
#include <utility>

namespace holdfast::app {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Error = boost::system::error_code;

constexpr std::chrono::seconds kTimeout{3};

struct Target {
  std::string host;
  std::string port = "80";
};

Target parse_target(std::string_view address) {
  constexpr std::string_view kScheme = "http://";
  if (address.starts_with(kScheme)) address.remove_prefix(kScheme.size());
  address = address.substr(0, address.find('/'));
  Target target;
  const std::size_t colon = address.rfind(':');
  const std::size_t bracket = address.rfind(']');
  if (colon != address.npos && (bracket == address.npos || colon > bracket)) {
    target.port = address.substr(colon + 1);
    address = address.substr(0, colon);
  }
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  target.host = address.empty() ? "127.0.0.1" : std::string(address);
  return target;
}

/// One GET /ready, step by step; `error` and `response` tell the outcome once the context has run
/// out of work.
class Probe {
 public:
  Probe(asio::io_context& context, Target target)
      : target_(std::move(target)), resolver_(context), stream_(context) {
    request_.set(http::field::host, target_.host + ":" + target_.port);
    request_.set(http::field::connection, "close");
  }

  void start() {
    stream_.expires_after(kTimeout);
    resolver_.async_resolve(target_.host, target_.port, [this](Error failed, const auto& found) {
      if (!ended(failed)) connect(found);
    });
  }

  [[nodiscard]] const Error& error() const { return error_; }
  [[nodiscard]] const http::response<http::string_body>& response() const { return response_; }

 private:
  void connect(const asio::ip::tcp::resolver::results_type& found) {
    stream_.async_connect(found, [this](Error failed, const auto&) {
      if (!ended(failed)) write();
    });
  }
  void write() {
    http::async_write(stream_, request_, [this](Error failed, std::size_t) {
      if (!ended(failed)) read();
    });
  }
  void read() {
    http::async_read(stream_, buffer_, response_,
                     [this](Error failed, std::size_t) { ended(failed); });
  }
  bool ended(Error failed) {
    error_ = failed;
    return failed.failed();
  }

  Target target_;
  asio::ip::tcp::resolver resolver_;
  beast::tcp_stream stream_;
  http::request<http::empty_body> request_{http::verb::get, "/ready", 11};
  http::response<http::string_body> response_;
  beast::flat_buffer buffer_;
  Error error_;
};

}  // namespace

ExitCode healthcheck(const std::string& address) {
  const Target target = parse_target(address);
  const bool v6 = target.host.find(':') != std::string::npos;
  const std::string url =
      "http://" + (v6 ? "[" + target.host + "]" : target.host) + ":" + target.port + "/ready";
  asio::io_context context(1);
  Probe probe(context, target);
  probe.start();
  context.run();
  if (probe.error()) {
    std::cerr << "FAILED: " << url << ": " << probe.error().message() << '\n';
    return ExitCode::runtime;
  }
  if (probe.response().result() != http::status::ok) {
    std::cerr << "FAILED: " << url << ": " << probe.response().result_int() << ' '
              << probe.response().body();
    return ExitCode::runtime;
  }
  std::cout << "OK: " << url << '\n';
  return ExitCode::ok;
}

}  // namespace holdfast::app
