// Host functions: header maps and trailers, of an exchange and of the answer to a call.
#include <algorithm>
#include <array>

#include "wasm/imports.hpp"
#include "wasm/pairs.hpp"

namespace holdfast::wasm {
namespace {

[[nodiscard]] bool is_map(std::uint32_t type) noexcept {
  return type <= static_cast<std::uint32_t>(MapType::call_response_trailers);
}

/// Those that an exchange has; the others can't be changed.
[[nodiscard]] bool of_stream(MapType type) noexcept {
  return type <= MapType::response_trailers;
}

/// Of the answer to a call; null: none at hand.
[[nodiscard]] const Pairs* reply_pairs(Guest& guest, MapType type) noexcept {
  const CallReply* reply = guest.reply();
  if (reply == nullptr) return nullptr;
  if (type == MapType::call_response_headers) return &reply->headers;
  if (type == MapType::call_response_trailers && !reply->trailers.empty()) return &reply->trailers;
  return nullptr;
}

[[nodiscard]] HeaderMap* stream_map(Guest& guest, MapType type) noexcept {
  StreamHost* const stream = guest.stream();
  return stream != nullptr && of_stream(type) ? stream->headers(type) : nullptr;
}

[[nodiscard]] bool is_trailers(MapType type) noexcept {
  return type == MapType::request_trailers || type == MapType::response_trailers;
}

/// To be changed: null while the exchange is logged, but for trailers, as in Envoy.
[[nodiscard]] HeaderMap* mutable_map(Guest& guest, MapType type) noexcept {
  StreamHost* const stream = guest.stream();
  if (stream == nullptr || !of_stream(type)) return nullptr;
  return guest.logging() && !is_trailers(type) ? nullptr : stream->to_change(type);
}

/// What get_header_map_value answers for a name that is not there.
[[nodiscard]] std::uint64_t missing(Guest& guest, Words a) {
  if (guest.abi() != AbiVersion::v0_1_0) return answer(Status::not_found);
  return answer(guest.vm().give({}, word(a, 3), word(a, 4)));
}

std::uint64_t get_header_map_value(Guest& guest, Words a) {
  if (!is_map(word(a, 0))) return answer(Status::bad_argument);
  const auto type = static_cast<MapType>(word(a, 0));
  const auto key = bytes(guest, a, 1);
  if (!key) return answer(Status::invalid_memory_access);
  const std::string_view name = lower_case(guest, *key);
  std::optional<std::string_view> value;
  if (of_stream(type)) {
    const HeaderMap* map = stream_map(guest, type);
    if (map == nullptr) return guest.logging() ? missing(guest, a) : answer(Status::bad_argument);
    value = map->get(name);
  } else {
    const Pairs* pairs = reply_pairs(guest, type);
    if (pairs == nullptr) return guest.logging() ? missing(guest, a) : answer(Status::bad_argument);
    const auto at = std::find_if(pairs->begin(), pairs->end(),
                                 [name](const auto& p) { return p.first == name; });
    if (at != pairs->end()) value = at->second;
  }
  return value ? answer(guest.vm().give(*value, word(a, 3), word(a, 4))) : missing(guest, a);
}

std::uint64_t get_header_map_pairs(Guest& guest, Words a) {
  if (!is_map(word(a, 0))) return answer(Status::bad_argument);
  const auto type = static_cast<MapType>(word(a, 0));
  Pairs& pairs = guest.scratch_pairs;
  pairs.clear();
  if (const HeaderMap* map = stream_map(guest, type)) {
    map->collect(pairs);
  } else if (const Pairs* of_reply = reply_pairs(guest, type)) {
    pairs = *of_reply;
  }
  write_pairs(pairs, guest.scratch);
  return answer(guest.vm().give(guest.scratch, word(a, 1), word(a, 2)));
}

/// Bytes of names and values, which is what Envoy takes for the size of a map.
std::uint64_t get_header_map_size(Guest& guest, Words a) {
  if (!is_map(word(a, 0))) return answer(Status::bad_argument);
  const HeaderMap* map = mutable_map(guest, static_cast<MapType>(word(a, 0)));
  if (map == nullptr) return answer(Status::bad_argument);
  guest.scratch_pairs.clear();
  map->collect(guest.scratch_pairs);
  std::size_t size = 0;
  for (const auto& [name, value] : guest.scratch_pairs) size += name.size() + value.size();
  const bool written = guest.vm().write_u32(word(a, 1), static_cast<std::uint32_t>(size));
  return answer(written ? Status::ok : Status::invalid_memory_access);
}

/// Ends a change: tells the exchange, if there was one.
std::uint64_t changed(Guest& guest, MapType type, Status status) {
  if (status == Status::ok) guest.stream()->on_headers_modified(type);
  return answer(status);
}

std::uint64_t set_header_map_pairs(Guest& guest, Words a) {
  if (!is_map(word(a, 0))) return answer(Status::bad_argument);
  const auto type = static_cast<MapType>(word(a, 0));
  const auto data = bytes(guest, a, 1);
  if (!data) return answer(Status::invalid_memory_access);
  HeaderMap* const map = mutable_map(guest, type);
  if (map == nullptr) return answer(Status::bad_argument);
  // Envoy takes bytes that are no pairs for none, and removes all there is; no plugin can mean
  // that.
  if (!parse_pairs(*data, guest.scratch_pairs)) return answer(Status::bad_argument);
  lower_case(guest, guest.scratch_pairs);
  return changed(guest, type, map->assign(guest.scratch_pairs));
}

enum class Change : std::uint8_t { add, replace };

std::uint64_t change(Guest& guest, Words a, Change how) {
  if (!is_map(word(a, 0))) return answer(Status::bad_argument);
  const auto type = static_cast<MapType>(word(a, 0));
  const auto key = bytes(guest, a, 1);
  const auto value = bytes(guest, a, 3);
  if (!key || !value) return answer(Status::invalid_memory_access);
  HeaderMap* const map = mutable_map(guest, type);
  if (map == nullptr) return answer(Status::bad_argument);
  const std::string_view name = lower_case(guest, *key);
  return changed(guest, type, how == Change::add ? map->add(name, *value) : map->set(name, *value));
}

std::uint64_t add_header_map_value(Guest& guest, Words a) {
  return change(guest, a, Change::add);
}

std::uint64_t replace_header_map_value(Guest& guest, Words a) {
  return change(guest, a, Change::replace);
}

std::uint64_t remove_header_map_value(Guest& guest, Words a) {
  if (!is_map(word(a, 0))) return answer(Status::bad_argument);
  const auto type = static_cast<MapType>(word(a, 0));
  const auto key = bytes(guest, a, 1);
  if (!key) return answer(Status::invalid_memory_access);
  HeaderMap* const map = mutable_map(guest, type);
  if (map == nullptr) return answer(Status::bad_argument);
  return changed(guest, type, map->remove(lower_case(guest, *key)));
}

constexpr std::array kImports = {
    HostImport{"env", "proxy_get_header_map_value", "iiiii", "i", get_header_map_value},
    HostImport{"env", "proxy_get_header_map_pairs", "iii", "i", get_header_map_pairs},
    HostImport{"env", "proxy_get_header_map_size", "ii", "i", get_header_map_size},
    HostImport{"env", "proxy_set_header_map_pairs", "iii", "i", set_header_map_pairs},
    HostImport{"env", "proxy_add_header_map_value", "iiiii", "i", add_header_map_value},
    HostImport{"env", "proxy_replace_header_map_value", "iiiii", "i", replace_header_map_value},
    HostImport{"env", "proxy_remove_header_map_value", "iii", "i", remove_header_map_value},
};

}  // namespace

std::span<const HostImport> header_imports() noexcept {
  return kImports;
}

}  // namespace holdfast::wasm
