// Parse, forward, parse again: what leaves for the next hop means to anyone what it meant to us,
// message for message, or it was refused. Messages follow each other on one connection, so that an
// end in the wrong place shows in the next one.
// Options: 1 = HTTP/1.0 is accepted (and is the client's version, for responses), 2 and 4 = ways to
// forward addresses, via and request ids, 8 = the bytes are an upstream's, 48 = the method that it
// answers (48 = GET, 32 = POST, 16 = HEAD, 0 = CONNECT), 64 = it closes behind the bytes.
#include <algorithm>
#include <array>
#include <string>

#include "base/text.hpp"
#include "connection.hpp"
#include "head_text.hpp"
#include "server/request_headers.hpp"
#include "server/response_headers.hpp"
#include "strict_reader.hpp"

namespace {

using namespace holdfast;
using namespace holdfast::fuzz;
using Outcome = StrictReader::Outcome;

config::HttpConnectionManager make_config(const Input& input) {
  config::HttpConnectionManager config;
  config.accept_http_10 = input.has(1);
  config.default_host_for_http_10 = input.has(2) ? "default.test" : "";
  config.use_remote_address = input.has(2);
  config.skip_xff_append = input.has(4);
  config.xff_num_trusted_hops = input.has(4) ? 1 : 0;
  config.preserve_external_request_id = input.has(4);
  config.via = input.has(4) ? "1.1 holdfast" : "";
  config.server_header =
      input.has(2) ? config::ServerHeader::append_if_absent : config::ServerHeader::overwrite;
  return config;
}

/// Names of fields that the message's own Connection fields give to this hop alone.
std::vector<std::string> nominated(const http::Head& head) {
  // These we write ourselves, or they have rules of their own.
  constexpr std::array<std::string_view, 10> kOurs = {
      "te",    "via",  "content-length", "transfer-encoding", "x-request-id", "host",
      "close", "date", "server",         "connection"};
  std::vector<std::string> names;
  for (const http::Field& field : head.fields()) {
    if (field.removed || field.id != http::HeaderId::connection) continue;
    base::for_each_member(head.value(field), [&](std::string_view member) {
      std::string name(member);
      std::ranges::transform(name, name.begin(), base::to_lower);
      const bool ours = name.starts_with("x-envoy-") || name.starts_with("x-forwarded-") ||
                        std::ranges::find(kOurs, name) != kOurs.end();
      if (!ours) names.push_back(std::move(name));
    });
  }
  return names;
}

void append_body(std::string& out, const Message& message, bool chunked) {
  for (const std::string& piece : message.pieces) {
    std::array<char, 20> size;
    if (chunked) out.append(size.data(), http::chunk_header(piece.size(), size.data()));
    out += piece;
    if (chunked) out += "\r\n";
  }
  // As where both sides enable trailers.
  if (message.whole && chunked) out += message.trailers.last_chunk();
}

struct Sent {
  std::string method, target, host;
  int status = 0;
  std::string body;
  bool whole = false;
  http::Trailers::Fields trailers;
  std::vector<std::string> never;  ///< Fields that must not have gone along.
};

void require_equal(const Sent& sent, const StrictMessage& seen) {
  require(seen.method == sent.method && seen.target == sent.target && seen.host == sent.host);
  require(seen.status == sent.status && seen.body == sent.body);
  require(seen.trailers == sent.trailers);
  for (const std::string& name : sent.never) require(seen.count(name) == 0);
}

// --- Requests -----------------------------------------------------------------------------------

/// What Exchange::begin() and forward() make of it; false: refused.
bool forward(Message& message, const config::HttpConnectionManager& config, std::string& out,
             Sent& sent) {
  http::Head& head = message.head;
  if (message.result.expect_continue) head.remove(http::HeaderId::expect);
  if (head.find(http::HeaderId::host) == nullptr) {
    if (config.default_host_for_http_10.empty()) return false;
    head.add(http::HeaderId::host, config.default_host_for_http_10);
  }
  sent.never = nominated(head);
  if (server::strip_hop_by_hop(head) != server::HopByHop::removed) return false;
  static server::RequestIds ids;
  server::add_forwarding_headers(head, config, {.peer = "192.0.2.7", .xff_append = "192.0.2.7"},
                                 ids);
  const bool chunked = message.result.framing == http::Framing::chunked;
  server::frame_request(head, chunked);
  out += http::request_text(head, chunked);
  append_body(out, message, chunked);
  sent.method = head.method();
  sent.target = head.target();
  sent.host = head.get(http::HeaderId::host);
  sent.body = message.body();
  sent.whole = message.whole;
  if (message.whole) sent.trailers = message.trailers.fields();
  require_clean(head);
  return true;
}

void read_again(const std::string& out, const std::vector<Sent>& sent) {
  http::HeadLimits limits;  // Room for what was added.
  limits.max_bytes *= 2;
  limits.max_fields *= 2;
  const Conversation again = read_requests(out, limits, Cutter::whole());
  require(again.end == Conversation::End::waiting && again.messages.size() == sent.size());
  StrictReader reader(out);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    StrictMessage seen;
    require(reader.request(seen) == (sent[i].whole ? Outcome::message : Outcome::incomplete));
    require_equal(sent[i], seen);
    const Message& message = again.messages[i];
    require(message.head.method() == sent[i].method && message.head.target() == sent[i].target);
    require(message.head.get(http::HeaderId::host) == sent[i].host);
    require(message.body() == sent[i].body && message.whole == sent[i].whole);
  }
  StrictMessage none;
  require((!sent.empty() && !sent.back().whole) || reader.request(none) == Outcome::end);
}

void forward_requests(const Input& input) {
  const config::HttpConnectionManager config = make_config(input);
  http::HeadLimits limits;
  limits.accept_http_10 = config.accept_http_10;
  Conversation talk = read_requests(input.bytes, limits, Cutter(input.cut));
  std::string out;
  std::vector<Sent> all;
  for (Message& message : talk.messages) {
    Sent sent;
    if (!forward(message, config, out, sent)) break;
    all.push_back(std::move(sent));
  }
  read_again(out, all);
}

// --- Responses ----------------------------------------------------------------------------------

/// What Exchange makes of an upstream's response from head to end; false: nothing can follow it.
bool answer(Message& message, const http::Head& request,
            const config::HttpConnectionManager& config, std::string& out, Sent& sent) {
  http::Head& head = message.head;
  sent.never = nominated(head);
  server::strip_response(head);
  const server::ClientFraming framing =
      server::frame_response(head, request, server::Origin::upstream, message.result.framing);
  server::finish_response_headers(head, request, config, "Mon, 23 Nov 2026 20:00:00 GMT");
  server::end_response_head(head, request, framing);
  out += http::response_text(head, request.version, framing.chunked, framing.says_empty);
  if (request.method() != "HEAD") append_body(out, message, framing.chunked);
  sent.status = head.status;
  sent.body = message.body();
  sent.whole = message.whole;
  if (message.whole && framing.chunked && request.method() != "HEAD") {
    sent.trailers = message.trailers.fields();
  }
  require_clean(head);
  return !framing.close;
}

void forward_responses(const Input& input) {
  constexpr std::array<std::string_view, 4> kMethods = {"CONNECT", "HEAD", "POST", "GET"};
  const config::HttpConnectionManager config = make_config(input);
  http::Head request;
  request.set_method(kMethods[(input.options >> 4U) & 3U]);
  request.set_target("/");
  request.version = input.has(1) ? http::Version::http_1_0 : http::Version::http_1_1;
  http::HeadLimits limits;
  limits.accept_http_10 = true;
  Conversation talk =
      read_responses(input.bytes, limits, {request.method(), input.has(64)}, Cutter(input.cut));
  std::string out;
  std::vector<Sent> all;
  for (Message& message : talk.messages) {
    if (message.head.status == 101) break;    // 502
    if (message.head.status < 200) continue;  // Stays here.
    all.emplace_back();
    if (!answer(message, request, config, out, all.back())) break;
  }
  StrictReader reader(out);
  bool closed = false;
  for (const Sent& sent : all) {
    require(!closed);
    StrictMessage seen;
    const Outcome outcome = reader.response(request.method(), seen);
    closed = seen.get("connection") == "close";
    // A body that only the close ends looks whole to us here; the connection is reset then.
    require(outcome == (sent.whole || seen.until_close ? Outcome::message : Outcome::incomplete));
    require_equal(sent, seen);
    require(request.version == http::Version::http_1_1 || closed ||
            seen.get("connection") == "keep-alive");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Input input(data, size);
  if (input.has(8)) {
    forward_responses(input);
  } else {
    forward_requests(input);
  }
  return 0;
}
