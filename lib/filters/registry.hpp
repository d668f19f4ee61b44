// The HTTP filters that Holdfast has: one line each in registry.cpp, everything else about a filter
// in its own files.
//
// Constant; any thread.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "config/filter_catalog.hpp"
#include "filters/filter.hpp"

namespace holdfast::filters {

struct FilterType {
  /// How the configuration knows it. Several spellings of one filter are several entries whose
  /// parse hooks give the same `type`.
  config::HttpFilterType config;
  Hooks hooks;
  /// Null for the router, which is not a filter object but the server's own last step.
  std::function<std::unique_ptr<Filter>(const config::FilterConfig&, const WorkerServices&,
                                        std::size_t index)>
      make;
};

/// All of them, in the order of registration.
[[nodiscard]] const std::vector<FilterType>& filter_types();
/// For config::load(): these, and what goes elsewhere in the configuration.
[[nodiscard]] const config::FilterCatalog& catalog();
/// The type a config::HttpFilter names, or null.
[[nodiscard]] const FilterType* find_type(std::string_view name);

}  // namespace holdfast::filters
