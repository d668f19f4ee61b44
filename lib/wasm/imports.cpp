#include "wasm/imports.hpp"

#include <algorithm>
#include <vector>

namespace holdfast::wasm {
namespace {

bool is_upper(char c) noexcept {
  return c >= 'A' && c <= 'Z';
}

char lowered(char c) noexcept {
  return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}

bool has_upper(std::string_view name) noexcept {
  return std::any_of(name.begin(), name.end(), is_upper);
}

std::vector<HostImport> all_imports() {
  std::vector<HostImport> all;
  for (const auto part : {log_imports(), header_imports(), buffer_imports(), stream_imports(),
                          call_imports(), shared_imports(), foreign_imports(), wasi_imports()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace

std::span<const HostImport> host_imports() noexcept {
  static const std::vector<HostImport> all = all_imports();
  return all;
}

std::string_view lower_case(Guest& guest, std::string_view name) {
  if (!has_upper(name)) return name;
  guest.scratch_names.assign(name);
  std::transform(name.begin(), name.end(), guest.scratch_names.begin(), lowered);
  return guest.scratch_names;
}

void lower_case(Guest& guest, Pairs& pairs) {
  std::size_t needed = 0;
  for (const auto& [name, value] : pairs) needed += has_upper(name) ? name.size() : 0;
  if (needed == 0) return;
  std::string& store = guest.scratch_names;
  store.clear();
  store.reserve(needed);  // So that the views below stay valid.
  for (auto& [name, value] : pairs) {
    if (!has_upper(name)) continue;
    const std::size_t at = store.size();
    for (const char c : name) store.push_back(lowered(c));
    name = std::string_view(store).substr(at);
  }
}

}  // namespace holdfast::wasm
