// An upstream's whole connection: answers (informational ones, too) mean the same however they are
// cut, and what is accepted is clean.
// Options: 3 = the method of each request (GET, HEAD, CONNECT, POST), 4 = the upstream closes
// behind the bytes, 8 = the bytes are a chunked body (its head is put before them), 64 = three
// fields and 64 bytes of head at most.
#include <array>
#include <string>

#include "beast_reference.hpp"
#include "connection.hpp"

using namespace holdfast::fuzz;
namespace http = holdfast::http;

namespace {

void check_framing(const Message& message, std::string_view method) {
  const std::uint16_t status = message.head.status;
  const http::Framing framing = message.result.framing;
  require(status >= 100 && status <= 999);
  const bool bodiless = status < 200 || status == 204 || status == 304 || method == "HEAD";
  if (bodiless) require(framing == http::Framing::none && message.pieces.empty());
  if (status < 200 || status == 204) {  // RFC 9112 6.1, RFC 9110 8.6
    require(message.head.find(http::HeaderId::transfer_encoding) == nullptr);
  }
  if (framing == http::Framing::until_close) require(!message.result.keep_alive);
  if (framing == http::Framing::content_length && message.whole) {
    require(message.body().size() == message.result.content_length);
  }
  const bool lengths = message.head.find(http::HeaderId::content_length) != nullptr;
  require(!lengths || message.head.find(http::HeaderId::transfer_encoding) == nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::array<std::string_view, 4> kMethods = {"GET", "HEAD", "CONNECT", "POST"};
  const Input input(data, size);
  const ResponseSide side{kMethods[input.options & 3U], input.has(4)};
  http::HeadLimits limits;
  limits.accept_http_10 = true;
  if (input.has(64)) limits.max_fields = 3;
  if (input.has(64)) limits.max_bytes = 64;
  std::string bytes;
  if (input.has(8)) bytes = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
  bytes += input.bytes;

  const Conversation whole = read_responses(bytes, limits, side, Cutter::whole());
  require_same(whole, read_responses(bytes, limits, side, Cutter(input.cut)));
  if (bytes.size() <= kLongestByByte) {
    require_same(whole, read_responses(bytes, limits, side, Cutter::bytes()));
  }
  for (const Message& message : whole.messages) {
    require_clean(message.head);
    require(message.head.field_count() <= limits.max_fields);
    check_framing(message, side.method);
  }
  require(http::difference_from_beast<false>(bytes, limits).empty());
  return 0;
}
