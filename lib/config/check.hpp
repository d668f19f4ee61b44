// check: what only the whole configuration can show - names that refer to nothing, or that are used
// twice.
//
// Called by load() when all fields have been read, even if some were wrong.
#pragma once

#include "config/context.hpp"

namespace holdfast::config {

/// Reports duplicates and dangling references; fills in every cluster_index.
void check_whole(Bootstrap& bootstrap, Context& context);

}  // namespace holdfast::config
