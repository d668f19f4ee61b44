// The path of a property, part by part, with the answers at its end.
//
// Pure values; any thread.
#pragma once

#include <algorithm>
#include <string_view>

namespace holdfast::filters {

class PropertyPath {
 public:
  explicit PropertyPath(std::string_view path) : path_(path) {}

  /// No part is left. As in Envoy an empty one at the end does not count.
  [[nodiscard]] bool done() const noexcept { return path_.empty(); }
  /// The next part.
  std::string_view take() noexcept {
    const std::size_t end = path_.find('\0');
    const std::string_view part = path_.substr(0, end);
    path_.remove_prefix(std::min(path_.size(), part.size() + 1));
    return part;
  }
  /// The parts that are left, joined by NUL.
  [[nodiscard]] std::string_view rest() const noexcept { return path_; }

 private:
  std::string_view path_;
};

}  // namespace holdfast::filters
