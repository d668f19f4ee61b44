#include "http/head_parser.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <charconv>
#include <limits>

#include "base/text.hpp"
#include "http/head_scan.hpp"

namespace holdfast::http {

namespace {

namespace beast_http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;
using State = HeadResult::State;

constexpr std::size_t kMaxNameLength = std::numeric_limits<std::uint16_t>::max();
// Each option costs whoever forwards the response a pass over its fields. Requests are answered for
// it where they are forwarded, as Envoy does.
constexpr unsigned kTooManyOptions = 10;
// Offsets into a Head are 32 bits wide; one head with all its edits stays far below that.
constexpr std::size_t kMaxHeadBytes = 64U * 1024 * 1024;

/// What the fields that rule framing and persistence said, gathered while they pass by.
struct Facts {
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

/// Beast's parser over the Head's own copy of the bytes: names are lower-cased there and offsets
/// recorded.
template <bool is_request>
class OffsetParser final : public beast_http::basic_parser<is_request> {
 public:
  OffsetParser(Head& head, char* base, const HeadLimits& limits)
      : head_(head), base_(base), limits_(limits) {
    this->header_limit(std::numeric_limits<std::uint32_t>::max());  // ours is checked before
    this->body_limit(boost::none);
  }

  [[nodiscard]] const Facts& facts() const { return facts_; }
  [[nodiscard]] HeadError error() const { return error_; }

 private:
  void on_request_impl(beast_http::verb /*verb*/, string_view method, string_view target,
                       int version, error_code& ec) override {
    head_.version = version == 10 ? Version::http_1_0 : Version::http_1_1;
    if (!is_known_method({method.data(), method.size()})) return refuse(HeadError::bad_request, ec);
    if (version == 10 && !limits_.accept_http_10) return refuse(HeadError::upgrade_required, ec);
    head_.set_method_range(offset(method), static_cast<std::uint32_t>(method.size()));
    head_.set_target_range(offset(target), static_cast<std::uint32_t>(target.size()));
  }

  void on_response_impl(int code, string_view /*reason*/, int version, error_code& ec) override {
    head_.version = version == 10 ? Version::http_1_0 : Version::http_1_1;
    head_.status = static_cast<std::uint16_t>(code);
    if (code < 100) refuse(HeadError::bad_request, ec);
  }

  void on_field_impl(beast_http::field /*known*/, string_view name, string_view value,
                     error_code& ec) override {
    if (name.size() > kMaxNameLength) return refuse(HeadError::too_large, ec);
    if (head_.fields().size() >= limits_.max_fields) return refuse(HeadError::too_many_fields, ec);
    char* const text = base_ + offset(name);
    for (std::size_t i = 0; i < name.size(); ++i) {
      const char c = text[i];
      if (c >= 'A' && c <= 'Z') text[i] = static_cast<char>(c | 0x20);
    }
    head_.index(offset(name), static_cast<std::uint16_t>(name.size()), offset(value),
                static_cast<std::uint32_t>(value.size()));
    note(head_.fields().back().id, {value.data(), value.size()});
  }

  void note(HeaderId id, std::string_view value) {
    switch (id) {
      case HeaderId::host:
        ++facts_.hosts;
        facts_.host_ok = facts_.host_ok && is_valid_host(value);
        break;
      case HeaderId::content_length:
        ++facts_.lengths;
        facts_.length_ok = facts_.length_ok && parse_length(value, facts_.content_length);
        break;
      case HeaderId::transfer_encoding:
        ++facts_.codings;
        facts_.chunked = base::equals_ignoring_case(value, "chunked");
        break;
      case HeaderId::connection:
        base::for_each_member(value, [this](std::string_view option) {
          ++facts_.options;
          facts_.close = facts_.close || base::equals_ignoring_case(option, "close");
          facts_.keep_alive = facts_.keep_alive || base::equals_ignoring_case(option, "keep-alive");
          facts_.upgrade_option =
              facts_.upgrade_option || base::equals_ignoring_case(option, "upgrade");
        });
        break;
      case HeaderId::proxy_connection:  // not a standard field, but Envoy closes on it
        facts_.close = facts_.close || has_token(value, "close");
        break;
      case HeaderId::expect:
        ++facts_.expectations;
        if (base::equals_ignoring_case(value, "100-continue")) ++facts_.expected_continues;
        break;
      default:
        break;
    }
  }

  void refuse(HeadError error, error_code& ec) {
    error_ = error;
    ec = beast_http::error::bad_field;
  }

  [[nodiscard]] std::uint32_t offset(string_view s) const {
    return static_cast<std::uint32_t>(s.data() - base_);
  }

  // The body is BodyDecoder's: put() stops behind the head, so none of these is ever called.
  void on_header_impl(error_code& /*ec*/) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& /*n*/, error_code& /*ec*/) override {
  }
  std::size_t on_body_impl(string_view body, error_code& /*ec*/) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t /*n*/, string_view /*ext*/, error_code& /*ec*/) override {
  }
  std::size_t on_chunk_body_impl(std::uint64_t /*remain*/, string_view body,
                                 error_code& /*ec*/) override {
    return body.size();
  }
  void on_finish_impl(error_code& /*ec*/) override {}

  Head& head_;
  char* const base_;
  const HeadLimits& limits_;
  Facts facts_;
  HeadError error_ = HeadError::none;
};

HeadResult failed(HeadError error) {
  HeadResult result;
  result.state = State::error;
  result.error = error;
  return result;
}

HeadResult failed(HeadError error, Head& head) {
  head.clear();
  return failed(error);
}

bool is_version(std::string_view s) {
  return s.size() == 8 && s.substr(0, 5) == "HTTP/" && s[5] >= '0' && s[5] <= '9' && s[6] == '.' &&
         s[7] >= '0' && s[7] <= '9';
}

/// Beast refused the head: is it only that we don't speak that version? As Envoy: a well-formed
/// line of another version, or one without any (HTTP/0.9), is answered 426.
HeadError judge_refused_request(std::string_view head, error_code ec, unsigned lengths) {
  if (ec == beast_http::error::bad_transfer_encoding && lengths == 0) {
    return HeadError::not_implemented;  // a second coding behind "chunked"
  }
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const std::size_t method_end = line.find(' ');
  if (method_end == std::string_view::npos || !is_known_method(line.substr(0, method_end))) {
    return HeadError::bad_request;
  }
  const std::string_view rest = line.substr(method_end + 1);
  const std::size_t target_end = std::min(rest.find(' '), rest.size());
  const std::string_view target = rest.substr(0, target_end);
  const bool clean = !target.empty() && std::all_of(target.begin(), target.end(),
                                                    [](char c) { return c > 0x20 && c < 0x7f; });
  if (!clean) return HeadError::bad_request;
  if (target_end == rest.size()) return HeadError::upgrade_required;
  const std::string_view version = rest.substr(target_end + 1);
  const bool other = is_version(version) && version != "HTTP/1.0" && version != "HTTP/1.1";
  return other ? HeadError::upgrade_required : HeadError::bad_request;
}

/// RFC 9112 6.1 and 6.3, less all that could be read in two ways. The order of the answers is
/// Envoy's.
HeadError judge_framing(const Facts& facts, Version version) {
  if (facts.codings > 0 && (facts.lengths > 0 || version == Version::http_1_0)) {
    return HeadError::bad_request;
  }
  if (facts.codings > 1 || (facts.codings == 1 && !facts.chunked)) {
    return HeadError::not_implemented;
  }
  if (facts.lengths > 1 || !facts.length_ok) return HeadError::bad_request;
  return HeadError::none;
}

/// "007" is seven to us; the next hop must not take it for anything else.
void canonicalize_length(Head& head, std::uint64_t length) {
  const std::string_view value = head.get(HeaderId::content_length);
  if (value.size() < 2 || value.front() != '0') return;
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), length);
  head.set(HeaderId::content_length, {digits.data(), end.ptr});
}

/// RFC 9112 3.2: exactly one Host field, and a target of the form that belongs to the method. An
/// absolute target is split: its authority replaces the host field (3.2.2).
HeadError settle_target(Head& head, const Facts& facts) {
  if (facts.hosts > 1 || !facts.host_ok) return HeadError::bad_request;
  const Target target = split_target(head.method(), head.target());
  if (target.form == Target::Form::bad) return HeadError::bad_request;
  if (facts.hosts == 0 && head.version == Version::http_1_1) return HeadError::missing_host;
  if (target.form == Target::Form::fragment) return HeadError::bad_path;
  if (target.form == Target::Form::authority) {
    // RFC 9110 9.3.6: a CONNECT has no content; what follows its head is another protocol's, or was
    // meant to be the next request. As Envoy.
    if (facts.codings > 0) return HeadError::not_implemented;
    if (facts.content_length > 0) return HeadError::bad_request;
    head.set(HeaderId::host, target.authority);
  }
  if (target.form != Target::Form::absolute) return HeadError::none;

  const auto prefix = static_cast<std::uint32_t>(head.target().size() - target.path.size());
  head.set(HeaderId::host, target.authority);
  head.strip_target(prefix);
  return HeadError::none;
}

HeadResult take_request(std::string_view bytes, const HeadLimits& limits, Head& head) {
  char* const base = head.assign(bytes);
  OffsetParser<true> parser(head, base, limits);
  error_code ec;
  const std::size_t used = parser.put({base, bytes.size()}, ec);
  const Facts& facts = parser.facts();
  if (ec || !parser.is_header_done() || used != bytes.size()) {
    if (parser.error() != HeadError::none) return failed(parser.error(), head);
    return failed(judge_refused_request(bytes, ec, facts.lengths), head);
  }
  if (const HeadError e = judge_framing(facts, head.version); e != HeadError::none) {
    return failed(e, head);
  }
  HeadResult result;
  result.is_http_10 = head.version == Version::http_1_0;
  if (const HeadError e = settle_target(head, facts); e != HeadError::none) {
    result.state = State::error;
    result.error = e;
    if (e == HeadError::bad_request) head.clear();
    return result;
  }
  result.state = State::complete;
  result.consumed = bytes.size();
  if (facts.codings == 1) {
    result.framing = Framing::chunked;
  } else if (facts.lengths == 1) {
    result.framing = Framing::content_length;
    result.content_length = facts.content_length;
    canonicalize_length(head, facts.content_length);
  }
  result.keep_alive = !facts.close && (!result.is_http_10 || facts.keep_alive);
  // Expectations that we don't know are the upstream's to answer (RFC 9110 10.1.1).
  const bool known = facts.expectations > 0 && facts.expectations == facts.expected_continues;
  result.expect_continue = known && !result.is_http_10;
  if (known && result.is_http_10) head.remove(HeaderId::expect);  // The same: MUST be ignored.
  result.upgrade = facts.upgrade_option && head.find(HeaderId::upgrade) != nullptr;
  return result;
}

HeadResult take_response(std::string_view bytes, const HeadLimits& limits,
                         std::string_view request_method, Head& head) {
  // No space before the missing reason: common, harmless, taken by Envoy, but not by Beast (RFC
  // 9112 4 has the space). So Beast gets to see one.
  constexpr std::size_t kCodeEnd = std::string_view("HTTP/1.1 200").size();
  const bool no_space = bytes.size() > kCodeEnd && bytes[kCodeEnd] == '\r';
  char* const base = no_space ? head.assign(bytes, kCodeEnd) : head.assign(bytes);
  const std::size_t size = bytes.size() + (no_space ? 1 : 0);
  OffsetParser<false> parser(head, base, limits);
  error_code ec;
  const std::size_t used = parser.put({base, size}, ec);
  const Facts& facts = parser.facts();
  if (ec || !parser.is_header_done() || used != size) {
    const HeadError e = parser.error();
    return failed(e == HeadError::none ? HeadError::bad_request : e, head);
  }
  if (judge_framing(facts, head.version) != HeadError::none) {
    return failed(HeadError::bad_request, head);
  }
  if (facts.options >= kTooManyOptions) return failed(HeadError::bad_request, head);
  const bool bodiless = head.status < 200 || head.status == 204;
  // RFC 9112 6.1, RFC 9110 8.6: such a response must not announce a body. Envoy: protocol error.
  if (bodiless && (facts.codings > 0 || facts.content_length > 0)) {
    return failed(HeadError::bad_request, head);
  }
  HeadResult result;
  result.state = State::complete;
  result.consumed = bytes.size();
  result.is_http_10 = head.version == Version::http_1_0;
  result.keep_alive = !facts.close && (!result.is_http_10 || facts.keep_alive);
  result.upgrade = facts.upgrade_option && head.find(HeaderId::upgrade) != nullptr;
  const bool tunnel = head.status == 101 ||
                      (request_method == "CONNECT" && head.status >= 200 && head.status < 300);
  if (facts.lengths == 1) canonicalize_length(head, facts.content_length);
  if (tunnel) {
    result.keep_alive = false;  // what follows is no HTTP message
  } else if (bodiless || head.status == 304 || request_method == "HEAD") {
    result.framing = Framing::none;
  } else if (facts.codings == 1) {
    result.framing = Framing::chunked;
  } else if (facts.lengths == 1) {
    result.framing = Framing::content_length;
    result.content_length = facts.content_length;
  } else {
    result.framing = Framing::until_close;
    result.keep_alive = false;
  }
  return result;
}

/// An incomplete head that can't become a good one any more, by its first bytes.
bool is_hopeless_request(std::string_view bytes) {
  return !bytes.empty() && !is_token_char(bytes.front());
}
bool is_hopeless_response(std::string_view bytes) {
  constexpr std::string_view kStart = "HTTP/1.";
  const std::size_t n = std::min(bytes.size(), kStart.size());
  return bytes.substr(0, n) != kStart.substr(0, n);
}

}  // namespace

HeadResult parse_request_head(std::string_view bytes, const HeadLimits& limits, Head& head,
                              std::size_t searched) {
  std::size_t skipped = 0;
  if (!bytes.empty() && bytes.front() == '\r') {  // RFC 9112 2.2: one empty line before the request
    if (bytes.size() < 2) return {};
    if (bytes[1] != '\n') return failed(HeadError::bad_request, head);
    skipped = 2;
    bytes.remove_prefix(skipped);
    searched -= std::min(searched, skipped);
  }
  const std::size_t max = std::min<std::size_t>(limits.max_bytes, kMaxHeadBytes);
  const HeadScan scan = scan_head(bytes, searched);
  const bool hopeless = is_hopeless_request(bytes);
  if (hopeless || scan.state == HeadScan::State::broken)
    return failed(HeadError::bad_request, head);
  if (scan.state == HeadScan::State::incomplete) {
    return bytes.size() > max ? failed(HeadError::too_large, head) : HeadResult{};
  }
  if (scan.end > max) return failed(HeadError::too_large, head);
  HeadResult result = take_request(bytes.substr(0, scan.end), limits, head);
  if (result.state == State::complete) result.consumed += skipped;
  return result;
}

HeadResult parse_response_head(std::string_view bytes, const HeadLimits& limits,
                               std::string_view request_method, Head& head, std::size_t searched) {
  const std::size_t max = std::min<std::size_t>(limits.max_bytes, kMaxHeadBytes);
  const HeadScan scan = scan_head(bytes, searched);
  if (is_hopeless_response(bytes) || scan.state == HeadScan::State::broken) {
    return failed(HeadError::bad_request, head);
  }
  if (scan.state == HeadScan::State::incomplete) {
    return bytes.size() > max ? failed(HeadError::too_large, head) : HeadResult{};
  }
  if (scan.end > max) return failed(HeadError::too_large, head);
  return take_response(bytes.substr(0, scan.end), limits, request_method, head);
}

}  // namespace holdfast::http
