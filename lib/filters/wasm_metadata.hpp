// filter_metadata of routes and clusters as plugins read it: one value by its path, or all of it as
// protobuf.
//
// Pure functions of the JSON text that the configuration keeps. Source:
// envoy.config.core.v3.Metadata, google.protobuf.Struct (protobuf.dev/programming-guides/encoding).
#pragma once

#include <string_view>

#include "filters/wasm_properties_path.hpp"
#include "wasm/host.hpp"

namespace holdfast::filters {

/// `path`, below the metadata: nothing (all of it, as protobuf), or "filter_metadata" NUL namespace
/// NUL key ... of what a plugin asked for. Strings as they are, numbers as 8 bytes of a double,
/// booleans as one byte, objects as pairs.
[[nodiscard]] wasm::Property metadata_property(std::string_view filter_metadata_json,
                                               PropertyPath path);

/// A map as a property's bytes.
[[nodiscard]] wasm::Property map_property(const wasm::Pairs& pairs);

}  // namespace holdfast::filters
