// A connection's bytes, read as Session and ClientConnection read them: unfinished heads are kept,
// bodies are decoded where they lie, messages follow each other.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fuzz.hpp"
#include "http/body_decoder.hpp"
#include "http/head_parser.hpp"

namespace holdfast::fuzz {

/// An unfinished head is read anew with each byte: longer inputs would take too long.
inline constexpr std::size_t kLongestByByte = 4096;

struct Message {
  http::Head head;
  http::HeadResult result;
  std::vector<std::string> pieces;  ///< Of the body, as they would be handed on.
  http::Trailers trailers;
  bool whole = false;
  [[nodiscard]] std::string body() const;
};

struct Conversation {
  enum class End : std::uint8_t {
    waiting,  ///< All bytes are used, or the start of a head is.
    refused,  ///< A head or a body was.
    closing,  ///< The last message said that it is the last.
  };
  std::vector<Message> messages;
  End end = End::waiting;
  std::size_t consumed = 0;  ///< By whole messages.
};

struct ResponseSide {
  std::string_view method;  ///< Of every request that is answered.
  bool eof = false;         ///< The upstream closes behind the bytes.
};

[[nodiscard]] Conversation read_requests(std::string_view bytes, const http::HeadLimits& limits,
                                         Cutter cutter);
[[nodiscard]] Conversation read_responses(std::string_view bytes, const http::HeadLimits& limits,
                                          const ResponseSide& side, Cutter cutter);

/// Same messages, same end.
void require_same(const Conversation& a, const Conversation& b);

/// What holds for each head that the parser lets through (lib/http/head.hpp, "Always holds").
void require_clean(const http::Head& head);

}  // namespace holdfast::fuzz
