// walk: all tables that a configuration can reach, each once, with a title of its own.
//
// Pure; for the schema and the reference page.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/filter_catalog.hpp"

namespace holdfast::config {

struct Reachable {
  std::vector<const MessageTable*> tables;  ///< Bootstrap first, then depth first.
  std::map<const MessageTable*, std::string> titles;
};

[[nodiscard]] Reachable reachable_tables(const FilterCatalog& catalog);

/// The types an Any field takes: full names, canonical one first, and the table.
struct AnyChoice {
  std::vector<std::string> names;
  const MessageTable* table;
};
[[nodiscard]] std::vector<AnyChoice> any_choices(const Field& field, const FilterCatalog& catalog);

}  // namespace holdfast::config
