#include "filters/wasm_properties.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <string>

#include "base/text.hpp"
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

/// What has no value of its own, only parts.
Property unserialisable() {
  return {Status::serialization_failure, {}};
}

// --- What is asked ------------------------------------------------------------------------------

struct Question {
  Question(const StreamInfo& known, const NodeInfo& own, std::string_view asked)
      : info(known), node(own), path(asked) {}
  StreamInfo info;
  NodeInfo node;
  PropertyPath path;  ///< What is left of it.
};

struct ExchangeQuestion : Question {
  ExchangeQuestion(const PropertyScope& asked_in, std::string_view asked)
      : Question(asked_in.exchange->info(), asked_in.node, asked),
        scope(asked_in),
        exchange(*asked_in.exchange) {}

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

Property header_property(const wasm::HeaderMap& map, bool shown, PropertyPath path) {
  if (path.done()) {
    wasm::Pairs pairs;
    if (shown) map.collect(pairs);
    return map_property(pairs);
  }
  std::string name(path.take());
  if (!shown || !path.done()) return {};
  base::make_lower(name.data(), name.size());
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
  if (question.path.done()) return unserialisable();
  const std::string_view name = question.path.take();
  const StreamInfo& info = question.info;
  const bool shown = question.scope.request_head;
  http::Head& head = question.exchange.request();
  const WasmRequestHeaders map(head);
  if (name == "headers") return header_property(map, shown, question.path);
  if (!question.path.done()) return {};  // The others have no parts.
  if (name == "headers_bytes") return number(shown ? bytes_of(map) : 0);
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
  if (question.path.done()) return unserialisable();
  const std::string_view name = question.path.take();
  const StreamInfo& info = question.info;
  const bool begun = info.response_code != 0;
  const bool shown = question.scope.response_head;
  const WasmResponseHeaders map(question.exchange.response());
  if (name == "headers") return header_property(map, shown, question.path);
  if (name == "trailers") {
    const WasmTrailers trailers(question.exchange.response_trailers());
    return header_property(trailers, question.scope.over, question.path);
  }
  if (!question.path.done()) return {};
  if (name == "headers_bytes") return number(shown ? bytes_of(map) : 0);
  if (name == "flags") return number(info.response_flags);
  if (name == "size") return number(info.response_body_bytes);
  if (name == "total_size") return number(info.response_body_bytes + (shown ? bytes_of(map) : 0));
  if (!begun) return {};
  if (name == "code") return number(info.response_code);
  if (name == "code_details") return text_if_any(info.response_details);
  if (name == "grpc_status") return number(grpc_status(info.response_code));
  if (name == "backend_latency") return duration(info.backend_latency);
  return {};
}

Property connection_property(Question& question) {
  if (question.path.done()) return unserialisable();
  const std::string_view name = question.path.take();
  if (!question.path.done()) return {};
  if (name == "id") return number(question.info.connection_id);
  if (name == "mtls") return text(std::string_view("\0", 1));
  if (name == "requested_server_name") return text({});
  return {};
}

Property address_property(Question& question, std::string_view address) {
  if (question.path.done()) return unserialisable();
  const std::string_view name = question.path.take();
  if (!question.path.done()) return {};
  if (name == "address") return text_if_any(address);
  if (name == "port") return port_of(address);
  return {};
}

/// A Locality, of which nothing is said in the configuration.
Property locality_property(PropertyPath path) {
  if (path.done()) return text({});
  const std::string_view name = path.take();
  const bool known = name == "region" || name == "zone" || name == "sub_zone";
  return known && path.done() ? text({}) : Property{};
}

Property upstream_property(Question& question) {
  if (question.path.done()) return unserialisable();
  const std::string_view name = question.path.take();
  const StreamInfo& info = question.info;
  if (name == "locality" && info.attempts != 0) return locality_property(question.path);
  if (!question.path.done()) return {};
  if (name == "address") return text_if_any(info.upstream_host);
  if (name == "port") return port_of(info.upstream_host);
  if (name == "local_address") return text_if_any(info.upstream_local_address);
  if (name == "request_attempt_count") return number(info.attempts);
  if (name == "transport_failure_reason" && info.attempts != 0) return text({});
  if (name == "cx_pool_ready_duration") return duration(info.pool_ready_duration);
  return {};
}

/// Of its message only what the configuration keeps.
Property node_property(const NodeInfo& node, PropertyPath path) {
  const std::string_view name = path.take();
  if (name == "locality") return locality_property(path);
  const bool map = name == "metadata" || name == "dynamic_parameters";
  const bool list = name == "client_features" || name == "listening_addresses";
  if (!path.done()) return {};
  if (map || list) return map_property({});
  if (name == "id") return text(node.id);
  return name == "cluster" ? text(node.cluster) : Property{};
}

Property xds_property(Question& question) {
  if (question.path.done()) return unserialisable();
  const std::string_view name = question.path.take();
  const PropertyPath path = question.path;
  const StreamInfo& info = question.info;
  if (name == "node") return node_property(question.node, path);
  if (name == "listener_metadata") return metadata_property({}, path);
  // Messages that are not there.
  if (name == "upstream_host_metadata" || name == "upstream_host_locality_metadata") {
    return info.attempts != 0 && path.done() ? unserialisable() : Property{};
  }
  const bool routed = !info.virtual_host_name.empty() || !info.cluster_name.empty();
  if (routed && name == "route_metadata") return metadata_property(info.route_metadata, path);
  if (routed && name == "virtual_host_metadata") return metadata_property({}, path);
  if (routed && name == "cluster_metadata" && !info.cluster_name.empty()) {
    return metadata_property(info.cluster_metadata, path);
  }
  if (!path.done()) return {};
  if (name == "listener_direction") return number(0);  // Not said in the configuration.
  if (name == "filter_chain_name") return text({});
  if (!routed) return {};
  if (name == "cluster_name") return text_if_any(info.cluster_name);
  if (name == "route_name") return text(info.route_name);
  if (name == "virtual_host_name") return text(info.virtual_host_name);
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
  if (first == "connection_id") {
    return question.path.done() ? number(question.info.connection_id) : Property{};
  }
  if (first == "metadata") return metadata_property({}, question.path);
  if (first == "filter_state" && question.path.done()) return unserialisable();
  if (first == "upstream_filter_state" && question.info.attempts != 0 && question.path.done()) {
    return unserialisable();
  }
  // Its name before Envoy 1.40, which the SDKs' examples still use: only for a value inside.
  if (first == "cluster_metadata" && !question.path.done()) {
    return metadata_property(question.info.cluster_metadata, question.path);
  }
  return std::nullopt;
}

/// What is there of a connection as if it were an exchange, as in Envoy.
Property request_of_connection(Question& question) {
  const StreamInfo& info = question.info;
  const std::string_view name = question.path.take();
  if (!question.path.done()) return {};
  if (name == "headers") return map_property({});
  if (name == "headers_bytes") return number(0);
  if (name == "time") {
    const auto since = std::chrono::nanoseconds(info.start.time_since_epoch());
    return number(static_cast<std::uint64_t>(since.count()));
  }
  const bool size = name == "size" || name == "total_size";
  return size ? number(info.request_body_bytes) : Property{};
}

Property response_of_connection(Question& question) {
  const StreamInfo& info = question.info;
  const std::string_view name = question.path.take();
  if (!question.path.done()) return {};
  if (name == "headers" || name == "trailers") return map_property({});
  if (name == "headers_bytes") return number(0);
  if (name == "flags") return number(info.response_flags);
  const bool size = name == "size" || name == "total_size";
  return size ? number(info.response_body_bytes) : Property{};
}

/// What a connection has no part in.
bool is_of_routes(PropertyPath path) {
  const std::string_view name = path.take();
  return name.starts_with("route_") || name.starts_with("virtual_host_");
}

}  // namespace

Property tcp_property(std::string_view path, const StreamInfo& info, const NodeInfo& node) {
  Question question{info, node, path};
  const std::string_view first = question.path.take();
  const bool whole = question.path.done();
  if (first == "request") return whole ? unserialisable() : request_of_connection(question);
  if (first == "response") return whole ? unserialisable() : response_of_connection(question);
  if (first == "xds" && is_of_routes(question.path)) return {};
  if (first == "upstream" && question.path.rest() == "transport_failure_reason") return text({});
  return common_property(first, question).value_or(Property{});
}

Property stream_property(std::string_view path, const PropertyScope& scope) {
  if (scope.exchange == nullptr) return {};
  ExchangeQuestion question(scope, path);
  const std::string_view first = question.path.take();
  if (first == "request") return request_property(question);
  if (first == "response") return response_property(question);
  if (first == "route_metadata" && !question.path.done()) {  // As cluster_metadata.
    return metadata_property(question.info.route_metadata, question.path);
  }
  return common_property(first, question).value_or(Property{});
}

}  // namespace holdfast::filters
