// An admin request as the handlers see it, and their answer: plain values without sockets.
//
// Values owned by the session that answers; control thread.
#pragma once

#include <cstdint>
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

/// Who has a request sent. Programs send no Origin; browsers add it to each POST.
enum class Sender : std::uint8_t { program, own_page, foreign_page };

/// A page is our own if it came from the address that the request goes to, and that address is no
/// name of DNS: names can be made to point here (DNS rebinding). RFC 6454 7.
[[nodiscard]] Sender sender_of(std::string_view origin, std::string_view host);

inline constexpr std::string_view kText = "text/plain; charset=UTF-8";
inline constexpr std::string_view kJson = "application/json";

struct Response {
  unsigned status = 200;
  std::string body;
  std::string_view content_type = kText;
  std::function<void()> afterwards{};  ///< Runs once the answer was written, or could not be.
};

}  // namespace holdfast::admin
