#include "filters/wasm_state.hpp"

#include <charconv>
#include <cstdint>
#include <utility>

#include "filters/wasm_properties_path.hpp"

namespace holdfast::filters {

using wasm::Status;

namespace {
constexpr std::size_t kMostPropertyBytes = 64UL * 1024;
}  // namespace

Status WasmState::set_property(std::string_view name, std::string_view value, bool read_only) {
  const auto found = properties_.find(name);
  if (found != properties_.end() && found->second.read_only) return Status::bad_argument;
  const std::size_t old = found == properties_.end() ? 0 : name.size() + found->second.value.size();
  const std::size_t sum = bytes_ - old + name.size() + value.size();
  if (sum > kMostPropertyBytes) return Status::internal_failure;
  bytes_ = sum;
  if (found != properties_.end()) {
    found->second.value = value;
  } else {
    properties_.emplace(name, Entry{std::string(value), read_only});
  }
  return Status::ok;
}

const std::string* WasmState::property(std::string_view name) const noexcept {
  const auto found = properties_.find(name);
  return found == properties_.end() ? nullptr : &found->second.value;
}

void WasmState::set_steering(std::string_view name, std::string value) {
  steering_.insert_or_assign(std::string(name), std::move(value));
}

const std::string* WasmState::steering(std::string_view name) const noexcept {
  const auto found = steering_.find(name);
  return found == steering_.end() ? nullptr : &found->second;
}

Status steering_value(std::string_view name, std::string_view value, std::string& kept) {
  if (name == kClusterSteering) {
    constexpr std::size_t kLongestName = 1024;  // More than any cluster's.
    if (value.size() > kLongestName) return Status::internal_failure;
    kept = value;
    return Status::ok;
  }
  if (name != kIdleTimeoutSteering) return Status::not_found;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size()) return Status::bad_argument;
  kept = std::to_string(number);
  return Status::ok;
}

wasm::Property own_property(std::string_view path, std::initializer_list<const WasmState*> states) {
  PropertyPath parts(path);
  if (parts.done()) return {Status::serialization_failure, {}};
  constexpr std::string_view kProperty = "wasm.";
  std::string_view name = parts.take();
  bool steering = false;
  if (name == "filter_state" && !parts.done()) {
    name = parts.take();
    steering = !name.starts_with(kProperty);
    if (!steering) name.remove_prefix(kProperty.size());
  }
  if (!parts.done()) return {};
  for (const WasmState* state : states) {
    if (state == nullptr) continue;
    const std::string* value = steering ? state->steering(name) : state->property(name);
    if (value != nullptr) return {Status::ok, *value};
  }
  return {};
}

}  // namespace holdfast::filters
