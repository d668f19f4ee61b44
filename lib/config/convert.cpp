#include "config/convert.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace holdfast::config {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

struct Integer {
  bool negative = false;
  std::uint64_t magnitude = 0;
};

template <class T>
bool consume_all(std::string_view text, T& out, auto... how) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, how...);
  return error == std::errc{} && end == text.data() + text.size();
}

/// protobuf reads decimal and 0x hex integers, then falls back to a double that must be whole.
std::optional<Integer> parse_integer(std::string_view text) {
  Integer result;
  result.negative = !text.empty() && text[0] == '-';
  if (result.negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  if (text.empty() || !(is_digit(text[0]) || text[0] == '.')) return std::nullopt;
  if (text.size() > 2 && text[0] == '0' && lower(text[1]) == 'x') {
    if (!consume_all(text.substr(2), result.magnitude, 16)) return std::nullopt;
    return result;
  }
  if (consume_all(text, result.magnitude, 10)) return result;
  double real = 0;
  if (!consume_all(text, real) || real != std::floor(real) || real > 9007199254740992.0) {
    return std::nullopt;
  }
  result.magnitude = static_cast<std::uint64_t>(real);
  return result;
}

std::string given(const Value& value) {
  constexpr std::size_t kLongest = 60;
  switch (value.kind) {
    case Value::Kind::boolean:
    case Value::Kind::number:
      return "the " + std::string(value.kind == Value::Kind::number ? "number " : "boolean ") +
             value.text;
    case Value::Kind::string:
      return "\"" + value.text.substr(0, kLongest) +
             (value.text.size() > kLongest ? "...\"" : "\"");
    default:
      return std::string(kind_name(value.kind));
  }
}

class Converter {
 public:
  Converter(const Field& field, std::string_view message, const Value& value, Context& context)
      : field_(field), message_(message), value_(value), context_(context) {}

  std::optional<Scalar> run() {
    switch (field_.kind) {
      case Kind::boolean:
        return to_boolean();
      case Kind::integer:
        return to_integer();
      case Kind::number:
        return to_number();
      case Kind::string:
        return to_string();
      case Kind::bytes:
        return to_bytes();
      case Kind::enumeration:
        return to_enumeration();
      case Kind::duration:
        return to_duration();
      case Kind::structure:
        if (value_.kind != Value::Kind::mapping) return mismatch();
        return to_json(value_);
      case Kind::message:
      case Kind::any:
        break;
    }
    return mismatch();
  }

 private:
  [[nodiscard]] std::string name() const {
    return "field \"" + field_.name + "\" of " + std::string(message_);
  }

  std::nullopt_t mismatch(std::string_view hint = {}) {
    context_.error(value_.location, name() + " wants " + describe(field_) + ", not " +
                                        given(value_) + std::string(hint));
    return std::nullopt;
  }

  [[nodiscard]] bool strict() const { return context_.scalars() == Scalars::strict; }
  [[nodiscard]] bool numeric() const {
    return value_.kind == Value::Kind::number || (value_.kind == Value::Kind::string && !strict());
  }

  std::optional<Scalar> to_boolean() {
    if (value_.kind == Value::Kind::boolean) return value_.text == "true";
    if (value_.kind == Value::Kind::string && !strict()) {
      for (const std::string_view word : {"true", "t", "yes", "y", "1"}) {
        if (equal_ignoring_case(value_.text, word)) return true;
      }
      for (const std::string_view word : {"false", "f", "no", "n", "0"}) {
        if (equal_ignoring_case(value_.text, word)) return false;
      }
    }
    return mismatch();
  }

  std::optional<Scalar> to_integer() {
    if (!numeric()) return mismatch();
    if (strict() && value_.text.find_first_of(".eE") != std::string::npos) return mismatch();
    const auto integer = parse_integer(value_.text);
    if (!integer) return mismatch();
    const std::int64_t minimum = field_.minimum.value_or(std::numeric_limits<std::int64_t>::min());
    const std::uint64_t maximum =
        field_.maximum.value_or(std::numeric_limits<std::uint64_t>::max());
    if (integer->negative && integer->magnitude != 0) {
      constexpr auto kMost = std::uint64_t{1} << 63U;
      if (integer->magnitude > kMost) return mismatch();
      const auto value = static_cast<std::int64_t>(0 - integer->magnitude);
      if (value < minimum) return mismatch();
      return value;
    }
    if (integer->magnitude > maximum ||
        (minimum > 0 && integer->magnitude < static_cast<std::uint64_t>(minimum))) {
      return mismatch();
    }
    if (maximum > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return integer->magnitude;
    }
    return static_cast<std::int64_t>(integer->magnitude);
  }

  std::optional<Scalar> to_number() {
    double real = 0;
    if (!numeric() || !consume_all(value_.text, real) || !std::isfinite(real)) return mismatch();
    return real;
  }

  std::optional<Scalar> to_string() {
    if (value_.kind != Value::Kind::string) {
      const bool scalar = value_.kind == Value::Kind::number || value_.kind == Value::Kind::boolean;
      return mismatch(scalar ? " (put it in quotes)" : "");
    }
    if (value_.text.size() < field_.min_length) {
      context_.error(value_.location, name() + " must not be empty");
      return std::nullopt;
    }
    const bool header =
        field_.string_rule != StringRule::free &&
        value_.text.find_first_of(std::string_view("\0\r\n", 3)) != std::string::npos;
    if (header || (field_.string_rule == StringRule::header_name && !is_token())) {
      context_.error(value_.location,
                     name() + (field_.string_rule == StringRule::header_name
                                   ? " is not a header name: " + given(value_)
                                   : " must not hold NUL, CR or LF: it goes into a header"));
      return std::nullopt;
    }
    return value_.text;
  }

  /// RFC 9110 5.6.2.
  [[nodiscard]] bool is_token() const {
    static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    return !value_.text.empty() && std::all_of(value_.text.begin(), value_.text.end(), [](char c) {
      return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') ||
             kMarks.find(c) != std::string_view::npos;
    });
  }

  std::optional<Scalar> to_bytes() {
    if (value_.kind != Value::Kind::string) return mismatch();
    std::string_view text = value_.text;
    for (int i = 0; i < 2 && text.size() % 4 != 1 && text.ends_with('='); ++i) {
      if (i == 0 && value_.text.size() % 4 != 0) break;  // padding must be complete
      text.remove_suffix(1);
    }
    static constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (text.size() % 4 == 1) return mismatch();
    std::string out;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
      const char standard = c == '-' ? '+' : c == '_' ? '/' : c;
      const auto index = kAlphabet.find(standard);
      if (index == std::string_view::npos) return mismatch();
      bits = (bits << 6U) | static_cast<std::uint32_t>(index);
      count += 6;
      if (count >= 8) {
        count -= 8;
        out += static_cast<char>((bits >> count) & 0xFFU);
      }
    }
    return out;
  }

  std::optional<Scalar> to_enumeration() {
    const EnumValue* found = find_enum(field_.enumeration, value_);
    if (found != nullptr && found->implemented &&
        !(strict() && value_.kind == Value::Kind::number)) {
      return std::int64_t{found->number};
    }
    if (found != nullptr && !found->implemented) {
      context_.error(value_.location, "\"" + found->name + "\" for field \"" + field_.name +
                                          "\" of Envoy's " + std::string(message_) +
                                          " is not implemented by Holdfast");
      return std::nullopt;
    }
    std::vector<std::string_view> names;
    for (const EnumValue& value : field_.enumeration) {
      if (value.implemented) names.push_back(value.name);
    }
    std::string upper;
    for (const char c : value_.text) upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    return mismatch(value_.kind == Value::Kind::string ? did_you_mean(upper, names) : "");
  }

  std::optional<Scalar> to_duration() {
    if (value_.kind != Value::Kind::string) return mismatch();
    const auto duration = parse_duration(value_.text);
    if (!duration) return mismatch();
    const auto ns = duration->count();
    const std::int64_t minimum = field_.minimum.value_or(std::numeric_limits<std::int64_t>::min());
    if (ns < minimum || (field_.exclusive_minimum && ns == minimum) ||
        (field_.maximum && ns > 0 && static_cast<std::uint64_t>(ns) > *field_.maximum)) {
      return mismatch();
    }
    // Up, not down as Envoy does: a limit of less than 1 ms must not become 0, which means "off".
    return std::chrono::ceil<Milliseconds>(*duration);
  }

  const Field& field_;
  std::string_view message_;
  const Value& value_;
  Context& context_;
};

std::string describe_integer(const Field& field) {
  constexpr std::uint64_t kBig = std::numeric_limits<std::uint32_t>::max();
  const std::int64_t minimum = field.minimum.value_or(std::numeric_limits<std::int64_t>::min());
  const std::uint64_t maximum = field.maximum.value_or(std::numeric_limits<std::uint64_t>::max());
  if (maximum >= kBig) {
    if (minimum < 0) return "an integer";
    return "an integer of at least " + std::to_string(minimum) +
           (maximum == kBig ? " (32 bits)" : "");
  }
  if (minimum == static_cast<std::int64_t>(maximum)) {
    return "the integer " + std::to_string(minimum);
  }
  return "an integer from " + std::to_string(minimum) + " to " + std::to_string(maximum);
}

std::string describe_duration(const Field& field) {
  std::string text = "a duration in seconds such as \"0.25s\"";
  if (field.exclusive_minimum) {
    const auto minimum = std::chrono::nanoseconds(field.minimum.value_or(0));
    text += minimum.count() == 0
                ? " of more than 0s"
                : " of more than " + duration_text(std::chrono::ceil<Milliseconds>(minimum));
  } else if (field.minimum && *field.minimum == 0) {
    text += " that is not negative";
  }
  return text;
}

}  // namespace

std::optional<Scalar> convert_scalar(const Field& field, std::string_view message,
                                     const Value& value, Context& context) {
  return Converter(field, message, value, context).run();
}

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  if (!text.ends_with('s')) return std::nullopt;
  text.remove_suffix(1);
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const auto point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  std::uint64_t seconds = 0;
  // Envoy refuses what does not fit into 64 bits of nanoseconds ("Duration out-of-range").
  constexpr std::uint64_t kMostSeconds = 9'223'372'035;
  if (whole.empty() || !is_digit(whole[0]) || !consume_all(whole, seconds) ||
      seconds > kMostSeconds) {
    return std::nullopt;
  }
  std::uint64_t nanos = 0;
  if (point != std::string_view::npos) {
    std::string digits(text.substr(point + 1));
    if (digits.empty() || digits.size() > 9 || !is_digit(digits[0])) return std::nullopt;
    digits.resize(9, '0');
    if (!consume_all(std::string_view(digits), nanos)) return std::nullopt;
  }
  const auto total = static_cast<std::int64_t>(seconds * 1'000'000'000 + nanos);
  return std::chrono::nanoseconds(negative ? -total : total);
}

std::string describe(const Field& field) {
  switch (field.kind) {
    case Kind::boolean:
      return "true or false";
    case Kind::integer:
      return describe_integer(field);
    case Kind::number:
      return "a number";
    case Kind::string:
      return "a string";
    case Kind::bytes:
      return "base64 text";
    case Kind::duration:
      return describe_duration(field);
    case Kind::enumeration: {
      std::string text;
      for (const EnumValue& value : field.enumeration) {
        if (value.implemented) text += (text.empty() ? "" : ", ") + value.name;
      }
      return (text.find(',') == std::string::npos ? "" : "one of ") + text;
    }
    case Kind::message:
    case Kind::structure:
    case Kind::any:
      break;
  }
  return "a mapping";
}

const EnumValue* find_enum(const EnumTable& table, const Value& value) {
  std::int32_t number = 0;
  const bool by_number = consume_all(std::string_view(value.text), number);
  if (value.kind != Value::Kind::string && value.kind != Value::Kind::number) return nullptr;
  for (const EnumValue& candidate : table) {
    if (by_number ? candidate.number == number : equal_ignoring_case(candidate.name, value.text)) {
      return &candidate;
    }
  }
  return nullptr;
}

}  // namespace holdfast::config
