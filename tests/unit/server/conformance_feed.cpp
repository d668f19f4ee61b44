#include "conformance_feed.hpp"

#include <array>
#include <optional>

#include "head_text.hpp"
#include "http/body_decoder.hpp"
#include "server/request_headers.hpp"
#include "server/response_headers.hpp"

namespace holdfast::server::test {
namespace {

using http::HeaderId;
using State = http::HeadResult::State;

/// As lib/upstream/client_connection.cpp.
constexpr http::HeadLimits kResponseLimits{
    .max_bytes = 96 * 1024, .max_fields = 100, .accept_http_10 = true};
constexpr int kMaxInformational = 32;

const char* status_of(http::HeadError error) {
  switch (error) {
    case http::HeadError::upgrade_required:
      return "426";
    case http::HeadError::not_implemented:
      return "501";
    case http::HeadError::too_large:
    case http::HeadError::too_many_fields:
      return "431";
    default:
      return "400";
  }
}

void append_body(std::string& out, std::string_view body, bool chunked) {
  if (!chunked) {
    out += body;
    return;
  }
  std::array<char, 20> size{};
  if (!body.empty()) {
    out.append(size.data(), http::chunk_header(body.size(), size.data()));
    out.append(body).append("\r\n");
  }
  out += "0\r\n\r\n";
}

/// Bytes that arrived and are not used yet, and the message that is being read from them.
struct Input {
  std::string bytes;
  std::size_t searched = 0;
  http::Head head;
  http::HeadResult result;
  http::BodyDecoder decoder;
  std::string body;
  bool in_body = false;

  void begin_body() {
    bytes.erase(0, result.consumed);
    searched = 0;
    decoder.start(result.framing, result.content_length);
    body.clear();
    in_body = true;
  }

  /// False: broken.
  bool decode() {
    const http::BodyDecoder::Step step = decoder.decode({bytes.data(), bytes.size()});
    body.append(bytes, 0, step.length);
    bytes.erase(0, step.consumed);
    return !step.error;
  }
};

class RequestFeed {
 public:
  explicit RequestFeed(const ConformanceCase& test) { limits_.accept_http_10 = test.http_10; }

  void take(std::string_view piece) {
    in_.bytes += piece;
    while (!closed_ && (in_.in_body ? body() : head())) {
    }
  }

  Outcome finish() {
    if (!closed_ && (in_.in_body || !in_.bytes.empty())) outcome_.verdicts.emplace_back("wait");
    return std::move(outcome_);
  }

 private:
  void refuse(const char* status) {
    outcome_.verdicts.emplace_back(status);
    closed_ = true;
  }

  /// Returns whether there is more to do at once.
  bool head() {
    if (in_.bytes.empty()) return false;
    in_.result = http::parse_request_head(in_.bytes, limits_, in_.head, in_.searched);
    if (in_.result.state == State::need_more) {
      in_.searched = in_.bytes.size();
      return false;
    }
    if (in_.result.state == State::error) {
      refuse(status_of(in_.result.error));
    } else if (const char* const status = refusal()) {
      refuse(status);
    } else {
      in_.begin_body();
    }
    return !closed_;
  }

  /// What Exchange refuses of a head that parses, and what no route takes.
  const char* refusal() {
    if (in_.head.find(HeaderId::host) == nullptr) return "400";
    switch (strip_hop_by_hop(in_.head)) {
      case HopByHop::upgrade:
        return "403";
      case HopByHop::host_nominated:
      case HopByHop::proxy_nominated:
      case HopByHop::too_many_options:
        return "400";
      case HopByHop::removed:
        break;
    }
    if (in_.result.expect_continue) in_.head.remove(HeaderId::expect);
    const bool routed = in_.head.target().front() == '/';
    return routed ? nullptr : "404";
  }

  bool body() {
    if (!in_.decode()) {
      refuse("400");
      return false;
    }
    if (!in_.decoder.done()) return false;
    in_.in_body = false;
    outcome_.verdicts.emplace_back("forward");
    outcome_.sees.push_back({std::string(in_.head.method()), std::string(in_.head.target()),
                             std::string(in_.head.get(HeaderId::host)), in_.body});
    const bool chunked = in_.result.framing == http::Framing::chunked;
    outcome_.passed_on += http::request_text(in_.head, chunked);
    append_body(outcome_.passed_on, in_.body, chunked);
    closed_ = !in_.result.keep_alive;
    return !closed_;
  }

  http::HeadLimits limits_;
  Input in_;
  bool closed_ = false;
  Outcome outcome_;
};

class ResponseFeed {
 public:
  explicit ResponseFeed(const ConformanceCase& test) : test_(test) {}

  void take(std::string_view piece) {
    in_.bytes += piece;
    while (!broken_ && !in_.in_body && head()) {
    }
    if (broken_ || !in_.in_body) return;
    if (!in_.decode() || (in_.decoder.done() && !in_.bytes.empty())) broken_ = true;
  }

  Outcome finish() {
    const bool whole = !broken_ && in_.in_body &&
                       (in_.decoder.done() || (test_.end_close && in_.decoder.finish_at_eof()));
    Outcome outcome;
    outcome.verdicts.emplace_back(whole ? "pass" : "broken");
    if (!whole) return outcome;
    outcome.sees.push_back({std::to_string(in_.head.status), in_.body});
    strip_response(in_.head);
    const bool chunked = in_.result.framing == http::Framing::chunked ||
                         in_.result.framing == http::Framing::until_close;
    outcome.passed_on += http::response_text(in_.head, http::Version::http_1_1, chunked);
    append_body(outcome.passed_on, in_.body, chunked);
    return outcome;
  }

 private:
  /// Returns whether there is more to do at once.
  bool head() {
    if (in_.bytes.empty()) return false;
    in_.result =
        http::parse_response_head(in_.bytes, kResponseLimits, test_.asked, in_.head, in_.searched);
    if (in_.result.state == State::need_more) {
      in_.searched = in_.bytes.size();
      return false;
    }
    broken_ = in_.result.state == State::error || in_.head.status == 101 ||
              (in_.head.status < 200 && ++informational_ > kMaxInformational);
    if (broken_) return false;
    if (in_.head.status >= 200) {
      in_.begin_body();
      return false;
    }
    in_.bytes.erase(0, in_.result.consumed);
    in_.searched = 0;
    return true;
  }

  const ConformanceCase& test_;
  Input in_;
  int informational_ = 0;
  bool broken_ = false;
};

}  // namespace

Outcome feed_requests(const ConformanceCase& test, const std::vector<std::string_view>& pieces) {
  RequestFeed feed(test);
  for (const std::string_view piece : pieces) feed.take(piece);
  return feed.finish();
}

Outcome feed_response(const ConformanceCase& test, const std::vector<std::string_view>& pieces) {
  ResponseFeed feed(test);
  for (const std::string_view piece : pieces) feed.take(piece);
  return feed.finish();
}

}  // namespace holdfast::server::test
