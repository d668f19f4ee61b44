#include "filters/registry.hpp"

#include <algorithm>

#include "filters/dispatch.hpp"
#include "filters/router.hpp"
#include "filters/wasm_config.hpp"

namespace holdfast::filters {

const std::vector<FilterType>& filter_types() {
  static const std::vector<FilterType> kTypes = {
      dispatch_type(),
      wasm_type(),
      router_type(),
  };
  return kTypes;
}

const config::FilterCatalog& catalog() {
  static const config::FilterCatalog kCatalog = [] {
    config::FilterCatalog catalog;
    for (const FilterType& type : filter_types()) catalog.push_back(type.config);
    catalog.push_back(wasm_network_type());
    catalog.push_back(wasm_service_type());
    return catalog;
  }();
  return kCatalog;
}

const FilterType* find_type(std::string_view name) {
  const auto& types = filter_types();
  const auto it =
      std::ranges::find_if(types, [&](const FilterType& t) { return t.config.name == name; });
  return it == types.end() ? nullptr : &*it;
}

}  // namespace holdfast::filters
