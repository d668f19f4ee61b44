// Heads of requests and responses: what the parser accepts it accepts however the bytes were cut,
// and what it hands on is clean. The first input byte chooses the kind of head and the limits.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/head_parser.hpp"

namespace {

using namespace holdfast::http;

void require(bool holds) {
  if (!holds) std::abort();
}

HeadResult parse(std::uint8_t kind, std::string_view bytes, Head& head) {
  HeadLimits limits;
  limits.accept_http_10 = (kind & 1U) != 0;
  if ((kind & 2U) != 0) limits.max_fields = 3;
  if ((kind & 4U) != 0) limits.max_bytes = 64;
  head.clear();
  if ((kind & 8U) == 0) return parse_request_head(bytes, limits, head);
  return parse_response_head(bytes, limits, (kind & 16U) != 0 ? "HEAD" : "GET", head);
}

void check_clean(const Head& head) {
  for (const Field& field : head.fields()) {
    if (field.removed) continue;
    require(!head.name(field).empty());
    for (const char c : head.name(field)) {
      require(c > ' ' && c < 0x7f && c != ':' && !(c >= 'A' && c <= 'Z'));
    }
    for (const char c : head.value(field)) require(c != '\r' && c != '\n' && c != '\0');
  }
  for (const char c : head.target()) require(static_cast<unsigned char>(c) > ' ');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  Head head;
  const HeadResult whole = parse(data[0], bytes, head);
  if (whole.state != HeadResult::State::complete) return 0;
  require(whole.consumed <= bytes.size());
  check_clean(head);
  Head other;
  // A whole head is whole at its last byte and not before, and what follows it changes nothing.
  const HeadResult exact = parse(data[0], bytes.substr(0, whole.consumed), other);
  require(exact.state == HeadResult::State::complete && exact.consumed == whole.consumed);
  require(exact.framing == whole.framing && exact.content_length == whole.content_length);
  require(exact.keep_alive == whole.keep_alive && other.field_count() == head.field_count());
  for (std::size_t length = 0; length < whole.consumed; length += 1 + length / 8) {
    require(parse(data[0], bytes.substr(0, length), other).state == HeadResult::State::need_more);
  }
  return 0;
}
