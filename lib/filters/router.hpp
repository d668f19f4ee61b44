// The terminal filter's place in the catalog. Routing itself is the session's last step (server/),
// as every chain ends in it; here stands only its configuration message.
#pragma once

#include "filters/registry.hpp"

namespace holdfast::filters {
[[nodiscard]] FilterType router_type();
}
