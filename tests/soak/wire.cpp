#include "wire.hpp"

#include <algorithm>
#include <boost/asio/write.hpp>

namespace holdfast::soak {

awaitable<bool> Wire::write(std::string_view bytes) {
  const auto [error, size] = co_await asio::async_write(socket_, asio::buffer(bytes), kAsValues);
  co_return !error && size == bytes.size();
}

awaitable<bool> Wire::fill() {
  if (pause_.count() > 0) co_await sleep(pause_);
  const std::size_t old = buffer_.size();
  buffer_.resize(old + piece_);
  const auto [error, size] =
      co_await socket_.async_read_some(asio::buffer(buffer_.data() + old, piece_), kAsValues);
  buffer_.resize(old + size);
  co_return !error;
}

awaitable<std::optional<std::string>> Wire::read_until(std::string_view delimiter) {
  std::size_t end = 0;
  while ((end = buffer_.find(delimiter)) == std::string::npos) {
    if (!co_await fill()) co_return std::nullopt;
  }
  end += delimiter.size();
  std::string taken = buffer_.substr(0, end);
  buffer_.erase(0, end);
  co_return taken;
}

awaitable<bool> Wire::skip(std::size_t size, std::size_t offset, bool check) {
  while (size > 0) {
    if (buffer_.empty()) {
      if (!co_await fill()) co_return false;
      continue;
    }
    const std::size_t taken = std::min(size, buffer_.size());
    if (check && !kPattern.matches(offset, std::string_view(buffer_).substr(0, taken))) {
      garbled_ = true;
    }
    buffer_.erase(0, taken);
    size -= taken;
    offset += taken;
  }
  co_return true;
}

awaitable<std::optional<std::size_t>> Wire::skip_chunks(bool check) {
  for (std::size_t total = 0;;) {
    const auto line = co_await read_until("\r\n");
    if (!line) co_return std::nullopt;
    const std::size_t size = number(*line, 16);
    if (!co_await skip(size, total, check)) co_return std::nullopt;
    if (!co_await skip(2, 0, false)) co_return std::nullopt;
    if (size == 0) co_return total;
    total += size;
  }
}

awaitable<void> Wire::sleep(milliseconds time) {
  asio::steady_timer timer(socket_.get_executor(), time);
  co_await timer.async_wait(kAsValues);
}

}  // namespace holdfast::soak
