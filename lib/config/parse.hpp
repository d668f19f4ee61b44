// parse: fills structs from a Value tree by their field tables.
//
// Internal to the config room; filters use Context. Called by load(); any thread.
#pragma once

#include <string_view>

#include "config/context.hpp"

namespace holdfast::config {

/// Whether the message stands inside a google.protobuf.Any, beside its "@type".
enum class Place : std::uint8_t { plain, in_any };

/// REQUIRES: `target` points to the struct that `table` was built for.
void parse_message(const MessageTable& table, const Value& value, void* target, Context& context,
                   Place place = Place::plain);

/// One google.protobuf.Any: picks the message by "@type", unwraps TypedStruct.
void parse_any_field(const Field& field, std::string_view owner, const Value& value, void* target,
                     Context& context);

/// What an Any holds: the message's full name and its fields, TypedStruct unwrapped.
struct AnyContent {
  std::string type_name;
  const Value* value = nullptr;        ///< The fields ("@type" may stand among them).
  bool wrapped = false;                ///< It was inside a TypedStruct.
  std::shared_ptr<const Value> owned;  ///< A TypedStruct without `value`: the empty message.
};

/// Nullopt when there is no usable "@type"; the reason is reported unless `context` is null.
[[nodiscard]] std::optional<AnyContent> open_any(const Value& value, std::string_view field,
                                                 std::string_view owner, Context* context);

}  // namespace holdfast::config
