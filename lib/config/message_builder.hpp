// Message<Struct>: the fluent builder of a MessageTable (see message.hpp, which includes this
// file).
//
// Owner: used once per table, inside its function-local static. A field's kind, range and default
// come from the struct member it fills; each modifier (required, range, ...) speaks of the field
// declared last.
#pragma once

#include <algorithm>
#include <concepts>
#include <limits>
#include <type_traits>

#include "config/message.hpp"

namespace holdfast::config {
namespace detail {

template <class M>
struct Unwrapped {
  using Type = M;
  static constexpr Cardinality kCardinality = Cardinality::one;
};
template <class M>
struct Unwrapped<std::optional<M>> {
  using Type = M;
  static constexpr Cardinality kCardinality = Cardinality::one;
};
template <class M>
struct Unwrapped<std::vector<M>> {
  using Type = M;
  static constexpr Cardinality kCardinality = Cardinality::list;
};

template <class M>
M from_scalar(const Scalar& value, Location location) {
  if constexpr (std::same_as<M, LocatedString>) {
    return {std::get<std::string>(value), location};
  } else if constexpr (std::is_enum_v<M>) {
    return static_cast<M>(std::get<std::int64_t>(value));
  } else if constexpr (std::integral<M> && !std::same_as<M, bool>) {
    if (const auto* big = std::get_if<std::uint64_t>(&value)) return static_cast<M>(*big);
    return static_cast<M>(std::get<std::int64_t>(value));
  } else {
    return std::get<M>(value);
  }
}

template <class M>
void describe_kind(Field& field) {
  if constexpr (std::same_as<M, bool>) {
    field.kind = Kind::boolean;
  } else if constexpr (std::integral<M>) {
    field.kind = Kind::integer;
    field.minimum = static_cast<std::int64_t>(std::numeric_limits<M>::min());
    field.maximum = static_cast<std::uint64_t>(std::numeric_limits<M>::max());
  } else if constexpr (std::same_as<M, double>) {
    field.kind = Kind::number;
  } else if constexpr (std::same_as<M, Milliseconds>) {
    field.kind = Kind::duration;
    field.minimum = 0;
  } else {
    static_assert(std::same_as<M, std::string> || std::same_as<M, LocatedString>);
    field.kind = Kind::string;
  }
}

template <class M>
std::string default_of(const M& value) {
  if constexpr (std::same_as<M, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::integral<M>) {
    return std::to_string(value);
  } else if constexpr (std::same_as<M, Milliseconds>) {
    return duration_text(value);
  } else if constexpr (std::same_as<M, std::string>) {
    return value;
  } else {
    return {};
  }
}

}  // namespace detail

/// Parses `value` by `table` into `target`; for AnyType::parse.
void parse_any(const MessageTable& table, const Value& value, void* target, Context& context);

/// An AnyType whose message fills the struct that `open` gives (or `T` itself).
template <class T, class Open>
AnyType any_type(std::vector<std::string> type_names, TableRef table, Open open) {
  return {std::move(type_names), table,
          [table, open](void* target, const Value& value, Context& context) {
            parse_any(table(), value, open(*static_cast<T*>(target)), context);
          }};
}

template <class T>
class Message {
 public:
  Message(std::string name, std::string full_name, std::string doc) {
    table_.name = std::move(name);
    table_.full_name = std::move(full_name);
    table_.doc = std::move(doc);
  }

  /// A scalar (or list of scalars) that goes into `member`.
  template <class M>
  Message& field(std::string name, M T::*member, std::string doc) {
    using Plain = typename detail::Unwrapped<M>::Type;
    Field& added = add(std::move(name), std::move(doc));
    detail::describe_kind<Plain>(added);
    added.cardinality = detail::Unwrapped<M>::kCardinality;
    added.default_text = detail::default_of(T{}.*member);
    bind<M, Plain>(added, member);
    return *this;
  }

  /// An enumeration whose numbers are those of the member's C++ enum.
  template <class M>
  Message& enumeration(std::string name, M T::*member, EnumTable values, std::string doc) {
    using Plain = typename detail::Unwrapped<M>::Type;
    Field& added = add(std::move(name), std::move(doc));
    added.kind = Kind::enumeration;
    if constexpr (std::is_enum_v<M>) {
      for (const EnumValue& value : values) {
        if (value.number == static_cast<std::int32_t>(T{}.*member)) added.default_text = value.name;
      }
    }
    added.enumeration = std::move(values);
    bind<M, Plain>(added, member);
    return *this;
  }

  /// A scalar of type M handed to `setter(T&, M)`.
  template <class M, class Setter>
  Message& custom(std::string name, Setter setter, std::string doc) {
    Field& added = add(std::move(name), std::move(doc));
    detail::describe_kind<M>(added);
    added.store = [setter](void* target, const Scalar& value, Location location) {
      setter(*static_cast<T*>(target), detail::from_scalar<M>(value, location));
    };
    return *this;
  }

  /// An enumeration handed by number to `setter(T&, std::int64_t)`.
  template <class Setter>
  Message& custom_enumeration(std::string name, EnumTable values, Setter setter, std::string doc) {
    custom<std::int64_t>(std::move(name), setter, std::move(doc));
    last().kind = Kind::enumeration;
    last().minimum.reset();
    last().maximum.reset();
    Field& target = last();
    target.enumeration = std::move(values);
    return *this;
  }

  /// A message that fills `member`: a struct, an optional of one, or a list.
  template <class M>
  Message& message(std::string name, M T::*member, TableRef child, std::string doc) {
    using Plain = typename detail::Unwrapped<M>::Type;
    Field& added = add(std::move(name), std::move(doc));
    added.kind = Kind::message;
    added.cardinality = detail::Unwrapped<M>::kCardinality;
    added.message = child;
    added.open = [member](void* target) -> void* {
      M& slot = static_cast<T*>(target)->*member;
      if constexpr (std::same_as<M, Plain>) {
        return &slot;
      } else if constexpr (std::same_as<M, std::optional<Plain>>) {
        return &slot.emplace();
      } else {
        return &slot.emplace_back();
      }
    };
    return *this;
  }

  /// A message that fills the struct to which `open(T&)` points.
  template <class Open>
  Message& message_at(std::string name, Open open, TableRef child, std::string doc,
                      Cardinality cardinality = Cardinality::one) {
    Field& added = add(std::move(name), std::move(doc));
    added.kind = Kind::message;
    added.cardinality = cardinality;
    added.message = child;
    added.open = [open](void* target) -> void* { return open(*static_cast<T*>(target)); };
    return *this;
  }

  /// A message whose fields lie in T itself.
  Message& nested(std::string name, TableRef child, std::string doc,
                  Cardinality cardinality = Cardinality::one) {
    return message_at(
        std::move(name), [](T& target) { return &target; }, child, std::move(doc), cardinality);
  }

  /// A google.protobuf.Struct (or a map of them); `setter(T&, std::string)` gets its JSON text.
  template <class Setter>
  Message& structure(std::string name, Setter setter, std::string doc,
                     Cardinality cardinality = Cardinality::one) {
    custom<std::string>(std::move(name), setter, std::move(doc));
    last().kind = Kind::structure;
    last().cardinality = cardinality;
    return *this;
  }

  /// A map of strings; `member` is a vector of pairs, in the file's order.
  Message& string_map(std::string name, std::vector<std::pair<std::string, std::string>> T::*member,
                      std::string doc) {
    Field& added = add(std::move(name), std::move(doc));
    added.kind = Kind::string;
    added.cardinality = Cardinality::map;
    added.store_entry = [member](void* target, std::string key, std::string value) {
      (static_cast<T*>(target)->*member).emplace_back(std::move(key), std::move(value));
    };
    return *this;
  }

  /// A field that is accepted, and checked by its type, without any effect. M is bool, std::string,
  /// ...
  template <class M>
  Message& ignored(std::string name, std::string doc) {
    custom<M>(
        std::move(name), [](T&, const M&) {}, std::move(doc));
    last().inert = true;
    return *this;
  }

  Message& any(std::string name, std::vector<AnyType> types, std::string doc,
               Cardinality cardinality = Cardinality::one) {
    Field& added = add(std::move(name), std::move(doc));
    added.kind = Kind::any;
    added.any_types = std::move(types);
    added.cardinality = cardinality;
    return *this;
  }

  Message& required() {
    last().required = true;
    last().default_text.clear();
    if (last().kind == Kind::string)
      last().min_length = std::max<std::size_t>(last().min_length, 1);
    return *this;
  }
  /// Inclusive; of integers, or of durations in nanoseconds.
  Message& range(std::int64_t minimum, std::uint64_t maximum) {
    last().minimum = minimum;
    last().maximum = maximum;
    return *this;
  }
  Message& more_than(std::chrono::nanoseconds minimum) {
    last().minimum = minimum.count();
    last().exclusive_minimum = true;
    return *this;
  }
  Message& min_length(std::size_t length) { return last().min_length = length, *this; }
  Message& items(std::size_t minimum, std::optional<std::size_t> maximum = std::nullopt) {
    last().min_items = minimum;
    last().max_items = maximum;
    return *this;
  }
  Message& rule(StringRule rule) { return last().string_rule = rule, *this; }
  Message& oneof(std::string name) {
    Field& target = last();
    target.oneof = std::move(name);
    return *this;
  }
  Message& default_text(std::string text) {
    Field& target = last();
    target.default_text = std::move(text);
    return *this;
  }
  Message& differs(std::string text) {
    Field& target = last();
    target.difference = std::move(text);
    return *this;
  }
  Message& deprecated(std::string instead) {
    Field& target = last();
    target.deprecated = std::move(instead);
    return *this;
  }
  /// The scalar just declared is a list of such; its setter is called for each.
  Message& list() { return last().cardinality = Cardinality::list, *this; }
  Message& cluster_reference() { return last().cluster_reference = true, *this; }
  /// The string just declared stands in the file as base64.
  Message& base64() { return last().kind = Kind::bytes, *this; }
  Message& keys(std::vector<std::string> keys) {
    Field& target = last();
    target.map_keys = std::move(keys);
    return *this;
  }
  /// The field also takes the types of the catalog that belong there; `accept(T&,
  /// ParsedHttpFilter&&)` gets what they have made of it.
  template <class Accept>
  Message& extension(ExtensionPoint point, Accept accept) {
    last().extension_point = point;
    last().accept = [accept](void* target, ParsedHttpFilter&& parsed) {
      accept(*static_cast<T*>(target), std::move(parsed));
    };
    return *this;
  }
  /// Distinguishes this table from another of the same message.
  Message& titled(std::string title) {
    table_.title = std::move(title);
    return *this;
  }
  Message& inert() { return last().inert = true, *this; }

  /// Exactly one field of this oneof must be given.
  Message& require_oneof(std::string name) {
    table_.required_oneofs.push_back(std::move(name));
    return *this;
  }

  /// `hook(T&, const Source&, Context&)` runs when all fields have been read, even if some were
  /// wrong.
  template <class Hook>
  Message& finish(Hook hook) {
    table_.finish = [hook](void* target, const Source& source, Context& context) {
      hook(*static_cast<T*>(target), source, context);
    };
    return *this;
  }

  [[nodiscard]] MessageTable table() { return std::move(table_); }

 private:
  Field& add(std::string name, std::string doc) {
    Field& added = table_.fields.emplace_back();
    added.name = std::move(name);
    added.doc = std::move(doc);
    return added;
  }
  Field& last() { return table_.fields.back(); }

  template <class M, class Plain>
  static void bind(Field& added, M T::*member) {
    added.store = [member](void* target, const Scalar& value, Location location) {
      M& slot = static_cast<T*>(target)->*member;
      if constexpr (detail::Unwrapped<M>::kCardinality == Cardinality::list) {
        slot.push_back(detail::from_scalar<Plain>(value, location));
      } else {
        slot = detail::from_scalar<Plain>(value, location);
      }
    };
  }

  MessageTable table_;
};

}  // namespace holdfast::config
