#include "config/value.hpp"

#include <boost/json.hpp>

namespace holdfast::config {

const Value* Value::find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

std::span<const Value> Value::as_list() const {
  if (kind == Kind::sequence) return items;
  return {this, kind == Kind::null ? 0U : 1U};
}

void Value::become_list() {
  if (kind == Kind::sequence) return;
  Value list;
  list.location = location;
  list.kind = Kind::sequence;
  if (kind != Kind::null) list.items.push_back(std::move(*this));
  *this = std::move(list);
}

std::string_view kind_name(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::null:
      return "null";
    case Value::Kind::boolean:
      return "a boolean";
    case Value::Kind::number:
      return "a number";
    case Value::Kind::string:
      return "a string";
    case Value::Kind::sequence:
      return "a list";
    case Value::Kind::mapping:
      return "a mapping";
  }
  return "";
}

namespace {

void append_json(const Value& value, std::string& out) {
  switch (value.kind) {
    case Value::Kind::null:
      out += "null";
      return;
    case Value::Kind::boolean:
    case Value::Kind::number:
      out += value.text;
      return;
    case Value::Kind::string:
      out += boost::json::serialize(boost::json::string_view(value.text));
      return;
    case Value::Kind::sequence: {
      char separator = '[';
      for (const Value& item : value.items) {
        out += separator;
        append_json(item, out);
        separator = ',';
      }
      out += value.items.empty() ? "[]" : "]";
      return;
    }
    case Value::Kind::mapping: {
      char separator = '{';
      for (const Value::Entry& entry : value.entries) {
        out += separator;
        out += boost::json::serialize(boost::json::string_view(entry.key));
        out += ':';
        append_json(entry.value, out);
        separator = ',';
      }
      out += value.entries.empty() ? "{}" : "}";
      return;
    }
  }
}

}  // namespace

std::string to_json(const Value& value) {
  std::string out;
  append_json(value, out);
  return out;
}

}  // namespace holdfast::config
