// Reason phrases as Envoy writes them (413 "Payload Too Large", unknown codes "Unknown").
#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast::http {
[[nodiscard]] std::string_view reason_phrase(std::uint16_t status) noexcept;
}
