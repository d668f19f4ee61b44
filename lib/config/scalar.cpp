#include "config/scalar.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace holdfast::config {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_null(std::string_view text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

/// yaml-cpp's booleans: all lower, all upper, or only the first letter upper ("tRUE" is a string).
std::optional<bool> as_bool(std::string_view text) {
  struct Name {
    std::string_view text;
    bool value;
  };
  static constexpr std::array kNames{Name{"y", true},    Name{"n", false},    Name{"yes", true},
                                     Name{"no", false},  Name{"true", true},  Name{"on", true},
                                     Name{"off", false}, Name{"false", false}};
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto uppers = static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_upper));
  if (uppers != 0 && uppers != text.size() && !(uppers == 1 && is_upper(text[0]))) {
    return std::nullopt;
  }
  for (const Name& name : kNames) {
    if (std::equal(text.begin(), text.end(), name.text.begin(), name.text.end(),
                   [](char a, char b) { return lower(a) == b; })) {
      return name.value;
    }
  }
  return std::nullopt;
}

struct Integer {
  std::int64_t value;
  bool octal;
};

/// An integer as C's base 0 reads it: decimal, 0x hex, 0 octal, with a sign.
std::optional<Integer> as_integer(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    base = 8;
  }
  if (text.empty() || text[0] == '-' || text[0] == '+') return std::nullopt;
  std::uint64_t magnitude = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (error != std::errc{} || end != text.data() + text.size() || magnitude > kMax) {
    return std::nullopt;
  }
  const auto value = static_cast<std::int64_t>(magnitude);
  return Integer{negative ? -value : value, base == 8};
}

}  // namespace

void type_plain_scalar(std::string_view text, Value& value, Diagnostics& diagnostics) {
  value.text.clear();
  if (is_null(text)) {
    value.kind = Value::Kind::null;
    return;
  }
  if (const auto boolean = as_bool(text)) {
    value.kind = Value::Kind::boolean;
    value.text = *boolean ? "true" : "false";
    return;
  }
  if (const auto integer = as_integer(text)) {
    if (integer->octal) {
      std::string decimal(text);
      decimal.erase(0, decimal.find_first_not_of("+-0"));
      diagnostics.error(value.location, "\"" + std::string(text) +
                                            "\" is ambiguous: Envoy reads octal " +
                                            std::to_string(integer->value) + ", YAML 1.2 decimal " +
                                            (decimal.empty() ? "0" : decimal) +
                                            "; write the one you mean, or quote it");
    }
    // Envoy hands larger ones to protobuf as strings, so that JSON's doubles do not round them.
    const bool small = integer->value >= std::numeric_limits<std::int32_t>::min() &&
                       integer->value <= std::numeric_limits<std::int32_t>::max();
    value.kind = small ? Value::Kind::number : Value::Kind::string;
    value.text = std::to_string(integer->value);
    return;
  }
  value.kind = Value::Kind::string;
  value.text = text;
}

std::string expand_variables(std::string_view text, const Env& env, Location location,
                             Diagnostics& diagnostics) {
  std::string out;
  for (;;) {
    const auto start = text.find("${");
    if (start == std::string_view::npos) return out.append(text);
    if (start > 0 && text[start - 1] == '$') {  // $${ -> ${
      out.append(text.substr(0, start - 1)).append("${");
      text.remove_prefix(start + 2);
      continue;
    }
    out.append(text.substr(0, start));
    text.remove_prefix(start + 2);
    const auto end = text.find('}');
    const std::string_view inside = text.substr(0, end);
    const auto colon = inside.find(":-");
    const std::string name(inside.substr(0, colon));
    const auto is_word = [](char c) {
      return is_digit(c) || c == '_' || (lower(c) >= 'a' && lower(c) <= 'z');
    };
    if (end == std::string_view::npos || name.empty() || is_digit(name[0]) ||
        !std::all_of(name.begin(), name.end(), is_word)) {
      diagnostics.error(
          location,
          "malformed \"${\": write ${NAME} or ${NAME:-default}, or $${ for a literal \"${\"");
      return out.append(text);
    }
    text.remove_prefix(end + 1);
    const auto found = env(name);
    if (colon != std::string_view::npos && (!found || found->empty())) {
      out.append(inside.substr(colon + 2));
    } else if (found) {
      out.append(*found);
    } else {
      diagnostics.error(location, "environment variable \"" + name + "\" is not defined; ${" +
                                      name + ":-default} gives a default");
    }
  }
}

}  // namespace holdfast::config
