// The words of the Proxy-Wasm ABI, versions 0.1.0, 0.2.0 and 0.2.1 (github.com/proxy-wasm/spec):
// status codes and the numbers of maps, buffers and streams.
//
// Values only; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::wasm {

/// What a host function answers.
enum class Status : std::uint32_t {
  ok = 0,
  not_found = 1,
  bad_argument = 2,
  serialization_failure = 3,
  parse_failure = 4,
  bad_expression = 5,
  invalid_memory_access = 6,
  empty = 7,
  cas_mismatch = 8,
  result_mismatch = 9,
  internal_failure = 10,
  broken_connection = 11,
  unimplemented = 12,
};

/// What a callback about headers, body or trailers answers. Other numbers count as proceed, as in
/// Envoy.
enum class Action : std::uint32_t { proceed = 0, pause = 1 };

enum class MapType : std::uint32_t {
  request_headers = 0,
  request_trailers = 1,
  response_headers = 2,
  response_trailers = 3,
  grpc_receive_initial_metadata = 4,
  grpc_receive_trailing_metadata = 5,
  call_response_headers = 6,
  call_response_trailers = 7,
};

enum class BufferType : std::uint32_t {
  request_body = 0,
  response_body = 1,
  downstream_data = 2,
  upstream_data = 3,
  call_response_body = 4,
  grpc_receive = 5,
  vm_configuration = 6,
  plugin_configuration = 7,
  call_data = 8,
};

enum class StreamType : std::uint32_t { request = 0, response = 1, downstream = 2, upstream = 3 };

/// Who has closed a connection.
enum class CloseType : std::uint32_t { unknown = 0, local = 1, remote = 2 };

enum class MetricType : std::uint32_t { counter = 0, gauge = 1, histogram = 2 };

enum class AbiVersion : std::uint8_t { v0_1_0, v0_2_0, v0_2_1 };

/// Names and values, in order; views into whatever they came from.
using Pairs = std::vector<std::pair<std::string_view, std::string_view>>;
using OwnedPairs = std::vector<std::pair<std::string, std::string>>;

}  // namespace holdfast::wasm
