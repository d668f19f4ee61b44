#include "http/body_decoder.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <string_view>

#include "base/text.hpp"
#include "http/head_scan.hpp"

namespace holdfast::http {

namespace {

// A size with more digits could not be kept in 64 bits; leading zeros count, so that they end, too.
constexpr std::uint8_t kMaxSizeDigits = 16;
// Trailers of a message; extensions that its chunk data has not paid for (see count_overhead()).
constexpr std::uint32_t kMaxOverhead = 16 * 1024;

/// Fields that a sender must not put into trailers, by what they decide before the content is read
/// (RFC 9110 6.5.1). We would drop them; but a hop that merges trailers (RFC 9110 6.5 forbids it)
/// would frame, route or admit the message by them, so they are there for no good reason.
constexpr std::array<std::string_view, 22> kNeverTrailers = {
    // message framing (RFC 9112 6)
    "content-length", "trailer", "transfer-encoding",
    // routing
    "forwarded", "host", "max-forwards",
    // this connection alone (RFC 9110 7.6.1)
    "connection", "http2-settings", "keep-alive", "proxy-connection", "te", "upgrade",
    // how to treat the request or to store the response
    "cache-control", "expect",
    // authentication (RFC 9110 11, RFC 6265)
    "authorization", "cookie", "proxy-authenticate", "proxy-authorization", "set-cookie",
    // the content's format
    "content-encoding", "content-range", "content-type"};
/// What proxies tell each other about the client: as good as routing.
constexpr std::string_view kForwardedPrefix = "x-forwarded-";

constexpr std::size_t longest_never_trailer() {
  std::size_t longest = 0;
  for (const std::string_view name : kNeverTrailers) longest = std::max(longest, name.size());
  return longest;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/// field-content and quoted text: HTAB, SP, VCHAR, obs-text (RFC 9110 5.5, 5.6.4).
bool is_text(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u == '\t' || (u >= 0x20 && u != 0x7f);
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = static_cast<char>(c | 0x20);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

}  // namespace

bool is_never_trailer(std::string_view name) noexcept {
  return name.starts_with(kForwardedPrefix) ||
         std::find(kNeverTrailers.begin(), kNeverTrailers.end(), name) != kNeverTrailers.end();
}

void BodyDecoder::start(Framing framing, std::uint64_t content_length,
                        Trailers* trailers) noexcept {
  framing_ = framing;
  trailers_ = trailers;
  size_digits_ = 0;
  overhead_ = 0;
  remaining_ = 0;
  switch (framing) {
    case Framing::none:
      state_ = State::done;
      break;
    case Framing::content_length:
      remaining_ = content_length;
      state_ = content_length == 0 ? State::done : State::identity;
      break;
    case Framing::chunked:
      state_ = State::chunk_size;
      break;
    case Framing::until_close:
      state_ = State::until_close;
      break;
  }
}

BodyDecoder::Step BodyDecoder::decode(std::span<char> bytes) noexcept {
  Step step;
  switch (state_) {
    case State::done:
      return step;
    case State::broken:
      step.error = true;
      return step;
    case State::identity:
      step.consumed = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
      step.length = step.consumed;
      remaining_ -= step.consumed;
      if (remaining_ == 0) state_ = State::done;
      return step;
    case State::until_close:
      step.consumed = step.length = bytes.size();
      return step;
    default:
      return decode_chunked(bytes);
  }
}

BodyDecoder::Step BodyDecoder::decode_chunked(std::span<char> bytes) noexcept {
  Step step;
  while (step.consumed < bytes.size() && state_ != State::done) {
    if (state_ == State::chunk_data) {
      const auto n = static_cast<std::size_t>(
          std::min<std::uint64_t>(remaining_, bytes.size() - step.consumed));
      if (step.length != step.consumed) {
        std::memmove(bytes.data() + step.length, bytes.data() + step.consumed, n);
      }
      step.length += n;
      step.consumed += n;
      remaining_ -= n;
      if (remaining_ == 0) state_ = State::chunk_data_cr;
    } else if (take(bytes[step.consumed])) {
      ++step.consumed;
    } else {
      state_ = State::broken;
      step.error = true;
      return step;
    }
  }
  return step;
}

bool BodyDecoder::move_to(State next, bool allowed) noexcept {
  state_ = next;
  return allowed;
}

bool BodyDecoder::count_overhead() noexcept {
  return ++overhead_ <= kMaxOverhead;
}

bool BodyDecoder::take(char c) noexcept {
  switch (state_) {
    case State::chunk_size:
      return take_size(c);
    case State::chunk_size_lf:
      if (c != '\n') return false;
      if (remaining_ > 0) return move_to(State::chunk_data);
      overhead_ = 0;  // from here on it counts trailers
      return move_to(State::trailer_start);
    case State::chunk_data_cr:
      return move_to(State::chunk_data_lf, c == '\r');
    case State::chunk_data_lf:
      size_digits_ = 0;
      return move_to(State::chunk_size, c == '\n');
    case State::trailer_start:
    case State::trailer_name:
    case State::trailer_value:
    case State::trailer_lf:
    case State::end_lf:
      return take_trailer(c);
    default:
      return count_overhead() && take_extension(c);
  }
}

bool BodyDecoder::take_size(char c) noexcept {
  const int digit = hex_value(c);
  if (digit >= 0) {
    remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
    return ++size_digits_ <= kMaxSizeDigits;
  }
  if (size_digits_ == 0) return false;
  // Each byte of data pays for one byte of extensions: a client that signs its chunks may go on for
  // ever, one that sends next to nothing but extensions may not (as Go did after CVE-2023-39326).
  overhead_ -= static_cast<std::uint32_t>(std::min<std::uint64_t>(overhead_, remaining_));
  if (c == '\r') return move_to(State::chunk_size_lf);
  if (c == ';') return move_to(State::extension_name_start);
  return move_to(State::extension_gap, is_blank(c));
}

// chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )   (RFC 9112 7.1.1)
bool BodyDecoder::take_extension(char c) noexcept {
  switch (state_) {
    case State::extension_gap:  // BWS that only a ';' may follow
      if (is_blank(c)) return true;
      return move_to(State::extension_name_start, c == ';');
    case State::extension_name_start:
      if (is_blank(c)) return true;
      return move_to(State::extension_name, is_token_char(c));
    case State::extension_name:
      if (is_token_char(c)) return true;
      if (is_blank(c)) return move_to(State::extension_name_gap);
      if (c == '=') return move_to(State::extension_value_start);
      if (c == ';') return move_to(State::extension_name_start);
      return move_to(State::chunk_size_lf, c == '\r');
    case State::extension_name_gap:
      if (is_blank(c)) return true;
      if (c == '=') return move_to(State::extension_value_start);
      return move_to(State::extension_name_start, c == ';');
    case State::extension_value_start:
      if (is_blank(c)) return true;
      if (c == '"') return move_to(State::extension_quoted);
      return move_to(State::extension_value, is_token_char(c));
    case State::extension_value:
      if (is_token_char(c)) return true;
      [[fallthrough]];
    case State::extension_value_end:
      if (c == ';') return move_to(State::extension_name_start);
      if (is_blank(c)) return move_to(State::extension_gap);
      return move_to(State::chunk_size_lf, c == '\r');
    case State::extension_quoted:
      if (c == '"') return move_to(State::extension_value_end);
      if (c == '\\') return move_to(State::extension_escape);
      return is_text(c);
    case State::extension_escape:
      return move_to(State::extension_quoted, is_text(c));
    default:
      return false;
  }
}

bool BodyDecoder::take_trailer(char c) noexcept {
  switch (state_) {
    case State::trailer_start:
      if (c == '\r') return move_to(State::end_lf);
      name_length_ = 0;
      if (trailers_ != nullptr && !trailers_->begin_field()) return false;
      return move_to(State::trailer_name, take_trailer_name(c));
    case State::trailer_name:
      if (c == ':') {
        return move_to(State::trailer_value, !is_never_trailer({name_.data(), name_length_}));
      }
      return take_trailer_name(c);
    case State::trailer_value:
      if (c == '\r') return move_to(State::trailer_lf);
      if (trailers_ != nullptr) trailers_->add_to_value(c);
      return count_overhead() && is_text(c);
    case State::trailer_lf:
      if (trailers_ != nullptr) trailers_->end_field();
      return move_to(State::trailer_start, c == '\n');
    case State::end_lf:
      return move_to(State::done, c == '\n');
    default:
      return false;
  }
}

bool BodyDecoder::take_trailer_name(char c) noexcept {
  // One byte more than any name that matters: a longer one is none of them.
  static_assert(std::tuple_size_v<decltype(name_)> > longest_never_trailer());
  if (name_length_ < name_.size()) name_[name_length_++] = base::to_lower(c);
  if (trailers_ != nullptr) trailers_->add_to_name(base::to_lower(c));
  return count_overhead() && is_token_char(c);
}

void BodyDecoder::skip(std::uint64_t bytes) noexcept {
  assert(state_ == State::identity && bytes <= remaining_);
  remaining_ -= bytes;
  if (remaining_ == 0) state_ = State::done;
}

bool BodyDecoder::finish_at_eof() noexcept {
  if (state_ == State::until_close) state_ = State::done;
  return done();
}

}  // namespace holdfast::http
