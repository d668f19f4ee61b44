// What a route adds to heads and removes from them.
//
// Pure: a function of configuration and head. Order as Envoy's: level by level, the innermost
// first; in a level removals, then what overwrites, then what is added; whether a field is there is
// asked after the removals.
#pragma once

#include <vector>

#include "config/config.hpp"
#include "http/head.hpp"

namespace holdfast::router {

void apply(const std::vector<config::HeaderMutations>& levels, http::Head& head);

}  // namespace holdfast::router
