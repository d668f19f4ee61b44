#include "config/reference.hpp"

#include <algorithm>
#include <limits>

#include "config/convert.hpp"
#include "config/envoy_names.hpp"
#include "config/walk.hpp"

namespace holdfast::config {
namespace {

constexpr const char* kIntroduction = R"(# Configuration reference

This page is printed from the tables that drive the parser; a test keeps it up to date. `config/holdfast.schema.json`
(or `holdfast schema`) holds the same as a JSON Schema. Put this line at the top of a file, and editors with
yaml-language-server complete and check it:

    # yaml-language-server: $schema=./holdfast.schema.json

The file is a strict subset of Envoy's v3 bootstrap, as YAML or, when its name ends in `.json`, as JSON. What Holdfast
does not implement it refuses by name; it never ignores a field silently (fields marked *no effect* are accepted so that
one file serves both). All errors of a file are reported at once, sorted by line, and no socket opens before there are
none.

## How values are read

As Envoy 1.40 reads them (YAML to JSON to protobuf):

- Field names are `snake_case` or `camelCase`; giving both is an error (Envoy takes one of them).
- `null`, `~` and nothing mean the default.
- Numbers may be strings: `"80"`, `80.0`, `"0x50"` and `1e3` serve where an integer is wanted. Plain `0x50` is 80. Plain
  `010` is 8 to Envoy and 10 to YAML 1.2; Holdfast refuses it.
- Plain `yes`, `no`, `on`, `off`, `y`, `n`, `true`, `false` are booleans, so a string that looks like one, or like a
  number, must be quoted.
- Enumerators are accepted in any case, and by number.
- Durations are seconds with an `s`: `5s`, `0.25s`. Holdfast keeps milliseconds and rounds up.
- Bytes are base64.
- A message under `typed_config` names its type by `@type`; `udpa.type.v1.TypedStruct` and `xds.type.v3.TypedStruct`
  wrappers are unwrapped.
- Anchors and aliases work. A key tagged `!ignore` is skipped: a place for anchors.

Stricter than Envoy, each an error here: duplicate keys (Envoy: the last one wins), a second YAML document, tags other than
`!ignore`, bytes that are not UTF-8, control characters, a list given as a single value, JSON with trailing commas. `<<`
merge keys are unknown fields in both. A file may have 8 MiB, 100 levels and 250,000 values (aliases expanded).

## Environment variables

`${NAME}` in a value is replaced by the environment variable, and `${NAME:-default}` by the default when it is unset or
empty. It happens before the value is read, so `port_value: ${PORT:-8080}` is a number. An undefined variable is an error.
`$${` stands for a literal `${`. Keys and comments are left alone. Envoy has nothing like it.

## Merging

`--config-yaml` is laid over the file of `-c` as protobuf merges messages: lists are appended, messages merged field by
field, other values replaced. In Envoy a zero, `false` or empty value cannot replace another; here it does.

)";

std::string anchor(const std::string& title) {
  std::string out;
  for (const char c : title) {
    if (c == ' ') {
      out += '-';
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_') {
      out += c;
    } else if (c >= 'A' && c <= 'Z') {
      out += static_cast<char>(c + 32);
    }
  }
  return out;
}

/// A cell of a Markdown table: no bare pipes, no line breaks.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') {
      out += "\\|";
    } else {
      out += c == '\n' ? ' ' : c;
    }
  }
  return out;
}

class ReferenceWriter {
 public:
  explicit ReferenceWriter(const FilterCatalog& catalog)
      : catalog_(catalog), reachable_(reachable_tables(catalog)) {}

  std::string write() {
    std::string out = kIntroduction;
    for (const MessageTable* table : reachable_.tables) append(*table, out);
    return out;
  }

 private:
  void append(const MessageTable& table, std::string& out) {
    out += "## " + reachable_.titles.at(&table) + "\n\n" + table.doc + " (`" + table.full_name +
           "`)\n\n";
    if (!table.fields.empty()) {
      out += "| field | type | default | meaning | differs from Envoy |\n|---|---|---|---|---|\n";
      for (const Field& field : table.fields) {
        out += "| `" + field.name + "` | " + cell(type(field)) + " | " + cell(default_of(field)) +
               " | " + cell(meaning(table, field)) + " | " + cell(field.difference) + " |\n";
      }
      out += '\n';
    }
    append_refused(table, out);
  }

  static void append_refused(const MessageTable& table, std::string& out) {
    std::string names;
    for (const EnvoyField& field : envoy_fields(table.full_name)) {
      if (table.find(field.name) != nullptr) continue;
      names += (names.empty() ? "`" : ", `") + std::string(field.name) + "`";
    }
    if (!names.empty()) out += "Envoy's, refused by name: " + names + ".\n\n";
  }

  std::string link(const MessageTable& table) {
    const std::string& title = reachable_.titles.at(&table);
    return "[" + title + "](#" + anchor(title) + ")";
  }

  std::string type(const Field& field) {
    std::string text;
    if (field.kind == Kind::message) {
      text = link(field.message());
    } else if (field.kind == Kind::any) {
      for (const AnyChoice& choice : any_choices(field, catalog_)) {
        text += (text.empty() ? "" : " or ") + link(*choice.table);
      }
    } else if (field.kind == Kind::structure) {
      text = "object";
    } else {
      text = describe(field);
    }
    if (field.cardinality == Cardinality::list) return "list of " + text;
    if (field.cardinality == Cardinality::map) return "map of " + text;
    return text;
  }

  static std::string default_of(const Field& field) {
    if (field.required) return "**required**";
    if (field.default_text.empty()) return "";
    const bool phrase = field.default_text.find(' ') != std::string::npos;
    if (phrase) return field.default_text;
    const bool literal = field.kind == Kind::boolean || field.kind == Kind::integer ||
                         field.kind == Kind::enumeration || field.kind == Kind::string ||
                         (field.kind == Kind::duration && parse_duration(field.default_text));
    return literal ? "`" + field.default_text + "`" : field.default_text;
  }

  static std::string meaning(const MessageTable& table, const Field& field) {
    std::string text = field.doc;
    if (field.inert) text += " *No effect.*";
    if (!field.deprecated.empty()) text += " *Deprecated:* " + field.deprecated + ".";
    std::string others;
    for (const Field& other : table.fields) {
      if (field.oneof.empty() || other.oneof != field.oneof || &other == &field) continue;
      others += (others.empty() ? "`" : ", `") + other.name + "`";
    }
    const bool needed = std::find(table.required_oneofs.begin(), table.required_oneofs.end(),
                                  field.oneof) != table.required_oneofs.end();
    if (!others.empty()) {
      text += (needed ? " Exactly one of this and " : " Not beside ") + others + ".";
    } else if (needed) {
      text += " Required.";
    }
    return text;
  }

  const FilterCatalog& catalog_;
  const Reachable reachable_;
};

}  // namespace

std::string configuration_markdown(const FilterCatalog& catalog) {
  return ReferenceWriter(catalog).write();
}

}  // namespace holdfast::config
