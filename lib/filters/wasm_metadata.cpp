#include "filters/wasm_metadata.hpp"

#include <bit>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <cstdint>
#include <utility>

#include "wasm/pairs.hpp"

namespace holdfast::filters {
namespace {

namespace json = boost::json;

json::value parse(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  return error ? json::value(json::object()) : value;
}

// --- Protobuf -----------------------------------------------------------------------------------

enum class WireType : std::uint32_t { varint = 0, fixed64 = 1, bytes = 2 };

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void put_tag(std::string& out, std::uint32_t field, WireType type) {
  put_varint(out, field << 3U | static_cast<std::uint32_t>(type));
}

void put_bytes(std::string& out, std::uint32_t field, std::string_view bytes) {
  put_tag(out, field, WireType::bytes);
  put_varint(out, bytes.size());
  out += bytes;
}

std::string little_endian(std::uint64_t bits) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(bits >> (8 * i));
  return bytes;
}

std::string double_bytes(double number) {
  return little_endian(std::bit_cast<std::uint64_t>(number));
}

std::string struct_bytes(const json::object& object);

/// google.protobuf.Value
std::string value_bytes(const json::value& value) {
  std::string out;
  switch (value.kind()) {
    case json::kind::null:
      put_tag(out, 1, WireType::varint);
      put_varint(out, 0);
      break;
    case json::kind::bool_:
      put_tag(out, 4, WireType::varint);
      put_varint(out, value.get_bool() ? 1 : 0);
      break;
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_:
      put_tag(out, 2, WireType::fixed64);
      out += double_bytes(value.to_number<double>());
      break;
    case json::kind::string:
      put_bytes(out, 3, value.get_string());
      break;
    case json::kind::object:
      put_bytes(out, 5, struct_bytes(value.get_object()));
      break;
    case json::kind::array: {
      std::string list;
      for (const json::value& item : value.get_array()) put_bytes(list, 1, value_bytes(item));
      put_bytes(out, 6, list);
      break;
    }
  }
  return out;
}

/// A map field's entry: key 1, value 2.
void put_entry(std::string& out, std::string_view key, const std::string& value) {
  std::string entry;
  put_bytes(entry, 1, key);
  put_bytes(entry, 2, value);
  put_bytes(out, 1, entry);
}

std::string struct_bytes(const json::object& object) {
  std::string out;
  for (const auto& [key, value] : object) put_entry(out, key, value_bytes(value));
  return out;
}

// --- Values -------------------------------------------------------------------------------------

wasm::Property plain(std::string bytes) {
  return {wasm::Status::ok, std::move(bytes)};
}

wasm::Property serialise(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return {wasm::Status::serialization_failure, {}};
    case json::kind::bool_:
      return plain(std::string(1, value.get_bool() ? '\1' : '\0'));
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_:
      return plain(double_bytes(value.to_number<double>()));
    case json::kind::string:
      return plain(std::string(value.get_string()));
    case json::kind::object:
    case json::kind::array:
      break;
  }
  wasm::OwnedPairs owned;
  if (value.is_object()) {
    for (const auto& [key, item] : value.get_object()) {
      wasm::Property inner = serialise(item);
      if (inner.status != wasm::Status::ok) return inner;
      owned.emplace_back(key, std::move(inner.bytes));
    }
  } else {
    for (const json::value& item : value.get_array()) {
      wasm::Property inner = serialise(item);
      if (inner.status != wasm::Status::ok) return inner;
      owned.emplace_back(std::move(inner.bytes), std::string());
    }
  }
  return map_property(wasm::Pairs(owned.begin(), owned.end()));
}

/// The Metadata message.
std::string metadata_bytes(std::string_view filter_metadata_json) {
  std::string out;
  const json::value root = parse(filter_metadata_json);
  if (!root.is_object()) return out;
  for (const auto& [name, value] : root.get_object()) {
    if (value.is_object()) put_entry(out, name, struct_bytes(value.get_object()));
  }
  return out;
}

/// Null: there is no such element.
const json::value* element(const json::array& list, std::string_view index) {
  if (index.starts_with('+')) index.remove_prefix(1);
  std::size_t at = 0;
  const auto [end, error] = std::from_chars(index.data(), index.data() + index.size(), at);
  const bool whole = error == std::errc{} && end == index.data() + index.size();
  return whole && at < list.size() ? &list[at] : nullptr;
}

}  // namespace

wasm::Property map_property(const wasm::Pairs& pairs) {
  constexpr std::size_t kCount = 4;  // An empty map is a count of 0 here, and not nothing.
  wasm::Property result{wasm::Status::ok, std::string(kCount, '\0')};
  if (!pairs.empty()) wasm::write_pairs(pairs, result.bytes);
  return result;
}

wasm::Property metadata_property(std::string_view filter_metadata_json, PropertyPath path) {
  if (path.done()) {
    const bool any = !filter_metadata_json.empty();
    return plain(any ? metadata_bytes(filter_metadata_json) : std::string());
  }
  const std::string_view field = path.take();
  if (field == "typed_filter_metadata" && path.done()) return map_property({});
  if (field != "filter_metadata") return {};
  if (filter_metadata_json.empty()) return path.done() ? map_property({}) : wasm::Property{};
  const json::value root = parse(filter_metadata_json);
  const json::value* value = &root;
  while (!path.done()) {
    const std::string_view part = path.take();
    if (value->is_object()) {
      value = value->get_object().if_contains(part);
    } else if (value->is_array()) {
      value = element(value->get_array(), part);
    } else {
      return {};
    }
    if (value == nullptr) return {};
  }
  return serialise(*value);
}

}  // namespace holdfast::filters
