#include "wasm/metric_ids.hpp"

#include <string>

#include "stats/custom_stats.hpp"

namespace holdfast::wasm {
namespace {

constexpr std::uint32_t kTypeMask = 3;
constexpr std::uint32_t kStep = 4;
constexpr std::size_t kLongestName = 4096;
/// Sets a plugin's metrics apart from the program's own.
constexpr std::string_view kNamespace = "wasmcustom.";

stats::StatType stat_type(std::uint32_t type) noexcept {
  switch (static_cast<MetricType>(type)) {
    case MetricType::counter:
      return stats::StatType::counter;
    case MetricType::gauge:
      return stats::StatType::gauge;
    case MetricType::histogram:
      break;
  }
  return stats::StatType::histogram;
}

/// A name that can stand in a line of /stats.
bool printable(std::string_view name) noexcept {
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') return false;
  }
  return !name.empty() && name.size() <= kLongestName;
}

}  // namespace

Status MetricIds::define(std::uint32_t type, std::string_view name, std::uint32_t& id) {
  if (type >= by_type_.size() || !printable(name)) return Status::bad_argument;
  const auto index = stats_.define(std::string(kNamespace).append(name), stat_type(type));
  if (!index) return Status::internal_failure;
  const auto [at, is_new] = ids_.try_emplace(*index, 0);
  if (is_new) {
    by_type_[type].push_back(*index);
    at->second = type + kStep * static_cast<std::uint32_t>(by_type_[type].size());
  }
  id = at->second;
  return Status::ok;
}

const std::uint32_t* MetricIds::find(std::uint32_t id) const noexcept {
  const std::uint32_t type = id & kTypeMask;
  const std::uint32_t number = id / kStep;
  if (type >= by_type_.size() || number == 0 || number > by_type_[type].size()) return nullptr;
  return &by_type_[type][number - 1];
}

Status MetricIds::increment(std::uint32_t id, std::int64_t offset) noexcept {
  const auto type = static_cast<MetricType>(id & kTypeMask);
  if (type != MetricType::counter && type != MetricType::gauge) return Status::bad_argument;
  const std::uint32_t* index = find(id);
  if (index == nullptr) return Status::not_found;
  if (type == MetricType::counter && offset <= 0) return Status::bad_argument;
  stats_.add(*index, worker_, offset);
  return Status::ok;
}

Status MetricIds::record(std::uint32_t id, std::uint64_t value) noexcept {
  const std::uint32_t* index = find(id);
  if (index == nullptr) return Status::not_found;
  switch (static_cast<MetricType>(id & kTypeMask)) {
    case MetricType::counter:
      stats_.add(*index, worker_, static_cast<std::int64_t>(value));
      break;
    case MetricType::gauge:
      stats_.set(*index, worker_, value);
      break;
    case MetricType::histogram:
      stats_.record(*index, worker_, value);
      break;
  }
  return Status::ok;
}

Status MetricIds::get(std::uint32_t id, std::uint64_t& value) const noexcept {
  const auto type = static_cast<MetricType>(id & kTypeMask);
  if (type != MetricType::counter && type != MetricType::gauge) return Status::bad_argument;
  const std::uint32_t* index = find(id);
  if (index == nullptr) return Status::not_found;
  value = stats_.get(*index);
  return Status::ok;
}

}  // namespace holdfast::wasm
