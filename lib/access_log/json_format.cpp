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

/// Walks the template once.
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
    raw("\n");
    return {std::move(builder_).finish(), {}};
  }

 private:
  // A protobuf Struct keeps numbers as doubles: Envoy writes what is no exact integer there as a
  // string.
  static constexpr std::int64_t kExact = std::int64_t{1} << 53;

  /// What is JSON already: keys, brackets, constants.
  void raw(std::string_view json) { builder_.literal(json); }

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
      builder_.value(Style::typed, std::move(operators.front()));
      return;
    }
    raw("\"");
    for (Operator& op : operators) {
      if (op.kind == Operator::Kind::literal) {
        std::string json;
        append_json_text(json, op.text);
        raw(json);
      } else {
        builder_.value(Style::in_text, std::move(op));
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

  FormatBuilder builder_;
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
