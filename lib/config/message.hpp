// Field tables: one MessageTable per configuration message drives parsing, the JSON Schema and the
// reference page.
//
// Owner: each table is a function-local static, immutable after construction, so any thread may
// read it. Tables know nothing of YAML; filters describe their own configuration with them. Build
// one with Message<Struct>:
//
//   const MessageTable& thing_table() {
//     static const MessageTable kTable =
//         Message<Thing>("Thing", "holdfast.filters.http.thing.v1.Thing", "What it is.")
//             .field("cluster", &Thing::cluster, "Where calls go.").required().cluster_reference()
//             .field("count", &Thing::count, "How many.").range(0, 65535)
//             .finish([](Thing& thing, const Source& source, Context& context) { ... })
//             .table();
//     return kTable;
//   }
//
// The default shown in the reference is read from a default-constructed struct, so the two cannot
// drift apart.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/config.hpp"
#include "config/value.hpp"

namespace holdfast::config {

class Context;
class Source;
struct MessageTable;
struct ParsedHttpFilter;  // filter_catalog.hpp
using TableRef = const MessageTable& (*)();

enum class Kind : std::uint8_t {
  boolean,
  integer,  ///< Signed or unsigned, as its range says.
  number,
  string,
  bytes,  ///< base64 in the file
  enumeration,
  duration,
  message,
  structure,  ///< google.protobuf.Struct: any JSON object
  any,        ///< google.protobuf.Any: a message chosen by its "@type"
};
enum class Cardinality : std::uint8_t { one, list, map };
enum class StringRule : std::uint8_t { free, header_name, header_value };

/// A string that remembers where it stood, for errors found later (JSON in a string, names of
/// things).
struct LocatedString {
  std::string text;
  Location location;
};

struct EnumValue {
  std::string name;
  std::int32_t number;
  bool implemented = true;  ///< false: Envoy's, refused by name.
};
using EnumTable = std::vector<EnumValue>;

/// Where in the configuration the types of a FilterCatalog can stand.
enum class ExtensionPoint : std::uint8_t { http_filter, network_filter, bootstrap_extension };

/// A converted scalar on its way into the struct. Durations are milliseconds, structures their JSON
/// text.
using Scalar = std::variant<bool, std::int64_t, std::uint64_t, double, std::string, Milliseconds>;

/// One message that a google.protobuf.Any field takes.
struct AnyType {
  std::vector<std::string> type_names;  ///< Full message names; the first is the one we write.
  TableRef table;
  /// Parses `value` (which may still hold "@type") into `target`, the struct that has the field.
  std::function<void(void* target, const Value& value, Context& context)> parse;
};

struct Field {
  std::string name;  ///< snake_case, as Envoy's proto
  Kind kind = Kind::string;
  Cardinality cardinality = Cardinality::one;
  std::string doc;
  std::string default_text;
  std::string difference;  ///< From Envoy; empty = none.
  std::string deprecated;  ///< Empty = no; else what to use instead.
  std::string oneof;       ///< At most one field of the same oneof may be given.
  bool required = false;
  bool cluster_reference = false;
  StringRule string_rule = StringRule::free;
  std::size_t min_length = 0;            ///< string, bytes
  std::size_t min_items = 0;             ///< list
  std::optional<std::size_t> max_items;  ///< list
  std::optional<std::int64_t> minimum;   ///< integer; duration in nanoseconds
  std::optional<std::uint64_t> maximum;  ///< integer; duration in nanoseconds
  bool exclusive_minimum = false;        ///< duration: more than `minimum`
  EnumTable enumeration;
  TableRef message = nullptr;
  std::vector<AnyType> any_types;
  std::vector<std::string> map_keys;  ///< map: the keys it takes; empty = any.
  /// any: the types include those of the FilterCatalog that belong there.
  std::optional<ExtensionPoint> extension_point;
  bool inert = false;  ///< Accepted and checked, without effect.

  /// Puts one converted scalar (each, for a list) into the struct. Null for Kind::message and any.
  std::function<void(void* target, const Scalar& value, Location location)> store;
  /// Puts one entry of a map of strings into the struct.
  std::function<void(void* target, std::string key, std::string value)> store_entry;
  /// Takes what a type of the FilterCatalog has made of the field.
  std::function<void(void* target, ParsedHttpFilter&& parsed)> accept;
  /// Gives the struct that the message's own table fills: a new list element, or the member.
  std::function<void*(void* target)> open;
};

struct MessageTable {
  std::string name;       ///< As diagnostics say it: "HttpConnectionManager".
  std::string full_name;  ///< As protobuf says it.
  std::string
      title;  ///< In the reference and the schema, where two tables share a name; else `name`.
  std::string doc;
  std::vector<Field> fields;
  std::vector<std::string> required_oneofs;
  std::function<void(void* target, const Source& source, Context& context)> finish;

  [[nodiscard]] const Field* find(std::string_view field_name) const;
};

/// "stat_prefix" -> "statPrefix": protobuf's JSON name, accepted as well.
[[nodiscard]] std::string camel_case(std::string_view snake);

/// "5s", "0.250s".
[[nodiscard]] std::string duration_text(Milliseconds value);

/// The message a finish hook has just parsed: which fields stood in the file, and where.
class Source {
 public:
  explicit Source(const Value& value) : value_(value) {}
  [[nodiscard]] Location at() const { return value_.location; }
  [[nodiscard]] const Value* find(std::string_view field) const;
  [[nodiscard]] bool has(std::string_view field) const { return find(field) != nullptr; }
  /// Where the field's value stands, or the message when it is absent.
  [[nodiscard]] Location where(std::string_view field) const;

 private:
  const Value& value_;
};

}  // namespace holdfast::config

#include "config/message_builder.hpp"  // IWYU pragma: export
