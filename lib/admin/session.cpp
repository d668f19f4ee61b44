#include "admin/session.hpp"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/span_body.hpp>
#include <boost/beast/http/write.hpp>
#include <ctime>
#include <utility>

namespace holdfast::admin {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr auto kAwait = asio::as_tuple(asio::deferred);

/// IMF-fixdate, RFC 9110 section 5.6.7.
std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 40> text{};
  const std::size_t length =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return {text.data(), length};
}

std::string client_text(const Session::Socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? std::string() : address_text(endpoint.address().to_string(), endpoint.port());
}

http::status refusal(boost::system::error_code error) {
  if (error == http::error::header_limit) return http::status::request_header_fields_too_large;
  if (error == http::error::body_limit) return http::status::payload_too_large;
  return http::status::bad_request;
}

/// Did the client send something that was wrong (rather than leave, or say nothing in time)?
bool malformed(boost::system::error_code error) {
  return error && error.category() == make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

}  // namespace

Session::Session(Socket socket, std::shared_ptr<const Endpoints> endpoints,
                 const AdminLimits& limits)
    : stream_(std::move(socket)),
      endpoints_(std::move(endpoints)),
      limits_(limits),
      client_(client_text(stream_.socket())),
      buffer_(limits.max_head_bytes + limits.max_body_bytes) {}

void Session::end() {
  last_ = true;
  if (state_ == State::reading) abort();
}

void Session::abort() {
  state_ = State::closed;
  stream_.close();
}

Session::Task Session::run() {
  const auto self = shared_from_this();
  auto limit = limits_.request_timeout;
  while (state_ == State::reading) {
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(limits_.max_head_bytes));
    parser.body_limit(limits_.max_body_bytes);
    if (!co_await read(parser, limit)) break;
    const auto start = std::chrono::system_clock::now();
    const Request request = parser.release();
    state_ = State::answering;
    const Response response =
        endpoints_->answer(std::string_view(request.method_string()),
                           Target::parse(std::string_view(request.target())),
                           sender_of(std::string_view(request[http::field::origin]),
                                     std::string_view(request[http::field::host])));
    const bool keep_alive = request.keep_alive() && request.version() >= 11 && !last_;
    const bool written = co_await write(request, response, keep_alive);
    if (state_ == State::closed) co_return;
    log(request, response, start);
    if (response.afterwards) response.afterwards();
    if (!written || !keep_alive || last_ || state_ == State::closed) break;
    state_ = State::reading;
    limit = limits_.idle_timeout;
  }
  if (state_ != State::closed) {
    boost::system::error_code ignored;  // The peer may be gone: nothing is left to do for it.
    stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  }
  abort();
}

asio::awaitable<bool, Session::Executor> Session::read(Parser& parser,
                                                       std::chrono::milliseconds limit) {
  stream_.expires_after(limit);
  const auto [error, bytes] = co_await http::async_read(stream_, buffer_, parser, kAwait);
  if (state_ == State::closed) co_return false;
  if (malformed(error)) co_await refuse(error);
  co_return !error;
}

Session::Task Session::refuse(boost::system::error_code error) {
  const http::status status = refusal(error);
  http::response<http::string_body> message(status, 11);
  message.body() = std::string(http::obsolete_reason(status));
  message.set("content-length", std::to_string(message.body().size()));
  message.set("content-type", "text/plain");
  message.set("date", http_date());
  message.set("server", "envoy");
  message.set("connection", "close");
  stream_.expires_after(limits_.write_timeout);
  // Whether it arrived changes nothing: the connection closes either way.
  co_await http::async_write(stream_, message, kAwait);
}

asio::awaitable<bool, Session::Executor> Session::write(const Request& request,
                                                        const Response& response, bool keep_alive) {
  http::response<http::span_body<const char>> message(http::status(response.status), 11);
  message.set("content-type", response.content_type);
  message.set("cache-control", "no-cache, max-age=0");
  message.set("x-content-type-options", "nosniff");
  message.set("date", http_date());
  message.set("server", "envoy");
  if (!keep_alive) message.set("connection", "close");
  // Envoy sends 426 to HTTP/1.0; old probes get an answer here, which they understand without
  // chunks.
  if (request.version() >= 11) message.set("transfer-encoding", "chunked");
  message.body() = {response.body.data(), response.body.size()};
  http::response_serializer<http::span_body<const char>> serializer(message);
  stream_.expires_after(limits_.write_timeout);
  if (request.method() == http::verb::head) {
    serializer.split(true);
    const auto [error, bytes] = co_await http::async_write_header(stream_, serializer, kAwait);
    co_return !error;
  }
  const auto [error, bytes] = co_await http::async_write(stream_, serializer, kAwait);
  co_return !error;
}

void Session::log(const Request& request, const Response& response,
                  std::chrono::system_clock::time_point start) const {
  const auto& sink = endpoints_->hooks().access_log;
  if (!sink) return;
  RequestFacts facts;
  facts.start = start;
  facts.duration = std::chrono::system_clock::now() - start;
  facts.method = std::string_view(request.method_string());
  facts.path = std::string_view(request.target());
  facts.user_agent = std::string_view(request[http::field::user_agent]);
  facts.authority = std::string_view(request[http::field::host]);
  facts.client_address = client_;
  facts.status = response.status;
  facts.bytes_received = request.body().size();
  facts.bytes_sent = request.method() == http::verb::head ? 0 : response.body.size();
  sink(facts);
}

}  // namespace holdfast::admin
