#include "filters/wasm_properties.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>

#include "filters/wasm_headers.hpp"
#include "filters/wasm_metadata.hpp"

namespace holdfast::filters {
namespace {

using wasm::Property;
using wasm::Status;

// --- Values -------------------------------------------------------------------------------------

Property text(std::string_view value) {
  return {Status::ok, std::string(value)};
}

Property text_if_any(std::string_view value) {
  return value.empty() ? Property{} : text(value);
}

Property number(std::uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(value >> (8 * i));
  return {Status::ok, std::move(bytes)};
}

Property duration(const std::optional<StreamInfo::Duration>& value) {
  return value ? number(static_cast<std::uint64_t>(value->count())) : Property{};
}

Property port_of(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  std::uint16_t port = 0;
  if (colon == std::string_view::npos) return {};
  std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
  return number(port);
}

std::string_view take_part(std::string_view& path) {
  const std::size_t end = path.find('\0');
  const std::string_view part = path.substr(0, end);
  path = end == std::string_view::npos ? std::string_view{} : path.substr(end + 1);
  return part;
}

// --- What is asked ------------------------------------------------------------------------------

struct Question {
  Question(const StreamInfo& known, std::string_view path) : info(known), rest(path) {}
  StreamInfo info;
  std::string_view rest;  ///< Of the path.
};

struct ExchangeQuestion : Question {
  ExchangeQuestion(const PropertyScope& asked_in, std::string_view path)
      : Question(asked_in.exchange->info(), path), scope(asked_in), exchange(*asked_in.exchange) {}

  const PropertyScope& scope;
  Exchange& exchange;
};

/// Name and value bytes of a map, as Envoy's HeaderMap::byteSize().
std::uint64_t bytes_of(const wasm::HeaderMap& map) {
  wasm::Pairs pairs;
  map.collect(pairs);
  std::uint64_t sum = 0;
  for (const auto& [name, value] : pairs) sum += name.size() + value.size();
  return sum;
}

Property header_property(const wasm::HeaderMap& map, bool shown, std::string_view name) {
  if (name.empty()) {
    wasm::Pairs pairs;
    if (shown) map.collect(pairs);
    return map_property(pairs);
  }
  if (!shown) return {};
  const auto value = map.get(name);
  return value ? text(*value) : Property{};
}

Property request_head_property(std::string_view name, const WasmRequestHeaders& map,
                               const http::Head& head) {
  const std::string_view target = head.target();
  const std::size_t query = target.find('?');
  const auto field = [&](std::string_view field_name) {
    const auto value = map.get(field_name);
    return value ? text(*value) : Property{};
  };
  if (name == "path") return text(target);
  if (name == "url_path") return text(target.substr(0, query));
  if (name == "query") {
    return text(query == std::string_view::npos ? std::string_view{} : target.substr(query + 1));
  }
  if (name == "host") return field(":authority");
  if (name == "scheme") return field(":scheme");
  if (name == "method") return text(head.method());
  if (name == "referer") return field("referer");
  if (name == "useragent") return field("user-agent");
  if (name == "id") return field("x-request-id");
  return {};
}

Property request_property(ExchangeQuestion& question) {
  const std::string_view name = take_part(question.rest);
  const StreamInfo& info = question.info;
  const bool shown = question.scope.request_head;
  http::Head& head = question.exchange.request();
  const WasmRequestHeaders map(head);
  if (name == "headers") return header_property(map, shown, question.rest);
  if (name == "time") {
    const auto since = std::chrono::nanoseconds(info.start.time_since_epoch());
    return number(static_cast<std::uint64_t>(since.count()));
  }
  if (name == "protocol") return text(info.protocol);
  if (name == "duration") {
    return question.scope.over ? number(static_cast<std::uint64_t>(info.duration.count()))
                               : Property{};
  }
  if (name == "size") {
    std::uint64_t announced = info.request_body_bytes;
    const std::string_view length = head.get(http::HeaderId::content_length);
    if (shown && !length.empty())
      std::from_chars(length.data(), length.data() + length.size(), announced);
    return number(announced);
  }
  if (name == "total_size") return number(info.request_body_bytes + (shown ? bytes_of(map) : 0));
  return shown ? request_head_property(name, map, head) : Property{};
}

/// What gRPC makes of an HTTP status (grpc.io, "HTTP to gRPC Status Code Mapping").
std::uint64_t grpc_status(std::uint16_t status) {
  switch (status) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}

Property response_property(ExchangeQuestion& question) {
  const std::string_view name = take_part(question.rest);
  const StreamInfo& info = question.info;
  const bool begun = info.response_code != 0;
  const WasmResponseHeaders map(question.exchange.response());
  if (name == "headers") return header_property(map, question.scope.response_head, question.rest);
  if (name == "trailers") {
    const WasmTrailers trailers(question.exchange.response_trailers());
    return header_property(trailers, question.scope.over, question.rest);
  }
  if (name == "flags") return number(info.response_flags);
  if (name == "size") return number(info.response_body_bytes);
  if (name == "total_size") {
    return number(info.response_body_bytes + (question.scope.response_head ? bytes_of(map) : 0));
  }
  if (!begun) return {};
  if (name == "code") return number(info.response_code);
  if (name == "code_details") return text_if_any(info.response_details);
  if (name == "grpc_status") return number(grpc_status(info.response_code));
  if (name == "backend_latency") return duration(info.backend_latency);
  return {};
}

Property connection_property(Question& question) {
  const std::string_view name = take_part(question.rest);
  if (name == "id") return number(question.info.connection_id);
  if (name == "mtls") return text(std::string_view("\0", 1));
  if (name == "requested_server_name") return text({});
  return {};
}

Property address_property(Question& question, std::string_view address) {
  const std::string_view name = take_part(question.rest);
  if (name == "address") return text_if_any(address);
  if (name == "port") return port_of(address);
  return {};
}

Property upstream_property(Question& question) {
  const std::string_view name = take_part(question.rest);
  const StreamInfo& info = question.info;
  if (name == "address") return text_if_any(info.upstream_host);
  if (name == "port") return port_of(info.upstream_host);
  if (name == "local_address") return text_if_any(info.upstream_local_address);
  if (name == "request_attempt_count") return number(info.attempts);
  if (name == "transport_failure_reason" && info.attempts != 0) return text({});
  if (name == "cx_pool_ready_duration") return duration(info.pool_ready_duration);
  return {};
}

Property metadata_property(std::string_view json, std::string_view rest) {
  if (json.empty()) return rest.empty() ? text({}) : Property{};
  return rest.empty() ? text(metadata_bytes(json)) : metadata_value(json, rest);
}

Property xds_property(Question& question) {
  const std::string_view name = take_part(question.rest);
  const StreamInfo& info = question.info;
  if (name == "listener_direction") return number(0);  // Not said in the configuration.
  if (name == "filter_chain_name") return text({});
  if (name == "node") return question.rest == "id" ? text({}) : Property{};
  if (info.virtual_host_name.empty() && info.cluster_name.empty()) return {};  // Not routed.
  if (name == "cluster_name") return text_if_any(info.cluster_name);
  if (name == "route_name") return text(info.route_name);
  if (name == "virtual_host_name") return text(info.virtual_host_name);
  if (name == "route_metadata") return metadata_property(info.route_metadata, question.rest);
  if (name == "upstream_host_metadata" && info.attempts != 0) {
    return {Status::serialization_failure, {}};
  }
  if (name == "cluster_metadata") return metadata_property(info.cluster_metadata, question.rest);
  return {};
}

/// What exchanges and TCP connections have in common; nothing: it is about something else.
std::optional<Property> common_property(std::string_view first, Question& question) {
  if (first == "connection") return connection_property(question);
  if (first == "source") {
    return address_property(question, question.info.downstream_remote_address);
  }
  if (first == "destination") {
    return address_property(question, question.info.downstream_local_address);
  }
  if (first == "upstream") return upstream_property(question);
  if (first == "xds") return xds_property(question);
  if (first == "connection_id") return number(question.info.connection_id);
  if (first == "metadata") return text({});
  if (first == "filter_state" && question.rest.empty()) {
    return Property{Status::serialization_failure, {}};
  }
  // Its name before Envoy 1.40, which the SDKs' examples still use: only for a value inside.
  if (first == "cluster_metadata" && !question.rest.empty()) {
    return metadata_property(question.info.cluster_metadata, question.rest);
  }
  return std::nullopt;
}

/// What is there of a connection as if it were an exchange, as in Envoy.
Property request_of_connection(const Question& question) {
  const StreamInfo& info = question.info;
  if (question.rest == "headers") return map_property({});
  if (question.rest == "time") {
    const auto since = std::chrono::nanoseconds(info.start.time_since_epoch());
    return number(static_cast<std::uint64_t>(since.count()));
  }
  if (question.rest == "size" || question.rest == "total_size") {
    return number(info.request_body_bytes);
  }
  return {};
}

Property response_of_connection(const Question& question) {
  const StreamInfo& info = question.info;
  if (question.rest == "headers" || question.rest == "trailers") return map_property({});
  if (question.rest == "flags") return number(info.response_flags);
  if (question.rest == "size" || question.rest == "total_size") {
    return number(info.response_body_bytes);
  }
  return {};
}

}  // namespace

Property tcp_property(std::string_view path, const StreamInfo& info) {
  Question question{info, path};
  const std::string_view first = take_part(question.rest);
  constexpr std::array<std::string_view, 6> kGroups = {"request", "response",    "connection",
                                                       "source",  "destination", "upstream"};
  const bool group = first == "xds" || std::ranges::find(kGroups, first) != kGroups.end();
  if (group && question.rest.empty()) return {Status::serialization_failure, {}};
  if (first == "request") return request_of_connection(question);
  if (first == "response") return response_of_connection(question);
  if (first == "xds" && question.rest.starts_with("route_")) return {};
  if (first == "xds" && question.rest == "virtual_host_name") return {};
  if (first == "upstream" && question.rest == "transport_failure_reason") return text({});
  return common_property(first, question).value_or(Property{});
}

Property stream_property(std::string_view path, const PropertyScope& scope) {
  if (scope.exchange == nullptr) return {};
  ExchangeQuestion question(scope, path);
  const std::string_view first = take_part(question.rest);
  if (first == "request") return request_property(question);
  if (first == "response") return response_property(question);
  if (first == "route_metadata" && !question.rest.empty()) {  // As cluster_metadata.
    return metadata_property(question.info.route_metadata, question.rest);
  }
  return common_property(first, question).value_or(Property{});
}

}  // namespace holdfast::filters
