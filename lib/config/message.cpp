#include "config/message.hpp"

namespace holdfast::config {

const Field* MessageTable::find(std::string_view field_name) const {
  for (const Field& field : fields) {
    if (field.name == field_name || camel_case(field.name) == field_name) return &field;
  }
  return nullptr;
}

std::string camel_case(std::string_view snake) {
  std::string out;
  bool raise = false;
  for (const char c : snake) {
    if (c == '_') {
      raise = true;
    } else {
      out += raise && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      raise = false;
    }
  }
  return out;
}

std::string duration_text(Milliseconds value) {
  std::string text = std::to_string(value.count() / 1000);
  if (const auto rest = value.count() % 1000; rest != 0) {
    const std::string digits = std::to_string(rest < 0 ? -rest : rest);
    text = (value.count() < 0 && value.count() > -1000 ? "-" : "") + text + '.' +
           std::string(3 - digits.size(), '0') + digits;
  }
  return text + 's';
}

const Value* Source::find(std::string_view field) const {
  const Value* value = value_.find(field);
  if (value == nullptr) value = value_.find(camel_case(field));
  return value == nullptr || value->kind == Value::Kind::null ? nullptr : value;
}

Location Source::where(std::string_view field) const {
  const Value* value = find(field);
  return value == nullptr ? value_.location : value->location;
}

}  // namespace holdfast::config
