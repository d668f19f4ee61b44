// One pass over a head: start line and fields indexed, what they say of framing and persistence
// gathered.
//
// Owner: head_parser.cpp, on its stack. Nothing is copied before the head has turned out to be
// whole and well-formed; then its bytes are, once. Syntax: RFC 9112 2-5, less what could be read
// in two ways: a line ends with CRLF and nothing else, no white space before the colon, no folds.
// (Until there was a number against it this was Beast's basic_parser: docs/adr/0011.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/head.hpp"
#include "http/head_parser.hpp"

namespace holdfast::http {

/// What the fields that rule framing and persistence said, gathered while they pass by.
struct HeadFacts {
  unsigned hosts = 0;
  unsigned lengths = 0;
  unsigned codings = 0;
  unsigned options = 0;  ///< Of Connection.
  bool chunked = false;  ///< The last Transfer-Encoding was the one word "chunked".
  bool host_ok = true;
  bool length_ok = true;
  bool close = false, keep_alive = false, upgrade_option = false;
  unsigned expectations = 0;
  unsigned expected_continues = 0;
  std::uint64_t content_length = 0;
};

class HeadReader {
 public:
  HeadReader(std::string_view bytes, const HeadLimits& limits, Head& head) noexcept
      : begin_(bytes.data()), end_(begin_ + bytes.size()), limits_(limits), head_(head) {}

  /// True: a whole head stood at the start of the bytes; `head` has it. False: it is not whole, or
  /// not well-formed (error() may say how), and `head` holds nothing of use.
  [[nodiscard]] bool read_request();
  [[nodiscard]] bool read_response();

  [[nodiscard]] const HeadFacts& facts() const noexcept { return facts_; }
  /// None: bad syntax, or simply not whole.
  [[nodiscard]] HeadError error() const noexcept { return error_; }
  /// Bytes of the head that was read.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  // Each takes and returns the place of the next byte; null = it does not go on.
  const char* read_request_line(const char* p);
  const char* read_status_line(const char* p);
  const char* read_field(const char* p);
  [[nodiscard]] bool read_fields(const char* p);
  [[nodiscard]] bool note(HeaderId id, std::string_view value);
  [[nodiscard]] bool note_options(std::string_view value);

  const char* refuse(HeadError error) noexcept {
    error_ = error;
    return nullptr;
  }
  [[nodiscard]] bool has(const char* p, std::size_t n) const noexcept {
    return static_cast<std::size_t>(end_ - p) >= n;
  }
  [[nodiscard]] std::uint32_t offset(const char* p) const noexcept {
    return static_cast<std::uint32_t>(p - begin_);
  }

  const char* const begin_;
  const char* const end_;
  const HeadLimits& limits_;
  Head& head_;
  HeadFacts facts_;
  HeadError error_ = HeadError::none;
  bool mixed_case_ = false;  ///< A name has a capital.
  std::size_t size_ = 0;
};

}  // namespace holdfast::http
