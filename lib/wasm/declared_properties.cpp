#include "wasm/declared_properties.hpp"

namespace holdfast::wasm {
namespace {

constexpr std::size_t kMostBytes = 64UL * 1024;
constexpr std::size_t kEachBytes = 64;  // At least: what it takes beside its name.

}  // namespace

Status DeclaredProperties::declare(std::string_view name, const PropertyKind& kind) {
  if (kinds_.contains(name)) return Status::bad_argument;
  const std::size_t taken = name.size() + kEachBytes;
  if (taken > kMostBytes - bytes_) return Status::internal_failure;
  kinds_.emplace(name, kind);
  bytes_ += taken;
  return Status::ok;
}

PropertyKind DeclaredProperties::kind_of(std::string_view name) const noexcept {
  const auto found = kinds_.find(name);
  return found == kinds_.end() ? PropertyKind{} : found->second;
}

}  // namespace holdfast::wasm
