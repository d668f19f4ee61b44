#include "http/trailers.hpp"

#include <algorithm>

namespace holdfast::http {

bool Trailers::begin_field() {
  present_ = true;
  if (fields_.size() >= kMaxFields) return false;
  fields_.emplace_back();
  return true;
}

void Trailers::end_field() noexcept {
  std::string& value = fields_.back().second;
  value.erase(value.find_last_not_of(" \t") + 1);
  value.erase(0, value.find_first_not_of(" \t"));
}

const std::string* Trailers::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find(fields_, name, &Fields::value_type::first);
  return found == fields_.end() ? nullptr : &found->second;
}

std::string Trailers::last_chunk() const {
  std::string text = "0\r\n";
  for (const auto& [name, value] : fields_) {
    text.append(name).append(": ").append(value).append("\r\n");
  }
  return text.append("\r\n");
}

}  // namespace holdfast::http
