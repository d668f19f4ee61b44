// source_json: the configuration as given, as JSON in Envoy's spelling, for /config_dump.
//
// Pure; REQUIRES that the tree has been parsed without an error.
#pragma once

#include <string>

#include "config/filter_catalog.hpp"

namespace holdfast::config {

/// Field names in snake_case, enumerators by name, numbers as numbers, durations as protobuf prints
/// them; nulls gone.
[[nodiscard]] std::string source_json(const MessageTable& table, const Value& value,
                                      const FilterCatalog& catalog);

}  // namespace holdfast::config
