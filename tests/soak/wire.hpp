// What both ends of the soak test have in common: a connection read and written by coroutines, and
// the bytes that bodies are made of.
//
// No co_await stands behind && or ||: g++ 12 runs it all the same.
//
// Owner: one coroutine. Thread: the program's only one. Errors are values: false or nothing is the
// end of the connection, however it came.
#pragma once

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::soak {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using std::chrono::milliseconds;

inline constexpr auto kAsValues = asio::as_tuple(asio::use_awaitable);

/// The body of every message: the same bytes at the same place, without a short period, so that a
/// block that is lost, doubled or from another message shows.
class Pattern {
 public:
  static constexpr std::size_t kPeriod = 65'521;

  Pattern() {
    std::uint32_t state = 1;
    for (char& c : bytes_) {
      state = state * 1'664'525 + 1'013'904'223;
      c = static_cast<char>('a' + (state >> 24) % 26);
    }
  }
  /// What stands from `offset` on, as far as it is contiguous.
  [[nodiscard]] std::string_view at(std::size_t offset) const {
    return std::string_view(bytes_.data(), bytes_.size()).substr(offset % kPeriod);
  }
  [[nodiscard]] bool matches(std::size_t offset, std::string_view bytes) const {
    while (!bytes.empty()) {
      const std::string_view piece = at(offset).substr(0, bytes.size());
      if (bytes.substr(0, piece.size()) != piece) return false;
      bytes.remove_prefix(piece.size());
      offset += piece.size();
    }
    return true;
  }
  void append(std::string& to, std::size_t offset, std::size_t size) const {
    for (const std::size_t end = offset + size; offset < end;) {
      const std::string_view piece = at(offset).substr(0, end - offset);
      to.append(piece);
      offset += piece.size();
    }
  }

 private:
  std::array<char, kPeriod> bytes_;
};

inline const Pattern kPattern;

inline std::size_t number(std::string_view text, int base = 10) {
  std::size_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

/// The value of a field, or nothing. `name` in lower case, as Holdfast writes it.
inline std::optional<std::string_view> field(std::string_view head, std::string_view name) {
  for (std::size_t at = 0; (at = head.find(name, at)) != std::string_view::npos; ++at) {
    if (at < 2 || head.substr(at - 2, 2) != "\r\n" || head.substr(at + name.size(), 2) != ": ") {
      continue;
    }
    const std::size_t begin = at + name.size() + 2;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
  return std::nullopt;
}

class Wire {
 public:
  explicit Wire(tcp::socket socket) : socket_(std::move(socket)) {}

  [[nodiscard]] tcp::socket& socket() { return socket_; }
  /// Never more than this from one read, with a pause before each: a slow reader.
  void read_slowly(std::size_t piece, milliseconds pause) {
    piece_ = piece;
    pause_ = pause;
  }

  awaitable<bool> write(std::string_view bytes);
  /// Read once into the buffer.
  awaitable<bool> fill();
  /// Everything up to and with `delimiter`.
  awaitable<std::optional<std::string>> read_until(std::string_view delimiter);
  /// Read and drop so many bytes, which must be the pattern's from `offset` on if `check`.
  awaitable<bool> skip(std::size_t size, std::size_t offset, bool check);
  /// Read and drop a chunked body. Its size, or nothing when it is not whole.
  awaitable<std::optional<std::size_t>> skip_chunks(bool check);
  /// A body byte was not what it should be.
  [[nodiscard]] bool garbled() const { return garbled_; }
  void drop_input() { buffer_.clear(); }

  awaitable<void> sleep(milliseconds time);
  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }
  /// Close with RST.
  void reset() {
    boost::system::error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
  }

 private:
  tcp::socket socket_;
  std::string buffer_;
  std::size_t piece_ = 64UL * 1024;
  milliseconds pause_{0};
  bool garbled_ = false;
};

}  // namespace holdfast::soak
