#include "access_log/renderer.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "access_log/json_text.hpp"
#include "access_log/put.hpp"

namespace holdfast::access_log {

namespace {

using namespace std::string_view_literals;
using Kind = Operator::Kind;

constexpr std::size_t kTypicalTexts = 768;

/// Null where the text is absent. `scratch` is for a status.
inline std::string_view source_text(const HeaderSource& source, const http::Head* head,
                                    const Record& record, char* scratch) noexcept {
  switch (source.kind) {
    case HeaderSource::Kind::none:
      return {};
    case HeaderSource::Kind::view:
      return record.*source.view;
    case HeaderSource::Kind::status:
      if (record.status == 0) return {};
      return {scratch, static_cast<std::size_t>(put_number(scratch, record.status) - scratch)};
    case HeaderSource::Kind::field:
      break;
  }
  if (head == nullptr) return {};
  const http::Field* field =
      source.id == http::HeaderId::other ? head->find(source.name) : head->find(source.id);
  return field == nullptr ? std::string_view{} : head->value(*field);
}

inline std::string_view header_text(const Operator& op, const http::Head* head,
                                    const Record& record, char* scratch) noexcept {
  std::string_view text = source_text(op.header, head, record, scratch);
  if (text.data() == nullptr) text = source_text(op.alternative, head, record, scratch);
  if (text.size() > op.max_length) text.remove_suffix(text.size() - op.max_length);
  return text;
}

inline std::string_view trailer_text(const Operator& op, const http::Trailers* trailers) noexcept {
  if (trailers == nullptr) return {};
  for (const HeaderSource* source : {&op.header, &op.alternative}) {
    if (source->kind != HeaderSource::Kind::field) continue;
    const std::string* value = trailers->find(source->name);
    if (value != nullptr) return std::string_view(*value).substr(0, op.max_length);
  }
  return {};
}

/// An empty one is absent.
std::string_view present(std::string_view text) noexcept {
  return text.empty() ? std::string_view{} : text;
}

/// Envoy prints an IPv6 address without its port also without its brackets.
std::string_view without_port(std::string_view address) noexcept {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return address;
  address = address.substr(0, colon);
  if (address.size() >= 2 && address.front() == '[') {
    address = address.substr(1, address.size() - 2);
  }
  return address;
}

char* put_absent(char* to, Style style) noexcept {
  if (style == Style::typed) return to + "null"sv.copy(to, 4);
  *to = '-';
  return to + 1;
}

char* put_port(char* to, Style style, std::string_view address) noexcept {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return put_absent(to, style);
  const std::string_view digits = address.substr(colon + 1);
  std::uint64_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size()) return put_absent(to, style);
  return put_number(to, port);
}

char* put_duration(char* to, Record::Duration duration) noexcept {
  constexpr std::uint64_t kMillisecond = 1'000'000;
  const std::int64_t ns = duration.count();
  return put_number(to, ns > 0 ? static_cast<std::uint64_t>(ns) / kMillisecond : 0);
}

}  // namespace

Renderer::Renderer(std::shared_ptr<const Format> format)
    : format_(std::move(format)), times_(format_->times()) {}

inline char* Renderer::put_text(char* to, Style style, std::string_view text) {
  if (text.data() == nullptr) return put_absent(to, style);
  to = reserve(to, text.size());
  if (style == Style::typed) *to++ = '"';
  if (copy_text(to, text) || style == Style::plain) {
    to += text.size();
  } else {
    to = put_json_text(reserve(to, kMaxEscape * text.size()), text);
  }
  if (style == Style::typed) *to++ = '"';
  return to;
}

inline char* Renderer::put_value(char* to, const Step& step, const Record& record) {
  const Operator& op = *step.op;
  std::string_view text;
  switch (step.kind) {
    case Kind::literal:
    case Kind::absent:
      break;
    case Kind::start_time:
      return put_time(to, step, record);
    case Kind::request_header:
      text = header_text(op, record.request, record, scratch_.data());
      break;
    case Kind::response_header:
      text = header_text(op, record.response, record, scratch_.data());
      break;
    case Kind::response_trailer:
      text = trailer_text(op, record.response_trailers);
      break;
    case Kind::pseudo_header:
      text = record.*op.view;
      break;
    case Kind::view: {
      // As Envoy: details that a plugin has given may be there, and empty.
      const std::string_view view = record.*op.view;
      const bool given = op.view == &Record::details && view.data() != nullptr;
      text = given ? view : present(view);
      break;
    }
    case Kind::address_without_port:
      text = present(without_port(record.*op.view));
      break;
    case Kind::port:
      return put_port(to, step.style, record.*op.view);
    case Kind::counter:
      return put_number(to, record.*op.counter);
    case Kind::elapsed:
      if (!(record.*op.elapsed)) break;
      return put_duration(to, *(record.*op.elapsed));
    case Kind::duration:
      return put_duration(to, record.duration);
    case Kind::response_code:
      return put_number(to, record.status);
    case Kind::upstream_attempts:
      return put_number(to, record.upstream_attempts);
    case Kind::upstream_protocol:
      if (!record.upstream_host.empty()) text = "HTTP/1.1"sv;
      break;
    case Kind::response_flags:
      text = flags_text(record.flags, false, scratch_.data());
      break;
    case Kind::response_flags_long:
      text = flags_text(record.flags, true, scratch_.data());
      break;
  }
  return put_text(to, step.style, text);
}

std::string_view Renderer::render(const Record& record) {
  if (!line_) (void)grow(nullptr, kTypicalTexts);
  char* to = line_.get();
  const char* literal = format_->literals();
  for (const Step& step : format_->steps()) {
    const std::size_t literal_size = step.literal_size;
    to = put_padded(to, literal, literal_size);
    literal += literal_size;
    to = put_value(to, step, record);
  }
  to = put_padded(to, literal, format_->last_literal_size());
  return {line_.get(), static_cast<std::size_t>(to - line_.get())};
}

std::size_t Renderer::release() noexcept {
  line_.reset();
  return std::exchange(capacity_, 0);
}

// Out of line, as is grow(): the loop has the registers for itself.
[[gnu::noinline]] char* Renderer::put_time(char* to, const Step& step, const Record& record) {
  const TimeFormat& format = *step.op->time;
  TimeText& text = times_[step.time];
  format.prepare(record.start, step.style != Style::plain, text);
  to = reserve(to, text.room());
  if (step.style == Style::typed) *to++ = '"';
  to = TimeFormat::put(to, record.start, text);
  if (step.style == Style::typed) *to++ = '"';
  return to;
}

[[gnu::noinline, gnu::cold]] char* Renderer::grow(char* to, std::size_t size) {
  const std::size_t used = line_ ? static_cast<std::size_t>(to - line_.get()) : 0;
  const std::size_t capacity =
      std::max(used + size + format_->fixed_size(), used > 0 ? 2 * capacity_ : 0);
  std::unique_ptr<char[]> larger(new char[capacity]);
  if (used > 0) std::memcpy(larger.get(), line_.get(), used);
  line_ = std::move(larger);
  capacity_ = capacity;
  limit_ = line_.get() + (capacity - format_->fixed_size());
  return line_.get() + used;
}

}  // namespace holdfast::access_log
