// Value: one node of a configuration text (YAML or JSON) in our own form, with its place in the
// file.
//
// Owner: the loader; a Value lives only while load() runs. Thread: the one that loads. A scalar is
// already typed as Envoy's loader types it (plain `8` is a number, plain `yes` a boolean, anything
// quoted a string), `${VAR}` is already replaced, and no mapping holds the same key twice.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace holdfast::config {

struct Value {
  enum class Kind : std::uint8_t { null, boolean, number, string, sequence, mapping };
  struct Entry;

  Kind kind = Kind::null;
  Location location;
  std::string
      text;  ///< Scalars: "true"/"false", the number in JSON spelling, or the string itself.
  std::vector<Value> items;    ///< Kind::sequence
  std::vector<Entry> entries;  ///< Kind::mapping, in file order

  /// The entry with this key, or null.
  [[nodiscard]] const Value* find(std::string_view key) const;
  /// What a repeated field takes: a list's items, nothing of null, else the one value (as
  /// protobuf's JSON reads it).
  [[nodiscard]] std::span<const Value> as_list() const;
  /// The same, for good.
  void become_list();
};

struct Value::Entry {
  std::string key;
  Location location;  ///< Of the key.
  Value value;
};

/// "a number", "a list", ...: how diagnostics name what they met.
[[nodiscard]] std::string_view kind_name(Value::Kind kind);

/// The value as compact JSON, keys and order as they stand.
[[nodiscard]] std::string to_json(const Value& value);

}  // namespace holdfast::config
