// json_schema: the configuration's JSON Schema (draft-07), printed from the tables that also drive
// the parser.
//
// Owner: `holdfast schema` and config/holdfast.schema.json. Thread: any. What only the whole file
// can show (a cluster that does not exist, a filter chain without router) is beyond a schema; all
// else it accepts and refuses as load().
#pragma once

#include <string>

#include "config/filter_catalog.hpp"

namespace holdfast::config {

[[nodiscard]] std::string json_schema(const FilterCatalog& catalog);

}  // namespace holdfast::config
