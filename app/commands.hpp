// One function per subcommand; each returns the exit code. Everything that can be decided without a
// socket is decided here, before server::Server is made.
#pragma once

#include "cli.hpp"

namespace holdfast::app {

/// May throw only what the standard library throws when memory or the system fails.
ExitCode execute(const Arguments& arguments);

}  // namespace holdfast::app
