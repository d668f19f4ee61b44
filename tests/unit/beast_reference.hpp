// What Beast's parser makes of a head, as one text: the reference for our own reader.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <limits>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "http/head_parser.hpp"
#include "http/head_reader.hpp"

namespace holdfast::http {

template <bool is_request>
class BeastReference final : public boost::beast::http::basic_parser<is_request> {
  using string_view = boost::beast::string_view;
  using error_code = boost::beast::error_code;

 public:
  BeastReference() {
    this->header_limit(std::numeric_limits<std::uint32_t>::max());
    this->body_limit(boost::none);
  }
  /// "refused", or the start line and the fields.
  std::string read(std::string_view head) {
    error_code ec;
    const std::size_t used = this->put({head.data(), head.size()}, ec);
    return ec || !this->is_header_done() || used != head.size() ? "refused" : text_;
  }

 private:
  void add(string_view s, char behind) {
    text_.append(s.data(), s.size());
    text_ += behind;
  }
  void on_request_impl(boost::beast::http::verb /*verb*/, string_view method, string_view target,
                       int version, error_code& /*ec*/) override {
    add(method, ' ');
    add(target, ' ');
    text_ += std::to_string(version);
  }
  void on_response_impl(int code, string_view /*reason*/, int version,
                        error_code& /*ec*/) override {
    text_ = std::to_string(code) + ' ' + std::to_string(version);
  }
  void on_field_impl(boost::beast::http::field /*known*/, string_view name, string_view value,
                     error_code& /*ec*/) override {
    text_ += '[';
    for (const char c : name) text_ += base::to_lower(c);
    text_ += '=';
    add(value, ']');
  }
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

  std::string text_;
};

/// The same text of what our reader found.
template <bool is_request>
std::string read_with_ours(std::string_view bytes) {
  const HeadLimits limits{.max_bytes = 1U << 20U, .max_fields = 10'000, .accept_http_10 = true};
  Head head;
  HeadReader reader(bytes, limits, head);
  if (!(is_request ? reader.read_request() : reader.read_response())) return "refused";
  std::string text = is_request ? std::string(head.method()) + ' ' + std::string(head.target())
                                : std::to_string(head.status);
  text += head.version == Version::http_1_0 ? " 10" : " 11";
  for (const Field& f : head.fields()) {
    text += '[' + std::string(head.name(f)) + '=' + std::string(head.value(f)) + ']';
  }
  return text;
}

/// Whether we take a head that stands at the start of `bytes`, and Beast sees another one there (or
/// none); says what both see then, else nothing.
template <bool is_request>
std::string difference_from_beast(std::string_view bytes, const HeadLimits& limits) {
  Head head;
  const HeadResult result = is_request ? parse_request_head(bytes, limits, head)
                                       : parse_response_head(bytes, limits, "GET", head);
  if (result.state != HeadResult::State::complete) return {};
  bytes = bytes.substr(0, result.consumed);
  if (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  std::string for_beast(bytes);
  constexpr std::size_t kCodeEnd = std::string_view("HTTP/1.1 200").size();
  // No space before a missing reason: Beast wants one.
  if (!is_request && for_beast[kCodeEnd] == '\r') for_beast.insert(kCodeEnd, 1, ' ');
  const std::string theirs = BeastReference<is_request>().read(for_beast);
  const std::string ours = read_with_ours<is_request>(bytes);
  return ours == theirs ? std::string() : "ours: " + ours + "\nBeast: " + theirs;
}

}  // namespace holdfast::http
