// JSON string contents, escaped as Envoy 1.40 escapes them.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::access_log {

/// Append `text` without quotes around it. Text that is not UTF-8 is taken for Latin-1, each
/// special byte as \u00xx (Envoy does the same), so that the line is JSON whatever a client sends.
void append_json_text(std::string& out, std::string_view text);

}  // namespace holdfast::access_log
