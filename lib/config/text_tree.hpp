// text_tree: YAML or JSON text to our own Value tree; yaml-cpp's types and traps end here.
//
// Pure functions, called by load(). Bounded whatever the input: size, nesting, number of values
// after aliases are expanded. Duplicate keys, foreign tags, several documents, control characters
// and bytes that are not UTF-8 are errors. Envoy's `!ignore` tag on a key (a place to keep anchors)
// is honoured.
#pragma once

#include <optional>
#include <string_view>

#include "config/diagnostic.hpp"
#include "config/load.hpp"
#include "config/value.hpp"

namespace holdfast::config {

inline constexpr std::size_t kMaxTextBytes = std::size_t{8} * 1024 * 1024;
inline constexpr std::size_t kMaxDepth = 100;       // protobuf's own limit for nested messages
inline constexpr std::size_t kMaxValues = 250'000;  // after expansion of aliases

/// Nullopt when there is no tree to work on; the reason is then in `diagnostics`.
[[nodiscard]] std::optional<Value> read_yaml(std::string_view text, std::uint32_t input,
                                             const Env& env, Diagnostics& diagnostics);

/// Strict RFC 8259. `env` may be empty: then `${` has no meaning.
[[nodiscard]] std::optional<Value> read_json(std::string_view text, std::uint32_t input,
                                             const Env& env, Diagnostics& diagnostics);

/// Whether the bytes may be read at all: size, UTF-8, no control characters. False after a report.
[[nodiscard]] bool check_text(std::string_view text, std::uint32_t input, Diagnostics& diagnostics);

}  // namespace holdfast::config
