// The JSON spelling of a format: see format.hpp.
#pragma once

#include <string_view>

#include "access_log/format.hpp"

namespace holdfast::access_log {

[[nodiscard]] CompileResult compile_json(std::string_view json);

}  // namespace holdfast::access_log
