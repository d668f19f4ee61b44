#include "access_log/operator.hpp"

#include <array>
#include <charconv>

namespace holdfast::access_log {

namespace {

using Kind = Operator::Kind;

Value text_value(std::string_view text) {
  if (text.data() == nullptr) return {};
  return {Value::Kind::text, text, 0};
}

Value number_value(std::uint64_t number) {
  return {Value::Kind::number, {}, number};
}

Value duration_value(std::optional<Record::Duration> duration) {
  if (!duration) return {};
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(*duration).count();
  return number_value(ms > 0 ? static_cast<std::uint64_t>(ms) : 0);
}

Value status_text(std::uint16_t status, Scratch& scratch) {
  if (status == 0) return {};
  const auto end = std::to_chars(scratch.bytes, scratch.bytes + sizeof scratch.bytes, status).ptr;
  return text_value({scratch.bytes, static_cast<std::size_t>(end - scratch.bytes)});
}

Value header_value(const HeaderSource& source, const http::Head* head, const Record& record,
                   Scratch& scratch) {
  switch (source.kind) {
    case HeaderSource::Kind::none:
      return {};
    case HeaderSource::Kind::method:
      return text_value(record.method);
    case HeaderSource::Kind::path:
      return text_value(record.path);
    case HeaderSource::Kind::authority:
      return text_value(record.authority);
    case HeaderSource::Kind::scheme:
      return text_value(record.scheme);
    case HeaderSource::Kind::status:
      return status_text(record.status, scratch);
    case HeaderSource::Kind::field:
      break;
  }
  if (head == nullptr) return {};
  const http::Field* field =
      source.id == http::HeaderId::other ? head->find(source.name) : head->find(source.id);
  if (field == nullptr) return {};
  return {Value::Kind::text, head->value(*field), 0};
}

Value header_value(const Operator& op, const http::Head* head, const Record& record,
                   Scratch& scratch) {
  Value value = header_value(op.header, head, record, scratch);
  if (value.kind == Value::Kind::absent) {
    value = header_value(op.alternative, head, record, scratch);
  }
  if (op.max_length) value.text = value.text.substr(0, *op.max_length);
  return value;
}

Value present(std::string_view text) {
  return text.empty() ? Value{} : Value{Value::Kind::text, text, 0};
}

/// Envoy prints an IPv6 address without its port also without its brackets.
Value address_value(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return present(address);
  address = address.substr(0, colon);
  if (address.size() >= 2 && address.front() == '[') {
    address = address.substr(1, address.size() - 2);
  }
  return present(address);
}

Value port_value(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return {};
  const std::string_view digits = address.substr(colon + 1);
  std::uint64_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size()) return {};
  return number_value(port);
}

}  // namespace

Value evaluate(const Operator& op, const Record& record, Scratch& scratch) noexcept {
  switch (op.kind) {
    case Kind::literal:
      return {Value::Kind::text, op.text, 0};
    case Kind::absent:
    case Kind::start_time:
      return {};
    case Kind::request_header:
      return header_value(op, record.request, record, scratch);
    case Kind::response_header:
      return header_value(op, record.response, record, scratch);
    case Kind::view:
      return present(record.*op.view);
    case Kind::address_without_port:
      return address_value(record.*op.view);
    case Kind::port:
      return port_value(record.*op.view);
    case Kind::counter:
      return number_value(record.*op.counter);
    case Kind::elapsed:
      return duration_value(record.*op.elapsed);
    case Kind::duration:
      return duration_value(record.duration);
    case Kind::response_code:
      return number_value(record.status);
    case Kind::upstream_attempts:
      return number_value(record.upstream_attempts);
    case Kind::upstream_protocol:
      return record.upstream_host.empty() ? Value{} : text_value("HTTP/1.1");
    case Kind::response_flags:
      return text_value(flags_text(record.flags, false, scratch.bytes));
    case Kind::response_flags_long:
      return text_value(flags_text(record.flags, true, scratch.bytes));
  }
  return {};
}

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits;
  out.append(digits.data(),
             std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

}  // namespace holdfast::access_log
