// Plugins, from code to something that can run: all that is slow or can fail, before a socket
// opens.
//
// Called by who loads a configuration to run or to check it. Thread: the one that loads; compiles
// on others, which have ended when it returns.
#pragma once

#include "config/context.hpp"

namespace holdfast::filters {

/// Compiles the code of all plugins (each different code once, in parallel), completes their
/// configuration, and tries each plugin out: start and configuration, as Envoy does at its start.
/// What fails is reported where it stands in the file. Does nothing when `context` has errors.
void prepare_plugins(const config::Bootstrap& bootstrap, config::Context& context);

}  // namespace holdfast::filters
