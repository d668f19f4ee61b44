// What this binary is: one line for --version, the short number for `server_info` and metrics.
#pragma once

#include <string>

namespace holdfast::app {

std::string version_number();  ///< "0.1.0"
std::string version_line();    ///< "holdfast 0.1.0 (1a2b3c4d5e6f, Release, Boost 1.81, g++ 12.2)"

}  // namespace holdfast::app
