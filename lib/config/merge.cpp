#include "config/merge.hpp"

#include <algorithm>

namespace holdfast::config {
namespace {

Value::Entry* find_entry(Value& message, const Field& field) {
  for (Value::Entry& entry : message.entries) {
    if (entry.key == field.name || entry.key == camel_case(field.name)) return &entry;
  }
  return nullptr;
}

/// Maps and Structs: entries of the same key are replaced.
void merge_keys(Value& base, Value over) {
  for (Value::Entry& entry : over.entries) {
    const auto found = std::find_if(base.entries.begin(), base.entries.end(),
                                    [&](const Value::Entry& e) { return e.key == entry.key; });
    if (found == base.entries.end()) {
      base.entries.push_back(std::move(entry));
    } else {
      *found = std::move(entry);
    }
  }
}

void merge_field(const Field& field, Value& base, Value over) {
  const bool same = base.kind == over.kind;
  if (field.cardinality == Cardinality::list && base.kind != Value::Kind::null) {
    for (Value* list : {&base, &over}) list->become_list();
    std::move(over.items.begin(), over.items.end(), std::back_inserter(base.items));
  } else if (same && base.kind == Value::Kind::mapping && field.kind == Kind::message) {
    merge(field.message(), base, std::move(over));
  } else if (same && base.kind == Value::Kind::mapping &&
             (field.kind == Kind::structure || field.cardinality == Cardinality::map)) {
    merge_keys(base, std::move(over));
  } else {
    base = std::move(over);
  }
}

void drop_other_members(const MessageTable& table, const Field& chosen, Value& message) {
  if (chosen.oneof.empty()) return;
  for (const Field& field : table.fields) {
    if (&field == &chosen || field.oneof != chosen.oneof) continue;
    std::erase_if(message.entries, [&](const Value::Entry& entry) {
      return entry.key == field.name || entry.key == camel_case(field.name);
    });
  }
}

}  // namespace

void merge(const MessageTable& table, Value& base, Value over) {
  for (Value::Entry& entry : over.entries) {
    const Field* field = table.find(entry.key);
    Value::Entry* known = field == nullptr ? nullptr : find_entry(base, *field);
    if (known == nullptr) {
      if (field != nullptr) drop_other_members(table, *field, base);
      base.entries.push_back(std::move(entry));
    } else if (entry.value.kind != Value::Kind::null) {  // null = not given: the file's value stays
      merge_field(*field, known->value, std::move(entry.value));
      known->location = entry.location;
    }
  }
}

}  // namespace holdfast::config
