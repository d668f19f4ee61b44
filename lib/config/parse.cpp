// parse: walks a Value tree and a field table side by side and fills the structs.
#include "config/parse.hpp"

#include <algorithm>
#include <map>

#include "config/context.hpp"
#include "config/convert.hpp"
#include "config/envoy_names.hpp"
#include "config/text_tree.hpp"

namespace holdfast::config {
namespace {

constexpr std::string_view kTypeKey = "@type";

class MessageParser {
 public:
  MessageParser(const MessageTable& table, const Value& value, void* target, Context& context,
                Place place)
      : table_(table), value_(value), target_(target), context_(context), place_(place) {}

  void run() {
    if (value_.kind != Value::Kind::mapping) {
      context_.error(value_.location, table_.name + " wants a mapping of fields, not " +
                                          std::string(kind_name(value_.kind)));
      return;
    }
    for (const Value::Entry& entry : value_.entries) {
      if (place_ != Place::in_any || entry.key != kTypeKey) read_entry(entry);
    }
    report_missing();
    if (table_.finish) table_.finish(target_, Source(value_), context_);
  }

 private:
  [[nodiscard]] std::string of(const Field& field) const {
    return "field \"" + field.name + "\" of " + table_.name;
  }

  void read_entry(const Value::Entry& entry) {
    const Field* field = table_.find(entry.key);
    if (field == nullptr) return report_unknown(entry);
    if (!seen_.emplace(field, &entry).second) {
      context_.error(entry.location, "duplicate key \"" + entry.key + "\": \"" + field->name +
                                         "\" is given in both spellings");
      return;
    }
    if (entry.value.kind == Value::Kind::null) return;  // null = absent, in protobuf's JSON
    if (!field->oneof.empty()) {
      const auto [first, fresh] = oneofs_.emplace(field->oneof, field->name);
      if (!fresh) {
        context_.error(entry.location, "\"" + field->name + "\" cannot stand beside \"" +
                                           first->second + "\" in " + table_.name +
                                           ": one of them only");
        return;
      }
    }
    if (!field->deprecated.empty()) {
      context_.warning(entry.location, of(*field) + " is deprecated: " + field->deprecated);
    }
    read_field(*field, entry.value);
  }

  void read_field(const Field& field, const Value& value) {
    switch (field.cardinality) {
      case Cardinality::one:
        return read_single(field, value);
      case Cardinality::list:
        return read_list(field, value);
      case Cardinality::map:
        return read_map(field, value);
    }
  }

  void read_single(const Field& field, const Value& value) {
    if (field.kind == Kind::message) {
      return parse_message(field.message(), value, field.open(target_), context_);
    }
    if (field.kind == Kind::any) {
      return parse_any_field(field, table_.name, value, target_, context_);
    }
    const auto scalar = convert_scalar(field, table_.name, value, context_);
    if (!scalar) return;
    if (field.cluster_reference) {
      context_.refer_to_cluster(std::get<std::string>(*scalar), value.location, table_.name);
    }
    field.store(target_, *scalar, value.location);
  }

  void read_list(const Field& field, const Value& value) {
    if (value.kind != Value::Kind::sequence && context_.scalars() == Scalars::strict) {
      context_.error(value.location,
                     of(field) + " wants a list, not " + std::string(kind_name(value.kind)));
      return;
    }
    check_item_count(field, value);
    for (const Value& item : value.as_list()) {
      if (item.kind == Value::Kind::null) {
        context_.error(item.location, "null in the list \"" + field.name + "\" of " + table_.name);
      } else {
        read_single(field, item);
      }
    }
  }

  void check_item_count(const Field& field, const Value& value) {
    const std::size_t count = value.as_list().size();
    const bool too_many = field.max_items && count > *field.max_items;
    if (count >= field.min_items && !too_many) return;
    std::string wanted;
    if (field.max_items == field.min_items) {
      wanted = "exactly " + std::to_string(field.min_items);
    } else {
      wanted = too_many ? "at most " + std::to_string(*field.max_items)
                        : "at least " + std::to_string(field.min_items);
    }
    context_.error(too_many ? value.as_list()[*field.max_items].location : value.location,
                   of(field) + " wants " + wanted + " item" + (wanted.ends_with(" 1") ? "" : "s") +
                       ", not " + std::to_string(count));
  }

  void read_map(const Field& field, const Value& value) {
    if (value.kind != Value::Kind::mapping) {
      context_.error(value.location,
                     of(field) + " wants a mapping, not " + std::string(kind_name(value.kind)));
      return;
    }
    for (const Value::Entry& entry : value.entries) read_map_entry(field, entry);
    if (field.kind == Kind::structure && field.store) {
      field.store(target_, to_json(value), value.location);
    }
  }

  void read_map_entry(const Field& field, const Value::Entry& entry) {
    if (entry.key.empty()) {
      context_.error(entry.location, "empty key in " + of(field));
    } else if (!field.map_keys.empty() && std::find(field.map_keys.begin(), field.map_keys.end(),
                                                    entry.key) == field.map_keys.end()) {
      context_.error(entry.location, "unknown key \"" + entry.key + "\" in " + of(field) +
                                         ": Holdfast knows \"" + field.map_keys.front() + "\"");
    } else if (field.kind == Kind::string) {
      if (auto text = convert_scalar(field, table_.name, entry.value, context_)) {
        field.store_entry(target_, entry.key, std::get<std::string>(std::move(*text)));
      }
    } else if (entry.value.kind != Value::Kind::mapping) {
      context_.error(entry.value.location, "\"" + entry.key + "\" in " + of(field) +
                                               " wants a mapping, not " +
                                               std::string(kind_name(entry.value.kind)));
    } else if (field.kind == Kind::any) {
      parse_any_field(field, table_.name, entry.value, target_, context_);
    }
  }

  void report_unknown(const Value::Entry& entry) {
    std::vector<std::string_view> candidates;
    for (const EnvoyField& known : envoy_fields(table_.full_name)) {
      if (known.name != entry.key && camel_case(known.name) != entry.key) continue;
      if (!known.oneof.empty()) oneofs_.emplace(known.oneof, known.name);
      context_.error(entry.location, "field \"" + std::string(known.name) + "\" of Envoy's " +
                                         table_.name + " is not implemented by Holdfast");
      return;
    }
    candidates.reserve(table_.fields.size());
    for (const Field& field : table_.fields) candidates.emplace_back(field.name);
    context_.error(entry.location, "unknown field \"" + entry.key + "\" in " + table_.name +
                                       did_you_mean(entry.key, candidates));
  }

  void report_missing() {
    for (const Field& field : table_.fields) {
      const auto found = seen_.find(&field);
      const bool given = found != seen_.end() && found->second->value.kind != Value::Kind::null;
      if (field.required && !given) {
        context_.error(value_.location,
                       "missing required field \"" + field.name + "\" in " + table_.name);
      }
    }
    for (const std::string& oneof : table_.required_oneofs) {
      if (oneofs_.contains(oneof)) continue;
      std::string names;
      for (const Field& field : table_.fields) {
        if (field.oneof == oneof) names += (names.empty() ? "\"" : ", \"") + field.name + "\"";
      }
      context_.error(
          value_.location,
          "missing " +
              std::string(names.find(',') == std::string::npos ? "required field " : "one of ") +
              names + " in " + table_.name);
    }
  }

  const MessageTable& table_;
  const Value& value_;
  void* target_;
  Context& context_;
  const Place place_;
  std::map<const Field*, const Value::Entry*> seen_;
  std::map<std::string, std::string, std::less<>> oneofs_;  ///< Oneof to the field that was given.
};

}  // namespace

void parse_message(const MessageTable& table, const Value& value, void* target, Context& context,
                   Place place) {
  MessageParser(table, value, target, context, place).run();
}

void parse_any(const MessageTable& table, const Value& value, void* target, Context& context) {
  parse_message(table, value, target, context, Place::in_any);
}

void Context::parse_json_text(const MessageTable& table, const LocatedString& text, void* target,
                              Scalars scalars) {
  Diagnostics found;
  Context inner(found, catalog_, scalars);
  if (const auto value = read_json(text.text, text.location.input, Env(), found)) {
    parse_message(table, *value, target, inner);
  }
  for (const Diagnostic& diagnostic : found.sorted({})) {
    std::string message = diagnostic.message;
    if (!message.starts_with("JSON: ")) message.insert(0, "JSON: ");
    message += " (line " + std::to_string(diagnostic.location.line) + ", column " +
               std::to_string(diagnostic.location.column) + " of the JSON text)";
    if (diagnostic.severity == Severity::error) {
      error(text.location, std::move(message));
    } else {
      warning(text.location, std::move(message));
    }
  }
  for (const ClusterReference& reference : inner.references_) {
    refer_to_cluster(reference.cluster, text.location, reference.owner);
  }
}

}  // namespace holdfast::config
