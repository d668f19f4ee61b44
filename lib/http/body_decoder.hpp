// Takes the framing off a message body: the same few states for Content-Length, chunked and
// close-delimited bodies.
//
// Owner: the connection that reads the body. Pure function of bytes and its own small state; no
// allocation of its own. Chunk extensions and trailers are validated, bounded and dropped (RFC
// 9112 7.1.1, 7.1.2), trailers only where nobody keeps them; one that only a header section may
// hold breaks the message (RFC 9110 6.5.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/head_parser.hpp"
#include "http/trailers.hpp"

namespace holdfast::http {

class BodyDecoder {
 public:
  struct Step {
    std::size_t consumed =
        0;  ///< Bytes of the input that belong to this message and are done with.
    std::size_t length =
        0;  ///< Decoded body bytes, now at the *start* of the input span (compacted in place).
    bool error = false;  ///< Broken framing: the connection can't go on.
  };

  BodyDecoder() = default;
  /// `trailers`: takes those of this body; outlives it. Null: nobody wants them.
  void start(Framing framing, std::uint64_t content_length, Trailers* trailers = nullptr) noexcept;

  /// Decode what is there. In place: decoded bytes of several chunks are moved together to the
  /// front of `bytes`. When done() after the call, input beyond `consumed` is the next message's.
  [[nodiscard]] Step decode(std::span<char> bytes) noexcept;
  /// The connection ended: true if the body is complete by that (until_close, or already done).
  [[nodiscard]] bool finish_at_eof() noexcept;
  [[nodiscard]] bool done() const noexcept { return state_ == State::done; }
  [[nodiscard]] Framing framing() const noexcept { return framing_; }
  /// So many bytes of the body have gone another way. REQUIRES: content_length framing, and not
  /// more than remaining().
  void skip(std::uint64_t bytes) noexcept;
  /// content_length framing: bytes still to come.
  [[nodiscard]] std::uint64_t remaining() const noexcept { return remaining_; }

 private:
  enum class State : std::uint8_t {
    done,
    broken,
    identity,
    until_close,
    chunk_size,
    extension_gap,
    extension_name_start,
    extension_name,
    extension_name_gap,
    extension_value_start,
    extension_value,
    extension_value_end,
    extension_quoted,
    extension_escape,
    chunk_size_lf,
    chunk_data,
    chunk_data_cr,
    chunk_data_lf,
    trailer_start,
    trailer_name,
    trailer_value,
    trailer_lf,
    end_lf,
  };
  [[nodiscard]] Step decode_chunked(std::span<char> bytes) noexcept;
  // Each takes one byte of framing; false = broken.
  [[nodiscard]] bool take(char c) noexcept;
  [[nodiscard]] bool take_size(char c) noexcept;
  [[nodiscard]] bool take_extension(char c) noexcept;
  [[nodiscard]] bool take_trailer(char c) noexcept;
  [[nodiscard]] bool take_trailer_name(char c) noexcept;
  [[nodiscard]] bool move_to(State next, bool allowed = true) noexcept;
  [[nodiscard]] bool count_overhead() noexcept;

  State state_ = State::done;
  Framing framing_ = Framing::none;
  std::uint8_t size_digits_ = 0;
  std::uint8_t name_length_ = 0;
  std::array<char, 20> name_{};  ///< Of a trailer: its first bytes, in lower case.
  std::uint32_t overhead_ = 0;   ///< Bytes of extensions or trailers so far; bounded.
  std::uint64_t remaining_ = 0;
  Trailers* trailers_ = nullptr;
};

/// A field that only a head may hold (RFC 9110 6.5.1). `name` is in lower case.
[[nodiscard]] bool is_never_trailer(std::string_view name) noexcept;

}  // namespace holdfast::http
