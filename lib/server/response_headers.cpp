#include "server/response_headers.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <system_error>

#include "base/text.hpp"
#include "http/scheme.hpp"

namespace holdfast::server {
namespace {

using access_log::Flag;
using http::HeaderId;
using upstream::ResetReason;

/// RFC 9110 7.6.1: what Connection names ends here. Not the length, which delimits the body on the
/// client's side, too.
void strip_nominated(http::Head& response) {
  std::string name;  // Short ones stay in place: no allocation.
  for (std::size_t i = 0; i < response.fields().size(); ++i) {
    const http::Field& field = response.fields()[i];
    if (field.removed || field.id != HeaderId::connection) continue;
    base::for_each_member(response.value(field), [&](std::string_view option) {
      name.assign(option);
      std::ranges::transform(name, name.begin(), base::to_lower);
      const bool needed = name == "content-length" || name == "connection" || name == "close";
      if (!needed) response.remove(name);
    });
  }
}

/// %RESPONSE_FLAGS% of it.
Flag flag_of(ResetReason reason) noexcept {
  switch (reason) {
    case ResetReason::no_healthy_upstream:
      return Flag::no_healthy_upstream;
    case ResetReason::connection_failure:
    case ResetReason::connection_timeout:
      return Flag::upstream_connection_failure;
    case ResetReason::protocol_error:
      return Flag::upstream_protocol_error;
    case ResetReason::overflow:
      return Flag::upstream_overflow;
    case ResetReason::connection_termination:
      break;
  }
  return Flag::upstream_connection_termination;
}

}  // namespace

void strip_response(http::Head& response) noexcept {
  if (response.find(HeaderId::connection) != nullptr) strip_nominated(response);
  response.remove(HeaderId::connection);
  response.remove(HeaderId::keep_alive);
  response.remove(HeaderId::proxy_connection);
  response.remove(HeaderId::upgrade);
  response.remove(HeaderId::transfer_encoding);
  if (response.status == 204) response.remove(HeaderId::content_length);  // RFC 9110 8.6
}

void add_location(http::Head& response, const http::Head& request) {
  std::string url(http::scheme_of(request));
  url.append("://").append(request.get(HeaderId::host)).append(request.target());
  response.add("location", url);
}

ClientFraming frame_response(const http::Head& response, ClientRequest request, Origin origin,
                             http::Framing framing) noexcept {
  const bool head_request = request.is_head;
  const bool old = request.http_10;
  const std::uint16_t status = response.status;
  const bool never_body = status == 204 || status == 304 || status < 200;
  const bool unframed = !never_body && response.find(HeaderId::content_length) == nullptr;
  const bool local = origin == Origin::local;
  const bool unknown_length =
      head_request ||
      (!local && (framing == http::Framing::chunked || framing == http::Framing::until_close));
  ClientFraming result;
  result.chunked = unframed && unknown_length && !old;
  result.until_close = unframed && unknown_length && old && !head_request;
  // As Envoy, also where there is no body.
  result.close = old && response.find(HeaderId::content_length) == nullptr;
  const bool empty = local || framing == http::Framing::none;
  result.says_empty = empty && unframed && !result.chunked && !head_request;
  return result;
}

void end_response_head(http::Head& response, const http::Head& request,
                       const ClientFraming& framing) {
  if (framing.close) {
    response.add(HeaderId::connection, "close");
  } else if (request.version == http::Version::http_1_0) {
    response.add(HeaderId::connection, "keep-alive");
  }
}

void finish_response_headers(http::Head& response, const http::Head& request,
                             const config::HttpConnectionManager& config, std::string_view date) {
  if (response.find(HeaderId::date) == nullptr) response.add(HeaderId::date, date);
  switch (config.server_header) {
    case config::ServerHeader::overwrite:
      response.set(HeaderId::server, config.server_name);
      break;
    case config::ServerHeader::append_if_absent:
      if (response.find(HeaderId::server) == nullptr) {
        response.add(HeaderId::server, config.server_name);
      }
      break;
    case config::ServerHeader::pass_through:
      break;
  }
  if (!config.via.empty()) {
    if (response.find(HeaderId::via) == nullptr) {
      response.add(HeaderId::via, config.via);
    } else {
      response.set(HeaderId::via, std::string(response.get(HeaderId::via)) + ", " + config.via);
    }
  }
  if (config.always_set_request_id_in_response && request.find(HeaderId::x_request_id) != nullptr) {
    response.set(HeaderId::x_request_id, request.get(HeaderId::x_request_id));
  }
}

std::string connect_failure_details(int error) {
  std::string reason = std::generic_category().message(error);
  std::ranges::replace(reason, ' ', '_');
  return "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:"
         "_" +
         reason + "}";
}

LocalReply describe(ResetReason reason) noexcept {
  const upstream::FailureReply reply = upstream::failure_reply(reason);
  return {reply.status, reply.body, flag_of(reason), reply.details};
}

LocalReply describe(http::HeadError error) noexcept {
  switch (error) {
    case http::HeadError::missing_host:
      return {400, "", Flag::none, "missing_host_header"};
    case http::HeadError::bad_path:
      return {400, "", Flag::none, "path_normalization_failed"};
    case http::HeadError::upgrade_required:
      return {426, "Upgrade Required", Flag::downstream_protocol_error, "low_version"};
    case http::HeadError::not_implemented:
      return {501, "Not Implemented", Flag::downstream_protocol_error,
              "http1.invalid_transfer_encoding"};
    case http::HeadError::too_large:
    case http::HeadError::too_many_fields:
      return {431, "Request Header Fields Too Large", Flag::downstream_protocol_error,
              "http1.headers_too_large"};
    case http::HeadError::bad_request:
    case http::HeadError::none:
      break;
  }
  return {400, "Bad Request", Flag::downstream_protocol_error, "http1.codec_error"};
}

}  // namespace holdfast::server
