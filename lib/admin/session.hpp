// One connection to the admin server, as one coroutine: read a request, answer, until one side ends
// it.
//
// Owner: the coroutine's frame, which the io_context of the control thread holds; the server keeps
// a list of live sessions to count them and to close idle ones. Each read and write has a deadline.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/system/error_code.hpp>
#include <memory>
#include <string>

#include "admin/admin_server.hpp"
#include "admin/endpoints.hpp"

namespace holdfast::admin {

class Session : public std::enable_shared_from_this<Session> {
 public:
  using Executor = boost::asio::io_context::executor_type;
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;
  using Stream = boost::beast::basic_stream<boost::asio::ip::tcp, Executor>;
  using Task = boost::asio::awaitable<void, Executor>;

  Session(Socket socket, std::shared_ptr<const Endpoints> endpoints, const AdminLimits& limits);

  Task run();

  /// Waiting for a request, or for the rest of one: may be closed without breaking an answer.
  [[nodiscard]] bool idle() const noexcept { return state_ == State::reading; }
  /// Closes now if idle, else after the answer under way.
  void end();
  /// Closes now; no hook is called any more.
  void abort();

 private:
  enum class State : std::uint8_t { reading, answering, closed };
  using Request = boost::beast::http::request<boost::beast::http::string_body>;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  boost::asio::awaitable<bool, Executor> read(Parser& parser, std::chrono::milliseconds limit);
  boost::asio::awaitable<bool, Executor> write(const Request& request, const Response& response,
                                               bool keep_alive);
  Task refuse(boost::system::error_code error);
  void log(const Request& request, const Response& response,
           std::chrono::system_clock::time_point start) const;

  Stream stream_;
  const std::shared_ptr<const Endpoints> endpoints_;  ///< Shared: outlives a server that stopped.
  const AdminLimits limits_;
  std::string client_;
  boost::beast::flat_buffer buffer_;
  State state_ = State::reading;
  bool last_ = false;  ///< Close after the answer under way.
};

}  // namespace holdfast::admin
