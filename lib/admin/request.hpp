// An admin request as the handlers see it, and their answer: plain values without sockets.
//
// Values owned by the session that answers; control thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::admin {

/// The target of a request, split and decoded.
struct Target {
  std::string path;  ///< Without query; runs of slashes merged, as Envoy's admin does.
  std::vector<std::pair<std::string, std::string>> query;  ///< Percent-decoded, in order.

  static Target parse(std::string_view target);

  [[nodiscard]] bool has(std::string_view name) const;
  /// The first parameter of that name.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
};

inline constexpr std::string_view kText = "text/plain; charset=UTF-8";
inline constexpr std::string_view kJson = "application/json";

struct Response {
  unsigned status = 200;
  std::string body;
  std::string_view content_type = kText;
  std::function<void()> afterwards{};  ///< Runs once the answer was written, or could not be.
};

}  // namespace holdfast::admin
