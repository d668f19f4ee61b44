// The properties of an exchange that proxy_get_property answers: Envoy's CEL attributes, with Envoy
// 1.40's answers at each phase (docs/plugins.md lists them).
//
// Pure functions over StreamInfo and the two heads. Thread: the worker's.
#pragma once

#include <string>
#include <string_view>

#include "filters/exchange.hpp"
#include "wasm/host.hpp"

namespace holdfast::filters {

/// Who this process is.
struct NodeInfo {
  std::string_view id;
  std::string_view cluster;
};

/// What a plugin may see at the time of the question.
struct PropertyScope {
  NodeInfo node;
  Exchange* exchange = nullptr;  ///< Null: outside of any exchange.
  bool request_head = false;     ///< Its fields are at hand.
  bool response_head = false;    ///< Likewise.
  bool over = false;             ///< In proxy_on_log.
};

/// `path`: its parts, joined by NUL.
[[nodiscard]] wasm::Property stream_property(std::string_view path, const PropertyScope& scope);

/// The same of a TCP connection.
[[nodiscard]] wasm::Property tcp_property(std::string_view path, const StreamInfo& info,
                                          const NodeInfo& node);

}  // namespace holdfast::filters
