// The last response head that a host sent to a side request, and what the parser made of it.
//
// Owner: the HostPool; the worker's thread. Side requests want a response's status and framing, not
// its fields, and their upstream sends them the same head again and again, at least until its
// `date` moves on. The parser is a pure function of a head's bytes, the request's method and the
// cluster's limits, so the same bytes need no second look: comparing costs some 70 instructions.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "http/head_parser.hpp"

namespace holdfast::upstream {

class HeadMemo {
 public:
  /// Longer heads are not kept.
  static constexpr std::size_t kMaxBytes = 4096;

  /// What parse_response_head() says of a head.
  struct Known {
    http::HeadResult result;
    std::uint16_t status = 0;
  };

  /// Not null: `bytes` begins with the head that is known.
  [[nodiscard]] const Known* find(std::string_view bytes, std::string_view method) const noexcept {
    const bool same = !head_.empty() && bytes.size() >= head_.size() &&
                      is_head(method) == is_head_ &&
                      std::memcmp(bytes.data(), head_.data(), head_.size()) == 0;
    return same ? &known_ : nullptr;
  }
  /// REQUIRES: `result` is complete and of the head at the start of `bytes`, which is final (no
  /// 1xx). The limits are the same in each call.
  void keep(std::string_view bytes, std::string_view method, const http::HeadResult& result,
            std::uint16_t status) {
    if (result.consumed > kMaxBytes) return;
    head_.assign(bytes.data(), result.consumed);
    is_head_ = is_head(method);
    known_ = {result, status};
  }

 private:
  /// All of a method that matters to a response's framing: CONNECT is never a side request's.
  [[nodiscard]] static bool is_head(std::string_view method) noexcept {
    return method.size() == 4 && std::memcmp(method.data(), "HEAD", 4) == 0;
  }

  std::string head_;
  bool is_head_ = false;
  Known known_;
};

}  // namespace holdfast::upstream
