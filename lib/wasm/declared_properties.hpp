// What a plugin has said of properties before it sets them (the foreign function declare_property).
//
// Owner: its RootContext. Thread: the worker's.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "wasm/host.hpp"

namespace holdfast::wasm {

class DeclaredProperties {
 public:
  /// bad_argument: has been declared. internal_failure: too many.
  [[nodiscard]] Status declare(std::string_view name, const PropertyKind& kind);
  [[nodiscard]] PropertyKind kind_of(std::string_view name) const noexcept;

 private:
  std::map<std::string, PropertyKind, std::less<>> kinds_;
  std::size_t bytes_ = 0;  ///< Of their names.
};

}  // namespace holdfast::wasm
