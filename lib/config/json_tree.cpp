// A JSON reader that keeps line and column of each value, which Boost.JSON does not.
#include <array>
#include <set>
#include <string>

#include "config/scalar.hpp"
#include "config/text_tree.hpp"

namespace holdfast::config {
namespace {

class JsonReader {
 public:
  JsonReader(std::string_view text, std::uint32_t input, const Env& env, Diagnostics& diagnostics)
      : text_(text), here_{1, 1, input}, env_(env), diagnostics_(diagnostics) {}

  std::optional<Value> read() {
    Value value;
    skip_space();
    if (!read_value(value, 0)) return std::nullopt;
    skip_space();
    if (!text_.empty()) return fail("text after the end of the value"), std::nullopt;
    return value;
  }

 private:
  bool fail(const std::string& message) {
    diagnostics_.error(here_, "JSON: " + message);
    return false;
  }

  void advance(std::size_t count) {
    for (; count > 0; --count) {
      const auto c = static_cast<unsigned char>(text_[0]);
      if (c == '\n') {
        ++here_.line;
        here_.column = 1;
      } else if ((c & 0xC0U) != 0x80U) {  // UTF-8 continuation bytes share their column
        ++here_.column;
      }
      text_.remove_prefix(1);
    }
  }

  void skip_space() {
    while (!text_.empty() &&
           (text_[0] == ' ' || text_[0] == '\t' || text_[0] == '\n' || text_[0] == '\r')) {
      advance(1);
    }
  }

  bool accept(char c) {
    if (text_.empty() || text_[0] != c) return false;
    advance(1);
    return true;
  }

  bool read_value(Value& value, std::size_t depth) {
    value.location = here_;
    if (++values_ > kMaxValues) return fail("more than " + std::to_string(kMaxValues) + " values");
    if (depth > kMaxDepth)
      return fail("nested deeper than " + std::to_string(kMaxDepth) + " levels");
    if (text_.empty()) return fail("ends where a value is wanted");
    switch (text_[0]) {
      case '{':
        return read_object(value, depth);
      case '[':
        return read_array(value, depth);
      case '"':
        value.kind = Value::Kind::string;
        if (!read_string(value.text)) return false;
        if (env_) value.text = expand_variables(value.text, env_, value.location, diagnostics_);
        return true;
      case 't':
        return read_word("true", Value::Kind::boolean, value);
      case 'f':
        return read_word("false", Value::Kind::boolean, value);
      case 'n':
        return read_word("null", Value::Kind::null, value);
      default:
        return read_number(value);
    }
  }

  bool read_word(std::string_view word, Value::Kind kind, Value& value) {
    if (!text_.starts_with(word)) return fail("not a value");
    value.kind = kind;
    if (kind == Value::Kind::boolean) value.text = word;
    advance(word.size());
    return true;
  }

  bool read_number(Value& value) {
    std::size_t end = 0;
    const auto digits = [&] {
      const std::size_t start = end;
      while (end < text_.size() && text_[end] >= '0' && text_[end] <= '9') ++end;
      return end - start;
    };
    const auto at = [&](char c) { return end < text_.size() && text_[end] == c; };
    if (at('-')) ++end;
    const bool zero = at('0');
    const std::size_t whole = digits();
    if (whole == 0 || (zero && whole > 1)) return fail("not a value");
    if (at('.')) {
      ++end;
      if (digits() == 0) return fail("a number lacks digits after its point");
    }
    if (at('e') || at('E')) {
      ++end;
      if (at('+') || at('-')) ++end;
      if (digits() == 0) return fail("a number lacks digits in its exponent");
    }
    value.kind = Value::Kind::number;
    value.text = text_.substr(0, end);
    advance(end);
    return true;
  }

  bool read_array(Value& value, std::size_t depth) {
    value.kind = Value::Kind::sequence;
    advance(1);
    skip_space();
    if (accept(']')) return true;
    for (;;) {
      skip_space();
      if (!read_value(value.items.emplace_back(), depth + 1)) return false;
      skip_space();
      if (accept(']')) return true;
      if (!accept(',')) return fail("wanted ',' or ']'");
    }
  }

  bool read_object(Value& value, std::size_t depth) {
    value.kind = Value::Kind::mapping;
    std::set<std::string, std::less<>> keys;
    advance(1);
    skip_space();
    if (accept('}')) return true;
    for (;;) {
      skip_space();
      Value::Entry entry;
      entry.location = here_;
      if (text_.empty() || text_[0] != '"') return fail("wanted a key in double quotes");
      if (!read_string(entry.key)) return false;
      skip_space();
      if (!accept(':')) return fail("wanted ':'");
      skip_space();
      if (!read_value(entry.value, depth + 1)) return false;
      if (keys.insert(entry.key).second) {
        value.entries.push_back(std::move(entry));
      } else {
        diagnostics_.error(entry.location, "duplicate key \"" + entry.key + "\"");
      }
      skip_space();
      if (accept('}')) return true;
      if (!accept(',')) return fail("wanted ',' or '}'");
    }
  }

  bool read_string(std::string& out) {
    advance(1);
    for (;;) {
      if (text_.empty()) return fail("a string does not end");
      const char c = text_[0];
      if (c == '"') return advance(1), true;
      if (static_cast<unsigned char>(c) < 0x20) return fail("a control character in a string");
      if (c == '\\') {
        if (!read_escape(out)) return false;
      } else {
        out += c;
        advance(1);
      }
    }
  }

  bool read_escape(std::string& out) {
    static constexpr std::string_view kNames = "\"\\/bfnrt";
    static constexpr std::string_view kChars = "\"\\/\b\f\n\r\t";
    if (text_.size() < 2) return fail("a string does not end");
    if (text_[1] == 'u') return read_unicode(out);
    const auto index = kNames.find(text_[1]);
    if (index == std::string_view::npos) return fail("unknown escape in a string");
    out += kChars[index];
    advance(2);
    return true;
  }

  std::optional<std::uint32_t> read_hex4() {
    if (text_.size() < 6 || text_[0] != '\\' || text_[1] != 'u') return std::nullopt;
    std::uint32_t code = 0;
    for (std::size_t i = 2; i < 6; ++i) {
      const char c = text_[i];
      const char letter = static_cast<char>(c | 0x20);
      if (c >= '0' && c <= '9') {
        code = code * 16 + static_cast<std::uint32_t>(c - '0');
      } else if (letter >= 'a' && letter <= 'f') {
        code = code * 16 + static_cast<std::uint32_t>(letter - 'a' + 10);
      } else {
        return std::nullopt;
      }
    }
    return code;
  }

  bool read_unicode(std::string& out) {
    auto code = read_hex4();
    if (!code || (*code >= 0xDC00 && *code <= 0xDFFF)) return fail("bad \\u escape in a string");
    if (*code >= 0xD800 && *code <= 0xDBFF) {
      const std::uint32_t high = *code;
      advance(6);
      code = read_hex4();
      if (!code || *code < 0xDC00 || *code > 0xDFFF)
        return fail("half a surrogate pair in a string");
      code = 0x10000 + ((high - 0xD800) << 10) + (*code - 0xDC00);
    }
    advance(6);
    append_utf8(*code, out);
    return true;
  }

  static void append_utf8(std::uint32_t code, std::string& out) {
    const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xC0 | (code >> 6)), put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      put(0xE0 | (code >> 12)), put(0x80 | ((code >> 6) & 0x3F)), put(0x80 | (code & 0x3F));
    } else {
      put(0xF0 | (code >> 18)), put(0x80 | ((code >> 12) & 0x3F));
      put(0x80 | ((code >> 6) & 0x3F)), put(0x80 | (code & 0x3F));
    }
  }

  std::string_view text_;
  Location here_;
  const Env& env_;
  Diagnostics& diagnostics_;
  std::size_t values_ = 0;
};

}  // namespace

std::optional<Value> read_json(std::string_view text, std::uint32_t input, const Env& env,
                               Diagnostics& diagnostics) {
  if (!check_text(text, input, diagnostics)) return std::nullopt;
  return JsonReader(text, input, env, diagnostics).read();
}

}  // namespace holdfast::config
