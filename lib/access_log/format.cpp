#include "access_log/format.hpp"

#include <vector>

#include "access_log/json_format.hpp"
#include "access_log/operator.hpp"

namespace holdfast::access_log {

namespace {

class TextFormat final : public Format {
 public:
  explicit TextFormat(std::vector<Operator> operators) : operators_(std::move(operators)) {}

  void append(const Record& record, std::string& out) const override {
    Scratch scratch;
    for (const Operator& op : operators_) {
      if (op.time) {
        op.time->append(record.start, out);
        continue;
      }
      const Value value = evaluate(op, record, scratch);
      switch (value.kind) {
        case Value::Kind::absent:
          out += '-';
          break;
        case Value::Kind::text:
          out += value.text;
          break;
        case Value::Kind::number:
          append_number(out, value.number);
          break;
      }
    }
  }

 private:
  const std::vector<Operator> operators_;
};

}  // namespace

CompileResult compile(const config::AccessLog& log) {
  if (log.format == config::AccessLog::Format::json) return compile_json(log.template_text);
  ParseResult parsed =
      parse_operators(log.template_text.empty() ? kDefaultFormat : log.template_text);
  if (!parsed.error.empty()) return {nullptr, "access log format: " + parsed.error};
  return {std::make_shared<TextFormat>(std::move(parsed.operators)), {}};
}

}  // namespace holdfast::access_log
