#include "access_log/format.hpp"

#include <utility>

#include "access_log/json_format.hpp"
#include "access_log/put.hpp"

namespace holdfast::access_log {

void FormatBuilder::literal(std::string_view text) {
  format_->literals_ += text;
  format_->last_literal_size_ += text.size();
}

void FormatBuilder::value(Style style, Operator op) {
  constexpr std::size_t kQuotes = 2;
  Step step;
  step.literal_size = static_cast<std::uint32_t>(std::exchange(format_->last_literal_size_, 0));
  step.kind = op.kind;
  step.style = style;
  if (op.kind == Operator::Kind::start_time) {
    step.time = static_cast<std::uint16_t>(format_->times_++);
  }
  if (op.view == &Record::downstream_remote_address) format_->shows_client_ = true;
  format_->fixed_size_ += kMaxDigits + kQuotes;
  step.op = format_->operators_.emplace_back(std::make_unique<Operator>(std::move(op))).get();
  format_->steps_.push_back(step);
}

std::shared_ptr<const Format> FormatBuilder::finish() && {
  format_->fixed_size_ += format_->literals_.size() + kPadding;
  format_->literals_.append(kPadding, ' ');
  return std::move(format_);
}

CompileResult compile(const config::AccessLog& log) {
  if (log.format == config::AccessLog::Format::json) return compile_json(log.template_text);
  ParseResult parsed =
      parse_operators(log.template_text.empty() ? kDefaultFormat : log.template_text);
  if (!parsed.error.empty()) return {nullptr, "access log format: " + parsed.error};
  FormatBuilder builder;
  for (Operator& op : parsed.operators) {
    if (op.kind == Operator::Kind::literal) {
      builder.literal(op.text);
    } else {
      builder.value(Style::plain, std::move(op));
    }
  }
  return {std::move(builder).finish(), {}};
}

}  // namespace holdfast::access_log
