#include "connection.hpp"

#include <algorithm>
#include <span>

namespace holdfast::fuzz {
namespace {

using http::HeadResult;
using End = Conversation::End;

/// They are clean, and sent on they are the same again.
void check_trailers(const http::Trailers& trailers) {
  for (const auto& [name, value] : trailers.fields()) {
    require(!name.empty() && !http::is_never_trailer(name));
    require(name.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ: \t\r\n") == std::string::npos);
    require(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    require(value.empty() || (value.front() != ' ' && value.back() != ' '));
  }
  http::Trailers again;
  http::BodyDecoder decoder;
  decoder.start(http::Framing::chunked, 0, &again);
  std::string text = trailers.last_chunk();
  const http::BodyDecoder::Step step = decoder.decode({text.data(), text.size()});
  require(decoder.done() && step.consumed == text.size() && again.fields() == trailers.fields());
}

/// One side of a connection. `Parse` is (bytes, searched, head) -> HeadResult.
template <class Parse>
class Reader {
 public:
  explicit Reader(const Parse& parse) : parse_(parse) {}

  /// False: nothing more can come.
  bool feed(std::string_view piece) {
    pending_.append(piece);
    while (!pending_.empty() && talk_.end == End::waiting) {
      const std::size_t used = in_body_ ? take_body() : take_head();
      if (used == 0) break;
      used_ += used;
      pending_.erase(0, used);
    }
    return talk_.end == End::waiting;
  }

  void finish() {
    if (in_body_ && body_.finish_at_eof()) end_message();
  }

  Conversation&& talk() && { return std::move(talk_); }

 private:
  std::size_t take_head() {
    // An own copy of exactly these bytes: who reads beyond them is caught.
    const std::vector<char> bytes(pending_.begin(), pending_.end());
    Message message;
    message.result = parse_(std::string_view(bytes.data(), bytes.size()), searched_, message.head);
    const HeadResult& result = message.result;
    if (result.state == HeadResult::State::need_more) {
      searched_ = bytes.size();
      return 0;
    }
    searched_ = 0;
    if (result.state == HeadResult::State::error) {
      require(result.error != http::HeadError::none);
      talk_.end = End::refused;
      return 0;
    }
    require(result.consumed != 0 && result.consumed <= bytes.size());
    const std::size_t used = result.consumed;
    talk_.messages.push_back(std::move(message));
    Message& last = talk_.messages.back();
    body_.start(last.result.framing, last.result.content_length, &last.trailers);
    in_body_ = !body_.done();
    if (!in_body_) end_message(used);
    return used;
  }

  std::size_t take_body() {
    std::vector<char> bytes(pending_.begin(), pending_.end());
    const http::BodyDecoder::Step step = body_.decode(bytes);
    require(step.consumed <= bytes.size() && step.length <= step.consumed);
    if (step.error) {
      talk_.end = End::refused;
      return 0;
    }
    require(step.consumed != 0);  // Else it would never end.
    if (step.length != 0) talk_.messages.back().pieces.emplace_back(bytes.data(), step.length);
    if (body_.done()) end_message(step.consumed);
    return step.consumed;
  }

  void end_message(std::size_t last = 0) {
    Message& message = talk_.messages.back();
    message.whole = true;
    check_trailers(message.trailers);
    in_body_ = false;
    talk_.consumed = used_ + last;
    const bool interim = message.head.status >= 100 && message.head.status < 200;
    if (!message.result.keep_alive && !interim) talk_.end = End::closing;
  }

  const Parse& parse_;
  std::string pending_;
  std::size_t searched_ = 0;
  std::size_t used_ = 0;
  bool in_body_ = false;
  http::BodyDecoder body_;
  Conversation talk_;
};

template <class Parse>
Conversation read(std::string_view bytes, bool eof, Cutter cutter, const Parse& parse) {
  Reader<Parse> reader(parse);
  bool more = true;
  while (more && !bytes.empty()) {
    const std::size_t length = std::min(cutter.next(), bytes.size());
    more = reader.feed(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  if (more && eof) reader.finish();
  return std::move(reader).talk();
}

std::string fields_of(const http::Head& head) {
  std::string text;
  for (const http::Field& field : head.fields()) {
    if (field.removed) continue;
    text.append(head.name(field)).append(": ").append(head.value(field)).append("\n");
  }
  return text;
}

}  // namespace

std::string Message::body() const {
  std::string all;
  for (const std::string& piece : pieces) all += piece;
  return all;
}

Conversation read_requests(std::string_view bytes, const http::HeadLimits& limits, Cutter cutter) {
  return read(bytes, false, cutter,
              [&](std::string_view pending, std::size_t searched, http::Head& head) {
                return http::parse_request_head(pending, limits, head, searched);
              });
}

Conversation read_responses(std::string_view bytes, const http::HeadLimits& limits,
                            const ResponseSide& side, Cutter cutter) {
  return read(bytes, side.eof, cutter,
              [&](std::string_view pending, std::size_t searched, http::Head& head) {
                return http::parse_response_head(pending, limits, side.method, head, searched);
              });
}

void require_same(const Conversation& a, const Conversation& b) {
  require(a.end == b.end && a.messages.size() == b.messages.size());
  require(a.consumed == b.consumed);
  for (std::size_t i = 0; i < a.messages.size(); ++i) {
    const Message& x = a.messages[i];
    const Message& y = b.messages[i];
    require(x.whole == y.whole);
    require(x.head.method() == y.head.method() && x.head.target() == y.head.target());
    require(x.head.status == y.head.status && x.head.version == y.head.version);
    require(x.result.framing == y.result.framing);
    require(x.result.content_length == y.result.content_length);
    require(x.result.keep_alive == y.result.keep_alive && x.result.upgrade == y.result.upgrade);
    require(fields_of(x.head) == fields_of(y.head));
    // A broken body may be noticed before or behind its last good bytes, by how they come.
    if (a.end != Conversation::End::refused) require(x.body() == y.body());
    if (x.whole) require(x.trailers.fields() == y.trailers.fields());
  }
}

void require_clean(const http::Head& head) {
  std::size_t live = 0;
  for (const http::Field& field : head.fields()) {
    if (field.removed) continue;
    ++live;
    const std::string_view name = head.name(field);
    const std::string_view value = head.value(field);
    require(!name.empty() && field.id == http::header_id(name));
    for (const char c : name) require(c > ' ' && c < 0x7f && c != ':' && !(c >= 'A' && c <= 'Z'));
    for (const char c : value) {
      require(c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
    }
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    require(value.empty() || (!blank(value.front()) && !blank(value.back())));
  }
  require(live == head.field_count());
  for (const char c : head.target()) require(c > ' ' && c < 0x7f);
}

}  // namespace holdfast::fuzz
