// Host functions: bodies and configurations.
#include <array>

#include "wasm/imports.hpp"

namespace holdfast::wasm {
namespace {

[[nodiscard]] bool is_buffer(std::uint32_t type) noexcept {
  return type <= static_cast<std::uint32_t>(BufferType::call_data);
}

/// Of an exchange or of a connection.
[[nodiscard]] bool is_body(BufferType type) noexcept {
  return type <= BufferType::upstream_data;
}

/// Nullopt: there is none. As in Envoy most buffers are there and empty when there is nothing in
/// them.
[[nodiscard]] std::optional<std::string_view> buffer(Guest& guest, BufferType type) noexcept {
  const RootContext* root = guest.context().root;
  StreamHost* const stream = guest.stream();
  switch (type) {
    case BufferType::request_body:
    case BufferType::response_body:
    case BufferType::downstream_data:
    case BufferType::upstream_data:
      return stream != nullptr ? stream->body(type).value_or(std::string_view{})
                               : std::string_view{};
    case BufferType::call_response_body:
      if (guest.reply() == nullptr) return std::nullopt;
      return guest.reply()->body;
    case BufferType::vm_configuration:
      return guest.vm_config().vm_configuration;
    case BufferType::plugin_configuration:
      if (root == nullptr || !root->configuring || guest.context().slot != nullptr)
        return std::nullopt;
      return root->config->configuration;
    case BufferType::grpc_receive:
    case BufferType::call_data:
      break;
  }
  return std::string_view{};
}

std::uint64_t get_buffer_bytes(Guest& guest, Words a) {
  if (!is_buffer(word(a, 0))) return answer(Status::bad_argument);
  const auto found = buffer(guest, static_cast<BufferType>(word(a, 0)));
  if (!found) return answer(Status::not_found);
  const std::size_t start = word(a, 1);
  const std::string_view part =
      start < found->size() ? found->substr(start, word(a, 2)) : std::string_view{};
  return answer(guest.vm().give(part, word(a, 3), word(a, 4)));
}

std::uint64_t get_buffer_status(Guest& guest, Words a) {
  if (!is_buffer(word(a, 0))) return answer(Status::bad_argument);
  const auto found = buffer(guest, static_cast<BufferType>(word(a, 0)));
  if (!found) return answer(Status::not_found);
  const bool written =
      guest.vm().write_u32(word(a, 1), static_cast<std::uint32_t>(found->size())) &&
      guest.vm().write_u32(word(a, 2), 0);
  return answer(written ? Status::ok : Status::invalid_memory_access);
}

std::uint64_t set_buffer_bytes(Guest& guest, Words a) {
  if (!is_buffer(word(a, 0))) return answer(Status::bad_argument);
  const auto type = static_cast<BufferType>(word(a, 0));
  if (!buffer(guest, type)) return answer(Status::not_found);
  const auto data = bytes(guest, a, 3);
  if (!data) return answer(Status::invalid_memory_access);
  StreamHost* const stream = guest.stream();
  if (stream == nullptr || !is_body(type) || !stream->body(type))
    return answer(Status::bad_argument);
  return answer(stream->edit_body(type, word(a, 1), word(a, 2), *data));
}

constexpr std::array kImports = {
    HostImport{"env", "proxy_get_buffer_bytes", "iiiii", "i", get_buffer_bytes},
    HostImport{"env", "proxy_get_buffer_status", "iii", "i", get_buffer_status},
    HostImport{"env", "proxy_set_buffer_bytes", "iiiii", "i", set_buffer_bytes},
};

}  // namespace

std::span<const HostImport> buffer_imports() noexcept {
  return kImports;
}

}  // namespace holdfast::wasm
