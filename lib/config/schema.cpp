#include "config/schema.hpp"

#include <boost/json.hpp>
#include <limits>
#include <set>

#include "config/convert.hpp"
#include "config/pretty_json.hpp"
#include "config/walk.hpp"

namespace holdfast::config {
namespace {

namespace json = boost::json;

/// What may be a whole number: a fraction must be zero, unless an exponent makes it whole.
constexpr const char* kWholePattern =
    R"(^[+-]?(0[xX][0-9A-Fa-f]+|[0-9]+(\.0*)?|\.0+|([0-9]+\.?[0-9]*|\.[0-9]+)[eE][+-]?[0-9]+)$)";
constexpr const char* kNumberPattern = R"(^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$)";
constexpr const char* kBase64Pattern =
    "^([A-Za-z0-9+/_-]{4})*([A-Za-z0-9+/_-]{2}(==)?|[A-Za-z0-9+/_-]{3}=?)?$";
constexpr const char* kTokenPattern = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
constexpr const char* kVariable = R"(\$\{)";

/// "true" -> "[Tt][Rr][Uu][Ee]": JSON Schema has no flag for case.
std::string any_case(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const char upper = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    const char small = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    out += upper == small ? std::string(1, c) : std::string{'[', upper, small, ']'};
  }
  return out;
}

std::string quote_pattern(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '.' ? std::string("\\.") : std::string(1, c);
  return out;
}

json::object pattern(std::string text) {
  return {{"type", "string"}, {"pattern", text}};
}
json::object not_null() {
  return {{"not", json::object{{"type", "null"}}}};
}

class SchemaWriter {
 public:
  explicit SchemaWriter(const FilterCatalog& catalog)
      : catalog_(catalog), reachable_(reachable_tables(catalog)) {}

  std::string write() {
    json::object definitions;
    reference(*reachable_.tables.front(), false);
    while (!wanted_.empty()) {
      const auto [table, in_any] = wanted_.back();
      wanted_.pop_back();
      definitions[definition(*table, in_any)] = message(*table, in_any);
    }
    json::object root{
        {"$schema", "http://json-schema.org/draft-07/schema#"},
        {"title", "Holdfast configuration"},
        {"description", "A strict subset of Envoy's v3 bootstrap, plus Holdfast's own filters."},
        {"allOf", json::array{reference(*reachable_.tables.front(), false)}},
        {"definitions", std::move(definitions)}};
    return pretty_json(root) + "\n";
  }

 private:
  std::string key(const MessageTable& table) {
    std::string out;
    for (const char c : reachable_.titles.at(&table)) {
      if (c == ' ') {
        out += '-';
      } else if (c != '(' && c != ')') {
        out += c;
      }
    }
    return out;
  }

  /// A message inside an Any may hold "@type" and so has a definition of its own.
  std::string definition(const MessageTable& table, bool in_any) {
    return key(table) + (in_any ? "@" : "");
  }

  json::object reference(const MessageTable& table, bool in_any) {
    if (seen_.emplace(&table, in_any).second) wanted_.emplace_back(&table, in_any);
    return {{"$ref", "#/definitions/" + definition(table, in_any)}};
  }

  /// Given, and not null: null stands for "absent".
  json::object present(const Field& field) {
    json::array ways;
    for (const std::string& name : spellings(field)) {
      ways.push_back(json::object{{"required", json::array{json::string(name)}},
                                  {"properties", json::object{{name, not_null()}}}});
    }
    if (ways.size() == 1) return ways[0].as_object();
    return {{"anyOf", std::move(ways)}};
  }

  static std::vector<std::string> spellings(const Field& field) {
    std::vector<std::string> names{field.name};
    if (camel_case(field.name) != field.name) names.push_back(camel_case(field.name));
    return names;
  }

  json::object message(const MessageTable& table, bool in_any) {
    json::object properties, camel;
    json::array rules;
    if (in_any) properties["@type"] = json::object{{"type", "string"}};
    for (const Field& field : table.fields) {
      properties[field.name] = property(field);
      const auto names = spellings(field);
      if (names.size() == 2) {  // as a pattern, so that editors offer only the first spelling
        camel["^" + names[1] + "$"] = json::object{
            {"$ref", "#/definitions/" + definition(table, in_any) + "/properties/" + field.name}};
        rules.push_back(
            json::object{{"not", json::object{{"required", json::array{json::string(names[0]),
                                                                       json::string(names[1])}}}}});
      }
      if (field.required) rules.push_back(present(field));
    }
    add_oneof_rules(table, rules);
    json::object out{{"type", "object"}, {"description", table.doc}, {"properties", properties}};
    if (!camel.empty()) out["patternProperties"] = std::move(camel);
    out["additionalProperties"] = false;
    if (!rules.empty()) out["allOf"] = std::move(rules);
    return out;
  }

  void add_oneof_rules(const MessageTable& table, json::array& rules) {
    for (const std::string& oneof : table.required_oneofs) {
      json::array members;
      for (const Field& field : table.fields) {
        if (field.oneof == oneof) members.push_back(present(field));
      }
      rules.push_back(json::object{{"anyOf", std::move(members)}});
    }
    for (std::size_t i = 0; i < table.fields.size(); ++i) {
      for (std::size_t j = i + 1; j < table.fields.size(); ++j) {
        const Field& first = table.fields[i];
        const Field& second = table.fields[j];
        if (first.oneof.empty() || first.oneof != second.oneof) continue;
        const json::array both{present(first), present(second)};
        rules.push_back(json::object{{"not", json::object{{"allOf", both}}}});
      }
    }
  }

  json::object property(const Field& field) {
    std::string text = field.doc;
    if (!field.difference.empty()) text += " Differs from Envoy: " + field.difference;
    json::object out{{"description", text}};
    if (!field.deprecated.empty()) {
      out["description"] = text + " Deprecated: " + field.deprecated + ".";
      out["deprecationMessage"] = "Deprecated: " + field.deprecated;
    }
    add_default(field, out);
    for (auto& entry : schema_of(field)) out[entry.key()] = entry.value();
    return out;
  }

  static void add_default(const Field& field, json::object& out) {
    if (field.cardinality != Cardinality::one || field.default_text.empty()) return;
    const bool literal = field.kind == Kind::boolean || field.kind == Kind::integer;
    json::error_code error;
    json::value value = json::parse(field.default_text, error);
    if (literal && !error) {
      out["default"] = std::move(value);
    } else if (field.kind == Kind::enumeration ||
               (field.kind == Kind::duration && parse_duration(field.default_text))) {
      out["default"] = field.default_text;
    }
  }

  json::object schema_of(const Field& field) {
    json::array ways;
    switch (field.cardinality) {
      case Cardinality::one:
        ways = single(field);
        break;
      case Cardinality::list: {
        json::object list{{"type", "array"}, {"items", alternatives(single(field))}};
        if (field.min_items != 0) list["minItems"] = field.min_items;
        if (field.max_items) list["maxItems"] = *field.max_items;
        ways.push_back(std::move(list));
        if (field.min_items < 2) {  // One value stands for a list of it.
          for (json::value& way : single(field)) ways.push_back(std::move(way));
        }
        break;
      }
      case Cardinality::map: {
        json::object map{{"type", "object"}, {"additionalProperties", alternatives(single(field))}};
        json::array keys;
        for (const std::string& name : field.map_keys) keys.push_back(json::string(name));
        map["propertyNames"] =
            keys.empty() ? json::object{{"minLength", 1}} : json::object{{"enum", std::move(keys)}};
        ways.push_back(std::move(map));
        break;
      }
    }
    if (!field.required) ways.push_back(json::object{{"type", "null"}});
    return alternatives(std::move(ways));
  }

  static json::object alternatives(json::array ways) {
    if (ways.size() == 1) return ways[0].as_object();
    return {{"anyOf", std::move(ways)}};
  }

  json::array single(const Field& field) {
    switch (field.kind) {
      case Kind::boolean:
        return {json::object{{"type", "boolean"}},
                pattern("^(" + any_case("true") + "|" + any_case("yes") + "|[TtYy1]|" +
                        any_case("false") + "|" + any_case("no") + "|[FfNn0])$|" + kVariable)};
      case Kind::integer:
        return integer(field);
      case Kind::number:
        return {json::object{{"type", "number"}},
                pattern(std::string(kNumberPattern) + "|" + kVariable)};
      case Kind::string:
        return {string(field)};
      case Kind::bytes:
        return {pattern(std::string(kBase64Pattern) + "|" + kVariable)};
      case Kind::enumeration:
        return enumeration(field);
      case Kind::duration:
        return {pattern(duration(field) + "|" + kVariable)};
      case Kind::message:
        return {reference(field.message(), false)};
      case Kind::structure:
        return {json::object{{"type", "object"}}};
      case Kind::any:
        return {any(field)};
    }
    return {};
  }

  static json::array integer(const Field& field) {
    json::object number{{"type", "integer"}};
    if (field.minimum) number["minimum"] = *field.minimum;
    if (field.maximum) number["maximum"] = *field.maximum;
    return {std::move(number), pattern(std::string(kWholePattern) + "|" + kVariable)};
  }

  static json::object string(const Field& field) {
    json::object out{{"type", "string"}};
    if (field.min_length != 0) out["minLength"] = field.min_length;
    if (field.string_rule == StringRule::header_name) {
      out["pattern"] = std::string(kTokenPattern) + "|" + kVariable;
    } else if (field.string_rule == StringRule::header_value) {
      out["pattern"] = R"(^[^\u0000\r\n]*$)";
    }
    return out;
  }

  static json::array enumeration(const Field& field) {
    json::array names, numbers;
    std::string any;
    for (const EnumValue& value : field.enumeration) {
      if (!value.implemented) continue;
      names.push_back(json::string(value.name));
      numbers.push_back(value.number);
      any += any_case(value.name) + "|" + std::to_string(value.number) + "|";
    }
    any.pop_back();
    return {json::object{{"enum", std::move(names)}}, json::object{{"enum", std::move(numbers)}},
            pattern("^(" + any + ")$|" + kVariable)};
  }

  static std::string duration(const Field& field) {
    const bool negative = !field.minimum || *field.minimum < 0;
    return std::string("^") + (field.exclusive_minimum ? R"((?!0+(\.0+)?s$))" : "") +
           (negative ? "-?" : "") + R"([0-9]+(\.[0-9]{1,9})?s$)";
  }

  /// "@type" decides by if/then, so that an editor reports the one message that was meant.
  json::object any(const Field& field) {
    std::string all;
    json::array examples, choices, wrapped;
    for (const AnyChoice& choice : any_choices(field, catalog_)) {
      std::string names;
      for (const std::string& name : choice.names) {
        names += (names.empty() ? "" : "|") + quote_pattern(name);
      }
      all += (all.empty() ? "" : "|") + names;
      examples.push_back(json::string("type.googleapis.com/" + choice.names.front()));
      choices.push_back(when("@type", "^.+/(" + names + ")$", reference(*choice.table, true)));
      const json::object value{
          {"properties",
           json::object{
               {"value", json::object{{"anyOf", json::array{reference(*choice.table, true),
                                                            json::object{{"type", "null"}}}}}}}}};
      for (const char* url : {"type_url", "typeUrl"}) {
        wrapped.push_back(when(url, "^(.*/)?(" + names + ")$", value));
      }
    }
    const std::string kWrapper = R"(udpa\.type\.v1\.TypedStruct|xds\.type\.v3\.TypedStruct)";
    choices.push_back(when("@type", "^.+/(" + kWrapper + ")$", typed_struct(all, wrapped)));
    return {{"type", "object"},
            {"required", json::array{"@type"}},
            {"properties",
             json::object{{"@type", json::object{{"type", "string"},
                                                 {"pattern", "^.+/(" + all + "|" + kWrapper + ")$"},
                                                 {"examples", std::move(examples)}}}}},
            {"allOf", std::move(choices)}};
  }

  static json::object typed_struct(const std::string& names, const json::array& values) {
    const json::object url = pattern("^(.*/)?(" + names + ")$");
    json::array rules = values;
    rules.push_back(
        json::object{{"anyOf", json::array{json::object{{"required", json::array{"type_url"}}},
                                           json::object{{"required", json::array{"typeUrl"}}}}}});
    return {{"properties",
             json::object{{"@type", true}, {"type_url", url}, {"typeUrl", url}, {"value", true}}},
            {"additionalProperties", false},
            {"allOf", std::move(rules)}};
  }

  static json::object when(const std::string& name, const std::string& value, json::object then) {
    return {{"if", json::object{{"required", json::array{json::string(name)}},
                                {"properties", json::object{{name, pattern(value)}}}}},
            {"then", std::move(then)}};
  }

  const FilterCatalog& catalog_;
  const Reachable reachable_;
  std::set<std::pair<const MessageTable*, bool>> seen_;
  std::vector<std::pair<const MessageTable*, bool>> wanted_;  ///< Definitions to be written yet.
};

}  // namespace

std::string json_schema(const FilterCatalog& catalog) {
  return SchemaWriter(catalog).write();
}

}  // namespace holdfast::config
