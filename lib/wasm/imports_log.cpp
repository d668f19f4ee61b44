// Host functions: log, clock, contexts, properties, status.
#include <array>
#include <chrono>
#include <string>

#include "wasm/imports.hpp"

namespace holdfast::wasm {
namespace {

constexpr std::size_t kLongestMessage = 256UL * 1024;

std::uint64_t log(Guest& guest, Words a) {
  const std::uint32_t level = word(a, 0);
  if (level > static_cast<std::uint32_t>(base::LogLevel::critical))
    return answer(Status::bad_argument);
  const auto message = bytes(guest, a, 1);
  if (!message) return answer(Status::invalid_memory_access);
  guest.log(static_cast<base::LogLevel>(level), message->substr(0, kLongestMessage));
  return answer(Status::ok);
}

std::uint64_t get_log_level(Guest& guest, Words a) {
  const auto level = static_cast<std::uint32_t>(base::log_level(base::Component::wasm));
  return answer(guest.vm().write_u32(word(a, 0), level) ? Status::ok
                                                        : Status::invalid_memory_access);
}

std::uint64_t get_current_time_nanoseconds(Guest& guest, Words a) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ns = static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count());
  return answer(guest.vm().write_u64(word(a, 0), ns) ? Status::ok : Status::invalid_memory_access);
}

std::uint64_t set_tick_period_milliseconds(Guest& guest, Words a) {
  return answer(guest.set_tick_period(std::chrono::milliseconds{word(a, 0)}));
}

std::uint64_t set_effective_context(Guest& guest, Words a) {
  return answer(guest.set_effective_context(word(a, 0)));
}

/// No root context ever waits for it: a plugin that asks for time at the end is not given any.
std::uint64_t done(Guest& /*guest*/, Words /*a*/) {
  return answer(Status::not_found);
}

/// Of ABI 0.1.0.
std::uint64_t get_configuration(Guest& guest, Words a) {
  const RootContext* root = guest.context().root;
  const bool own = root != nullptr && root->configuring;
  const std::string& text = own ? root->config->configuration : guest.vm_config().vm_configuration;
  return answer(guest.vm().give(text, word(a, 0), word(a, 1)));
}

std::uint64_t get_status(Guest& guest, Words a) {
  const RootContext* root = guest.context().root;
  const std::uint32_t code = root != nullptr ? root->status_code : 0;
  if (!guest.vm().write_u32(word(a, 0), code)) return answer(Status::invalid_memory_access);
  return answer(guest.vm().give(root != nullptr ? root->status_message : std::string_view{},
                                word(a, 1), word(a, 2)));
}

/// What the plugin itself is called; null for other paths.
const std::string* own_property(Guest& guest, std::string_view path) noexcept {
  const RootContext* root = guest.context().root;
  if (root == nullptr) return nullptr;
  if (path == "plugin_name") return &root->config->name;
  if (path == "plugin_root_id") return &root->config->root_id;
  if (path == "plugin_vm_id") return &root->config->vm_id;
  return nullptr;
}

std::uint64_t get_property(Guest& guest, Words a) {
  const auto path = bytes(guest, a, 0);
  if (!path) return answer(Status::invalid_memory_access);
  // As in Envoy an empty part at the end does not count.
  if (const auto* own =
          own_property(guest, path->substr(0, path->size() - path->ends_with('\0')))) {
    return answer(guest.vm().give(*own, word(a, 2), word(a, 3)));
  }
  StreamHost* const stream = guest.stream();
  const Property property =
      stream != nullptr ? stream->property(*path) : guest.services().worker.property(*path);
  if (property.status != Status::ok) return answer(property.status);
  return answer(guest.vm().give(property.bytes, word(a, 2), word(a, 3)));
}

std::uint64_t set_property(Guest& guest, Words a) {
  const auto path = bytes(guest, a, 0);
  const auto value = bytes(guest, a, 2);
  if (!path || !value) return answer(Status::invalid_memory_access);
  StreamHost* const stream = guest.stream();
  if (stream == nullptr) return answer(Status::not_found);
  return answer(stream->set_property(*path, *value, guest.context().root->declared.kind_of(*path)));
}

/// emscripten's comparison of thread ids.
std::uint64_t pthread_equal(Guest& /*guest*/, Words a) {
  return word(a, 0) == word(a, 1) ? 1 : 0;
}

std::uint64_t emscripten_notify_memory_growth(Guest& /*guest*/, Words /*a*/) {
  return 0;
}

/// AssemblyScript's: message, file (strings of 16-bit units with their byte length in front), line,
/// column.
std::uint64_t abort(Guest& guest, Words a) {
  const auto text = [&guest](std::uint32_t pointer) {
    constexpr std::uint32_t kLongest = 512;
    const auto length = pointer >= 4 ? guest.vm().read_u32(pointer - 4) : std::nullopt;
    const auto units =
        length ? guest.vm().read(pointer, *length < kLongest ? *length : kLongest) : std::nullopt;
    std::string ascii;
    for (std::size_t i = 0; units && i + 1 < units->size(); i += 2) {
      const char c = (*units)[i];
      ascii.push_back((*units)[i + 1] == 0 && c >= ' ' && c <= '~' ? c : '?');
    }
    return ascii;
  };
  guest.vm().trap_now(TrapKind::unreachable,
                      "abort: " + text(word(a, 0)) + " at " + text(word(a, 1)) + ":" +
                          std::to_string(word(a, 2)) + ":" + std::to_string(word(a, 3)));
  return 0;
}

constexpr std::array kImports = {
    HostImport{"env", "proxy_log", "iii", "i", log},
    HostImport{"env", "proxy_get_log_level", "i", "i", get_log_level},
    HostImport{"env", "proxy_get_current_time_nanoseconds", "i", "i", get_current_time_nanoseconds},
    HostImport{"env", "proxy_set_tick_period_milliseconds", "i", "i", set_tick_period_milliseconds},
    HostImport{"env", "proxy_set_effective_context", "i", "i", set_effective_context},
    HostImport{"env", "proxy_done", "", "i", done},
    HostImport{"env", "proxy_get_configuration", "ii", "i", get_configuration},
    HostImport{"env", "proxy_get_status", "iii", "i", get_status},
    HostImport{"env", "proxy_get_property", "iiii", "i", get_property},
    HostImport{"env", "proxy_set_property", "iiii", "i", set_property},
    HostImport{"env", "pthread_equal", "ii", "i", pthread_equal},
    HostImport{"env", "emscripten_notify_memory_growth", "i", "", emscripten_notify_memory_growth},
    HostImport{"env", "abort", "iiii", "", abort},
};

}  // namespace

std::span<const HostImport> log_imports() noexcept {
  return kImports;
}

}  // namespace holdfast::wasm
