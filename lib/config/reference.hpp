// configuration_markdown: docs/configuration.md, printed from the tables that also drive the
// parser.
//
// Owner: the build of the docs; a test compares the shipped page with it. Thread: any.
#pragma once

#include <string>

#include "config/filter_catalog.hpp"

namespace holdfast::config {

[[nodiscard]] std::string configuration_markdown(const FilterCatalog& catalog);

}  // namespace holdfast::config
