#include "config/source_json.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "config/convert.hpp"
#include "config/parse.hpp"

namespace holdfast::config {
namespace {

namespace json = boost::json;

/// protobuf prints 0, 3, 6 or 9 digits of the fraction.
std::string canonical_duration(const std::string& text) {
  const auto value = parse_duration(text);
  if (!value) return text;
  const auto count = value->count();
  const auto magnitude = static_cast<std::uint64_t>(count < 0 ? -count : count);
  std::string out = (count < 0 ? "-" : "") + std::to_string(magnitude / 1'000'000'000);
  if (const auto nanos = magnitude % 1'000'000'000; nanos != 0) {
    std::string digits = std::to_string(nanos);
    digits.insert(0, 9 - digits.size(), '0');
    while (digits.ends_with("000")) digits.resize(digits.size() - 3);
    out += '.' + digits;
  }
  return out + 's';
}

/// The value as it stands. Not by way of text: Boost.JSON's parser stops at 32 levels, ours at 100.
json::value as_is(const Value& value) {
  switch (value.kind) {
    case Value::Kind::null:
      return nullptr;
    case Value::Kind::boolean:
      return value.text == "true";
    case Value::Kind::number: {
      json::error_code error;
      json::value number = json::parse(value.text, error);
      return error ? json::value(json::string(value.text)) : number;
    }
    case Value::Kind::string:
      return json::string(value.text);
    case Value::Kind::sequence: {
      json::array out;
      for (const Value& item : value.items) out.push_back(as_is(item));
      return out;
    }
    case Value::Kind::mapping: {
      json::object out;
      for (const Value::Entry& entry : value.entries) out[entry.key] = as_is(entry.value);
      return out;
    }
  }
  return nullptr;
}

class Writer {
 public:
  explicit Writer(const FilterCatalog& catalog) : catalog_(catalog) {}

  json::object message(const MessageTable& table, const Value& value) {
    json::object out;
    for (const Value::Entry& entry : value.entries) {
      if (entry.value.kind == Value::Kind::null) continue;
      if (entry.key == "@type") {
        out["@type"] = entry.value.text;
      } else if (const Field* field = table.find(entry.key)) {
        out[field->name] = this->field(*field, entry.value);
      }
    }
    return out;
  }

 private:
  json::value field(const Field& field, const Value& value) {
    if (field.cardinality == Cardinality::one) return single(field, value);
    if (field.cardinality == Cardinality::list) {
      json::array out;
      for (const Value& item : value.as_list()) out.push_back(single(field, item));
      return out;
    }
    json::object out;
    for (const Value::Entry& entry : value.entries) out[entry.key] = single(field, entry.value);
    return out;
  }

  json::value single(const Field& field, const Value& value) {
    switch (field.kind) {
      case Kind::message:
        return message(field.message(), value);
      case Kind::any:
        return any(field, value);
      case Kind::structure:
        return as_is(value);
      case Kind::duration:
        return json::string(canonical_duration(value.text));
      case Kind::enumeration: {
        const EnumValue* found = find_enum(field.enumeration, value);
        return json::string(found == nullptr ? value.text : found->name);
      }
      case Kind::string:
      case Kind::bytes:
        return json::string(value.text);
      case Kind::boolean:
      case Kind::integer:
      case Kind::number:
        break;
    }
    return number(field, value);
  }

  json::value number(const Field& field, const Value& value) {
    Diagnostics ignored;  // the value has been converted once before
    Context context(ignored, catalog_);
    const auto scalar = convert_scalar(field, "", value, context);
    if (!scalar) return nullptr;
    if (const auto* flag = std::get_if<bool>(&*scalar)) return *flag;
    if (const auto* integer = std::get_if<std::int64_t>(&*scalar)) return *integer;
    if (const auto* natural = std::get_if<std::uint64_t>(&*scalar)) return *natural;
    if (const auto* real = std::get_if<double>(&*scalar)) return *real;
    return nullptr;
  }

  json::value any(const Field& field, const Value& value) {
    const auto content = open_any(value, "", "", nullptr);
    if (!content || content->wrapped) return as_is(value);
    const MessageTable* table = table_of(field, content->type_name);
    return table == nullptr ? json::value(as_is(value)) : json::value(message(*table, value));
  }

  const MessageTable* table_of(const Field& field, const std::string& name) {
    const auto has = [&](const std::vector<std::string>& names) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    for (const AnyType& type : field.any_types) {
      if (has(type.type_names)) return &type.table();
    }
    for (const HttpFilterType& type : catalog_) {
      if (field.extension_point == type.point && has(type.type_urls)) return type.table;
    }
    return nullptr;
  }

  const FilterCatalog& catalog_;
};

}  // namespace

std::string source_json(const MessageTable& table, const Value& value,
                        const FilterCatalog& catalog) {
  return json::serialize(Writer(catalog).message(table, value));
}

}  // namespace holdfast::config
