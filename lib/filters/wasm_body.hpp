// What a plugin makes of a body, or of what waits of a connection.
//
// Pure: a function of the queue and what is asked for.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/byte_queue.hpp"
#include "wasm/host.hpp"

namespace holdfast::filters {

/// wasm::StreamHost::edit_body() of this queue. It does not grow beyond 64 MiB by a plugin's hand:
/// it must not fill our memory (internal_failure).
[[nodiscard]] wasm::Status edit_body(base::ByteQueue& body, std::size_t start, std::size_t length,
                                     std::string_view data) noexcept;

}  // namespace holdfast::filters
