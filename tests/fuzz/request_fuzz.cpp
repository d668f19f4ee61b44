// A client's whole connection: pipelined heads and bodies mean the same however they are cut, what
// is accepted is clean, and where a message ends does not depend on what follows it.
// Options: 1 = HTTP/1.0 is accepted, 2 = three fields at most, 4 = heads of 64 bytes at most,
// 8 = the bytes are a chunked body (its head is put before them), 16 = a Host may have a mark.
#include <string>

#include "beast_reference.hpp"
#include "connection.hpp"

using namespace holdfast::fuzz;
namespace http = holdfast::http;

namespace {

/// A whole head is whole at its last byte and not before, and stands by itself.
void check_end(std::string_view bytes, const http::HeadLimits& limits) {
  http::Head head;
  const http::HeadResult whole = http::parse_request_head(bytes, limits, head);
  if (whole.state != http::HeadResult::State::complete) return;
  const std::size_t fields = head.field_count();
  http::Head other;
  const auto exact = http::parse_request_head(bytes.substr(0, whole.consumed), limits, other);
  require(exact.state == http::HeadResult::State::complete);
  require(exact.consumed == whole.consumed && exact.framing == whole.framing);
  require(exact.content_length == whole.content_length && other.field_count() == fields);
  for (std::size_t length = 0; length < whole.consumed; length += 1 + length / 8) {
    const auto part = http::parse_request_head(bytes.substr(0, length), limits, other);
    require(part.state == http::HeadResult::State::need_more);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Input input(data, size);
  http::HeadLimits limits;
  limits.accept_http_10 = input.has(1);
  limits.accept_marked_host = input.has(16);
  if (input.has(2)) limits.max_fields = 3;
  if (input.has(4)) limits.max_bytes = 64;
  std::string bytes;
  if (input.has(8)) bytes = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
  bytes += input.bytes;

  const Conversation whole = read_requests(bytes, limits, Cutter::whole());
  require_same(whole, read_requests(bytes, limits, Cutter(input.cut)));
  if (bytes.size() <= kLongestByByte) {
    require_same(whole, read_requests(bytes, limits, Cutter::bytes()));
  }
  for (const Message& message : whole.messages) {
    require_clean(message.head);
    require(message.result.framing != http::Framing::until_close);
    require(message.head.version == http::Version::http_1_1 || limits.accept_http_10);
    require(message.head.field_count() <= limits.max_fields + 1);  // An absolute target's host.
  }
  // What was read as whole messages is just that without the rest.
  const Conversation again =
      read_requests(std::string_view(bytes).substr(0, whole.consumed), limits, Cutter::whole());
  std::size_t complete = 0;
  for (const Message& message : whole.messages) complete += message.whole ? 1 : 0;
  require(again.consumed == whole.consumed && again.messages.size() == complete);
  check_end(bytes, limits);
  require(http::difference_from_beast<true>(bytes, limits).empty());
  return 0;
}
