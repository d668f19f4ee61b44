// Bytes waiting to be parsed or sent: append at the end, take from the front, contiguous, capacity
// kept.
//
// Owner: one connection. Memory grows only while bytes wait; release() gives a large buffer back
// when idle.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::base {

class ByteQueue {
 public:
  [[nodiscard]] bool empty() const noexcept { return begin_ == bytes_.size(); }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() - begin_; }
  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data() + begin_, size()}; }
  [[nodiscard]] std::span<char> span() noexcept { return {bytes_.data() + begin_, size()}; }

  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    if (begin_ != 0 && bytes_.size() + bytes.size() > bytes_.capacity()) compact();
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  /// Put `bytes` before all others. REQUIRES: they lie elsewhere.
  void prepend(std::string_view bytes) {
    if (bytes.size() <= begin_) {
      begin_ -= bytes.size();
      if (!bytes.empty()) std::memcpy(bytes_.data() + begin_, bytes.data(), bytes.size());
      return;
    }
    bytes_.insert(bytes_.begin() + static_cast<std::ptrdiff_t>(begin_), bytes.begin(), bytes.end());
  }
  /// `bytes` instead of what is there. REQUIRES: they lie elsewhere.
  void assign(std::string_view bytes) {
    clear();
    append(bytes);
  }
  /// Take all of `other`, which is empty then: without a copy if there is nothing here.
  void take(ByteQueue& other) {
    if (empty()) {
      clear();
      std::swap(bytes_, other.bytes_);
      std::swap(begin_, other.begin_);
    } else {
      append(other.view());
      other.clear();
    }
  }
  void consume(std::size_t n) noexcept {
    begin_ += n;
    if (begin_ == bytes_.size()) clear();
  }
  void clear() noexcept {
    bytes_.clear();
    begin_ = 0;
  }
  /// Give memory back when more than `keep` bytes of capacity sit idle; returns how much that was.
  /// REQUIRES: empty().
  std::size_t release(std::size_t keep = 4096) {
    const std::size_t capacity = bytes_.capacity();
    if (capacity <= keep) return 0;
    std::vector<char>().swap(bytes_);
    return capacity;
  }

 private:
  void compact() noexcept {
    std::memmove(bytes_.data(), bytes_.data() + begin_, size());
    bytes_.resize(size());
    begin_ = 0;
  }
  std::vector<char> bytes_;
  std::size_t begin_ = 0;
};

}  // namespace holdfast::base
