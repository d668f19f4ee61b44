#include "http/head_parser.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "http/head_reader.hpp"
#include "http/head_scan.hpp"
#include "http/joined_fields.hpp"

namespace holdfast::http {

namespace {

using State = HeadResult::State;

// Each option costs whoever forwards the response a pass over its fields. Requests are answered for
// it where they are forwarded, as Envoy does.
constexpr unsigned kTooManyOptions = 10;
// Offsets into a Head are 32 bits wide; one head with all its edits stays far below that.
constexpr std::size_t kMaxHeadBytes = 64U * 1024 * 1024;

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

/// The reader refused the head: is it only that we don't speak that version? As Envoy: a
/// well-formed line of another version, or one without any (HTTP/0.9), is answered 426.
HeadError judge_refused_request(std::string_view head) {
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const std::size_t method_end = line.find(' ');
  if (method_end == std::string_view::npos ||
      method_of(line.substr(0, method_end)) == Method::unknown) {
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
HeadError judge_framing(const HeadFacts& facts, Version version) {
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
HeadError settle_target(Head& head, const HeadFacts& facts) {
  if (facts.hosts > 1 || !facts.host_ok) return HeadError::bad_request;
  const Target target = split_target(head.method_id(), head.target());
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

HeadResult take_request(const HeadReader& reader, Head& head) {
  const HeadFacts& facts = reader.facts();
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
  result.consumed = reader.size();
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
  if (head.may_repeat()) join_fields(head);
  return result;
}

HeadResult take_response(const HeadReader& reader, std::string_view request_method, Head& head) {
  const HeadFacts& facts = reader.facts();
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
  result.consumed = reader.size();
  result.is_http_10 = head.version == Version::http_1_0;
  result.keep_alive = !facts.close && (!result.is_http_10 || facts.keep_alive);
  result.upgrade = facts.upgrade_option && head.find(HeaderId::upgrade) != nullptr;
  const bool tunnel = head.status == 101 ||
                      (request_method == "CONNECT" && head.status >= 200 && head.status < 300);
  if (facts.lengths == 1) canonicalize_length(head, facts.content_length);
  if (head.may_repeat()) join_fields(head);
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

/// A head that could not be read: need_more or an error, or, while neither is clear, complete (then
/// `consumed` says where it ends).
HeadResult judge_unread(std::string_view bytes, std::size_t max, std::size_t searched,
                        bool hopeless, Head& head) {
  const HeadScan scan = scan_head(bytes, searched);
  if (hopeless || scan.state == HeadScan::State::broken) {
    return failed(HeadError::bad_request, head);
  }
  HeadResult result;
  if (scan.state == HeadScan::State::incomplete) {
    if (bytes.size() > max) return failed(HeadError::too_large, head);
    head.clear();
    return result;
  }
  if (scan.end > max) return failed(HeadError::too_large, head);
  result.state = State::complete;
  result.consumed = scan.end;
  return result;
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
  // Mostly a head comes whole. One that does not is read once its end has been found.
  HeadReader first(bytes.substr(0, max), limits, head);
  if (searched == 0 && first.read_request()) {
    HeadResult result = take_request(first, head);
    if (result.state == State::complete) result.consumed += skipped;
    return result;
  }
  HeadResult result = judge_unread(bytes, max, searched, is_hopeless_request(bytes), head);
  if (result.state != State::complete) return result;
  HeadReader whole(bytes.substr(0, result.consumed), limits, head);
  if (!whole.read_request()) {
    if (whole.error() != HeadError::none) return failed(whole.error(), head);
    return failed(judge_refused_request(bytes.substr(0, result.consumed)), head);
  }
  result = take_request(whole, head);
  if (result.state == State::complete) result.consumed += skipped;
  return result;
}

HeadResult parse_response_head(std::string_view bytes, const HeadLimits& limits,
                               std::string_view request_method, Head& head, std::size_t searched) {
  const std::size_t max = std::min<std::size_t>(limits.max_bytes, kMaxHeadBytes);
  HeadReader first(bytes.substr(0, max), limits, head);
  if (searched == 0 && first.read_response()) return take_response(first, request_method, head);
  const HeadResult result = judge_unread(bytes, max, searched, is_hopeless_response(bytes), head);
  if (result.state != State::complete) return result;
  HeadReader whole(bytes.substr(0, result.consumed), limits, head);
  if (whole.read_response()) return take_response(whole, request_method, head);
  const HeadError error = whole.error();
  return failed(error == HeadError::none ? HeadError::bad_request : error, head);
}

}  // namespace holdfast::http
