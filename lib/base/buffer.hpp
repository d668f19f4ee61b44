// Bytes put together piece by piece and then used whole: grows without clearing what it gives out,
// capacity kept.
//
// Owner: a message head, or a worker's output. (std::string would write zeros before the bytes.)
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace holdfast::base {

class Buffer {
 public:
  Buffer() = default;
  ~Buffer() = default;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] char* data() noexcept { return bytes_.get(); }
  [[nodiscard]] const char* data() const noexcept { return bytes_.get(); }
  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.get(), size_}; }

  /// Where to write up to `n` more bytes; they count once commit() has been told. Moves the bytes
  /// when they have to grow.
  [[nodiscard]] char* room(std::size_t n) {
    if (capacity_ - size_ < n) grow(n);
    return bytes_.get() + size_;
  }
  void commit(std::size_t n) noexcept {
    assert(n <= capacity_ - size_);
    size_ += n;
  }
  /// REQUIRES: `s` lies elsewhere.
  void append(std::string_view s) {
    if (s.empty()) return;
    std::memcpy(room(s.size()), s.data(), s.size());
    size_ += s.size();
  }
  void clear() noexcept { size_ = 0; }
  /// Empty, and give the memory back. Returns how much that was.
  std::size_t release() noexcept {
    const std::size_t released = capacity_;
    bytes_.reset();
    size_ = capacity_ = 0;
    return released;
  }

 private:
  static constexpr std::size_t kSmallest = 512;

  void swap(Buffer& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  void grow(std::size_t n) {
    const std::size_t capacity = std::max({2 * capacity_, size_ + n, kSmallest});
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ != 0) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace holdfast::base
