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

  /// True: `bytes` begins with the head that is known; `result` and `status` are what
  /// parse_response_head() would say.
  [[nodiscard]] bool find(std::string_view bytes, std::string_view method, http::HeadResult& result,
                          std::uint16_t& status) const noexcept {
    if (head_.empty() || bytes.size() < head_.size() || method != method_ ||
        std::memcmp(bytes.data(), head_.data(), head_.size()) != 0) {
      return false;
    }
    result = result_;
    status = status_;
    return true;
  }
  /// REQUIRES: `result` is complete and of the head at the start of `bytes`, which is final (no
  /// 1xx). The limits are the same in each call.
  void keep(std::string_view bytes, std::string_view method, const http::HeadResult& result,
            std::uint16_t status) {
    if (result.consumed > kMaxBytes) return;
    head_.assign(bytes.data(), result.consumed);
    method_.assign(method);
    result_ = result;
    status_ = status;
  }

 private:
  std::string head_;
  std::string method_;
  http::HeadResult result_;
  std::uint16_t status_ = 0;
};

}  // namespace holdfast::upstream
