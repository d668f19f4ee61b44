// JSON string contents, escaped as Envoy 1.40 escapes them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::access_log {

/// A byte becomes at most "\u00xx".
inline constexpr std::size_t kMaxEscape = 6;

/// Write `text` without quotes around it at `to`, which has room for kMaxEscape times its size;
/// returns the end. Text that is not UTF-8 is taken for Latin-1, each special byte as \u00xx (Envoy
/// does the same), so that the line is JSON whatever a client sends.
char* put_json_text(char* to, std::string_view text) noexcept;
/// The same at the end of a string.
void append_json_text(std::string& out, std::string_view text);

}  // namespace holdfast::access_log
