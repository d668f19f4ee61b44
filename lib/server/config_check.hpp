// What can only be said of a configuration by the rooms that will use it: access log formats,
// regular expressions.
//
// For config::load(), which reports it with the file's other errors.
#pragma once

#include "config/context.hpp"

namespace holdfast::server {

void check_config(const config::Bootstrap& bootstrap, config::Context& context);

/// The same, and plugins are compiled and tried out, as who runs the configuration needs it.
void check_and_prepare(const config::Bootstrap& bootstrap, config::Context& context);

}  // namespace holdfast::server
