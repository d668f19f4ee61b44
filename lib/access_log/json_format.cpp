#include "access_log/json_format.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <vector>

#include "access_log/json_text.hpp"
#include "access_log/operator.hpp"

namespace holdfast::access_log {

namespace {

/// How one operator's value is written.
enum class Style : std::uint8_t {
  raw,      ///< A literal that is JSON already: keys, brackets, constants.
  typed,    ///< The operator is all of the value: a number, a string, or null.
  in_text,  ///< Part of a string: absent is "-".
};

struct Step {
  Style style = Style::raw;
  Operator op;
};

class JsonFormat final : public Format {
 public:
  explicit JsonFormat(std::vector<Step> steps) : steps_(std::move(steps)) {}

  void append(const Record& record, std::string& out) const override {
    Scratch scratch;
    for (const Step& step : steps_) {
      if (step.style == Style::raw) {
        out += step.op.text;
      } else if (step.op.time) {
        append_time(*step.op.time, step.style, record, out);
      } else {
        append_value(step.style, evaluate(step.op, record, scratch), out);
      }
    }
    out += '\n';
  }

 private:
  static void append_value(Style style, const Value& value, std::string& out) {
    const bool typed = style == Style::typed;
    switch (value.kind) {
      case Value::Kind::absent:
        out += typed ? "null" : "-";
        break;
      case Value::Kind::number:
        append_number(out, value.number);
        break;
      case Value::Kind::text:
        if (typed) out += '"';
        append_json_text(out, value.text);
        if (typed) out += '"';
        break;
    }
  }

  static void append_time(const TimeFormat& format, Style style, const Record& record,
                          std::string& out) {
    if (style == Style::typed) out += '"';
    const std::size_t start = out.size();
    format.append(record.start, out);
    // The default needs no escapes; a pattern of the user's may.
    const auto is_special = [](char c) { return c == '"' || c == '\\' || (c >= 0 && c < 0x20); };
    if (std::any_of(out.begin() + static_cast<std::ptrdiff_t>(start), out.end(), is_special)) {
      const std::string text = out.substr(start);
      out.resize(start);
      append_json_text(out, text);
    }
    if (style == Style::typed) out += '"';
  }

  const std::vector<Step> steps_;
};

/// Walks the template once and writes the steps.
class Compiler {
 public:
  void value(const boost::json::value& json) {
    switch (json.kind()) {
      case boost::json::kind::null:
        return raw("null");
      case boost::json::kind::bool_:
        return raw(json.get_bool() ? "true" : "false");
      case boost::json::kind::int64:
        return number(std::to_string(json.get_int64()),
                      json.get_int64() >= -kExact && json.get_int64() <= kExact);
      case boost::json::kind::uint64:
        return number(std::to_string(json.get_uint64()),
                      json.get_uint64() <= static_cast<std::uint64_t>(kExact));
      case boost::json::kind::double_:
        return floating(json.get_double());
      case boost::json::kind::string:
        return text(json.get_string());
      case boost::json::kind::array:
        return array(json.get_array());
      case boost::json::kind::object:
        return object(json.get_object());
    }
  }

  [[nodiscard]] CompileResult result() && {
    if (!error_.empty()) return {nullptr, "access log format: " + error_};
    return {std::make_shared<JsonFormat>(std::move(steps_)), {}};
  }

 private:
  // A protobuf Struct keeps numbers as doubles: Envoy writes what is no exact integer there as a
  // string.
  static constexpr std::int64_t kExact = std::int64_t{1} << 53;

  void raw(std::string_view json) {
    if (steps_.empty() || steps_.back().style != Style::raw) steps_.emplace_back();
    steps_.back().op.text += json;
  }

  void quoted(std::string_view text) {
    std::string json = "\"";
    append_json_text(json, text);
    raw(json + "\"");
  }

  void number(std::string_view digits, bool exact) {
    if (exact) {
      raw(digits);
    } else {
      quoted(digits);
    }
  }

  void floating(double d) {
    std::array<char, 32> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), d).ptr;
    quoted({digits.data(), static_cast<std::size_t>(end - digits.data())});
  }

  void text(std::string_view format) {
    ParseResult parsed = parse_operators(format);
    if (!parsed.error.empty()) {
      // The first error is the one that is reported.
      if (error_.empty()) error_ = parsed.error + " in \"" + std::string(format) + "\"";
      return;
    }
    auto& operators = parsed.operators;
    const bool alone = operators.size() == 1 && operators.front().kind != Operator::Kind::literal;
    if (alone) {
      steps_.push_back({Style::typed, std::move(operators.front())});
      return;
    }
    raw("\"");
    for (Operator& op : operators) {
      if (op.kind == Operator::Kind::literal) {
        std::string json;
        append_json_text(json, op.text);
        raw(json);
      } else {
        steps_.push_back({Style::in_text, std::move(op)});
      }
    }
    raw("\"");
  }

  void array(const boost::json::array& items) {
    raw("[");
    bool first = true;
    for (const boost::json::value& item : items) {
      if (!first) raw(",");
      first = false;
      value(item);
    }
    raw("]");
  }

  /// Keys come out sorted, as from Envoy.
  void object(const boost::json::object& members) {
    std::vector<const boost::json::key_value_pair*> sorted;
    for (const auto& member : members) sorted.push_back(&member);
    std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) {
      return std::string_view(a->key()) < std::string_view(b->key());
    });
    raw("{");
    bool first = true;
    for (const auto* member : sorted) {
      if (!first) raw(",");
      first = false;
      quoted(member->key());
      raw(":");
      value(member->value());
    }
    raw("}");
  }

  std::vector<Step> steps_;
  std::string error_;
};

}  // namespace

CompileResult compile_json(std::string_view json) {
  boost::system::error_code error;
  const boost::json::value parsed = boost::json::parse({json.data(), json.size()}, error);
  if (error) return {nullptr, "access log format: not JSON: " + error.message()};
  if (!parsed.is_object()) return {nullptr, "access log format: a JSON object is needed"};
  Compiler compiler;
  compiler.value(parsed);
  return std::move(compiler).result();
}

}  // namespace holdfast::access_log
