// `holdfast healthcheck`: asks the admin server of a running Holdfast for /ready, as a container's
// HEALTHCHECK does.
#pragma once

#include <string>

#include "cli.hpp"

namespace holdfast::app {

/// `address`: HOST:PORT, or a URL http://HOST:PORT[/]. Prints "OK: http://HOST:PORT/ready" and
/// returns ok, or says on stderr what came instead and returns runtime. Gives up after three
/// seconds.
ExitCode healthcheck(const std::string& address);

}  // namespace holdfast::app
