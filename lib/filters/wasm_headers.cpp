#include "filters/wasm_headers.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "http/head_scan.hpp"

namespace holdfast::filters {
namespace {

using http::Head;
using http::HeaderId;
using wasm::Status;

constexpr std::string_view kAuthority = ":authority";
constexpr std::string_view kPath = ":path";
constexpr std::string_view kMethod = ":method";
constexpr std::string_view kScheme = ":scheme";
constexpr std::string_view kStatus = ":status";

/// They delimit the message or concern the connection alone: the proxy's own business.
constexpr std::array<std::string_view, 7> kNotThePlugins = {
    "connection", "host",    "keep-alive", "proxy-connection", "te",
    "trailer",    "transfer-encoding"};

/// Fields of which Envoy keeps one line: a second value is joined to the first with a comma.
constexpr std::array<std::string_view, 24> kOneLine = {
    "accept",
    "accept-encoding",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "etag",
    "expect",
    "grpc-message",
    "grpc-status",
    "grpc-timeout",
    "location",
    "origin",
    "referer",
    "server",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "x-envoy-upstream-service-time",
    "x-forwarded-for",
    "x-forwarded-proto"};

bool is_token(std::string_view name) {
  return !name.empty() &&
         http::skip_token(name.data(), name.data() + name.size()).end == name.data() + name.size();
}

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c < 0x7f; });
}

/// Field values as they may come from the wire (RFC 9110 5.5).
bool is_value(std::string_view value) {
  return std::ranges::all_of(value,
                             [](unsigned char c) { return c == '\t' || (c >= ' ' && c != 0x7f); });
}

Status add_field(Head& head, std::string_view name, std::string_view value) {
  if (!is_plugin_field(name, value)) return Status::bad_argument;
  value = base::trim(value);
  if (std::ranges::binary_search(kOneLine, name)) {
    if (const http::Field* field = head.find(name)) {
      std::string joined(head.value(*field));
      head.set(name, joined.append(",").append(value));
      return Status::ok;
    }
  }
  head.add(name, value);
  return Status::ok;
}

Status set_field(Head& head, std::string_view name, std::string_view value) {
  if (!is_plugin_field(name, value)) return Status::bad_argument;
  head.set(name, base::trim(value));
  return Status::ok;
}

Status remove_field(Head& head, std::string_view name) {
  if (!name.starts_with(':')) head.remove(name);
  return Status::ok;
}

void remove_fields(Head& head, bool keep_host) {
  for (std::size_t i = 0; i < head.fields().size(); ++i) {
    const http::Field& field = head.fields()[i];
    if (field.removed || (keep_host && field.id == HeaderId::host)) continue;
    head.remove(std::string(head.name(field)));
  }
}

void collect_fields(const Head& head, wasm::Pairs& out) {
  for (const http::Field& field : head.fields()) {
    if (field.removed || field.id == HeaderId::host) continue;
    out.emplace_back(head.name(field), head.value(field));
  }
}

std::optional<std::string_view> get_field(const Head& head, std::string_view name) {
  const http::Field* field = head.find(name);
  return field == nullptr ? std::nullopt : std::optional(head.value(*field));
}

}  // namespace

bool is_plugin_field(std::string_view name, std::string_view value) noexcept {
  return is_token(name) && is_value(value) &&
         std::ranges::find(kNotThePlugins, name) == kNotThePlugins.end();
}

std::optional<std::uint16_t> parse_status(std::string_view text) noexcept {
  std::uint64_t code = 0;
  if (text.size() != 3 || !http::parse_length(text, code) || code < 200) return std::nullopt;
  return static_cast<std::uint16_t>(code);
}

// --- Request ------------------------------------------------------------------------------------

std::size_t WasmRequestHeaders::size() const noexcept {
  constexpr std::size_t kOthers = 3;  // The host field is one of the four already.
  return head_.field_count() + kOthers;
}

void WasmRequestHeaders::collect(wasm::Pairs& out) const {
  for (const std::string_view name : {kAuthority, kPath, kMethod, kScheme}) {
    if (const auto value = get(name)) out.emplace_back(name, *value);
  }
  collect_fields(head_, out);
}

std::optional<std::string_view> WasmRequestHeaders::get(std::string_view name) const noexcept {
  if (!name.starts_with(':')) return name == "host" ? get(kAuthority) : get_field(head_, name);
  if (name == kPath) return head_.target();
  if (name == kMethod) return head_.method();
  if (name == kAuthority) return head_.get(HeaderId::host);
  if (name == kScheme) return head_.get(HeaderId::x_forwarded_proto);
  return std::nullopt;
}

Status WasmRequestHeaders::set_pseudo(std::string_view name, std::string_view value) noexcept {
  if (name == kPath) {
    const bool good = !value.empty() && is_visible(value) &&
                      http::split_target(head_.method_id(), value).form ==
                          http::split_target(head_.method_id(), head_.target()).form;
    if (!good) return Status::bad_argument;
    head_.set_target(value);
  } else if (name == kMethod) {
    if (http::method_of(value) == http::Method::unknown) return Status::bad_argument;
    head_.set_method(value);
  } else if (name == kAuthority) {
    if (!is_visible(value) || !http::is_valid_host(value)) return Status::bad_argument;
    head_.set(HeaderId::host, value);
  } else if (name != kScheme) {  // The scheme goes nowhere in HTTP/1.
    return Status::bad_argument;
  }
  return Status::ok;
}

Status WasmRequestHeaders::add(std::string_view name, std::string_view value) noexcept {
  if (name.starts_with(':')) return set_pseudo(name, value);
  return name == "host" ? set_pseudo(kAuthority, value) : add_field(head_, name, value);
}

Status WasmRequestHeaders::set(std::string_view name, std::string_view value) noexcept {
  if (name.starts_with(':')) return set_pseudo(name, value);
  return name == "host" ? set_pseudo(kAuthority, value) : set_field(head_, name, value);
}

Status WasmRequestHeaders::remove(std::string_view name) noexcept {
  // A request without host, path or method can't be sent.
  return name == "host" ? Status::ok : remove_field(head_, name);
}

Status WasmRequestHeaders::assign(const wasm::Pairs& pairs) noexcept {
  // Checked first: all or nothing.
  for (const auto& [name, value] : pairs) {
    if (!name.starts_with(':') && name != "host" && !is_plugin_field(name, value)) {
      return Status::bad_argument;
    }
  }
  remove_fields(head_, /*keep_host=*/true);
  Status status = Status::ok;
  for (const auto& [name, value] : pairs) {
    if (const Status one = add(name, value); one != Status::ok) status = one;
  }
  return status;
}

// --- Response -----------------------------------------------------------------------------------

std::size_t WasmResponseHeaders::size() const noexcept {
  return head_.field_count() + 1;
}

void WasmResponseHeaders::collect(wasm::Pairs& out) const {
  out.emplace_back(kStatus, *get(kStatus));
  collect_fields(head_, out);
}

std::optional<std::string_view> WasmResponseHeaders::get(std::string_view name) const noexcept {
  if (!name.starts_with(':')) return get_field(head_, name);
  if (name != kStatus) return std::nullopt;
  std::uint16_t rest = head_.status;
  for (std::size_t i = 3; i-- > 0; rest /= 10) status_[i] = static_cast<char>('0' + rest % 10);
  return std::string_view(status_, 3);
}

Status WasmResponseHeaders::set_status(std::string_view value) noexcept {
  const auto code = parse_status(value);
  if (!code) return Status::bad_argument;
  head_.status = *code;
  return Status::ok;
}

Status WasmResponseHeaders::add(std::string_view name, std::string_view value) noexcept {
  if (name.starts_with(':')) return name == kStatus ? set_status(value) : Status::bad_argument;
  return add_field(head_, name, value);
}

Status WasmResponseHeaders::set(std::string_view name, std::string_view value) noexcept {
  if (name.starts_with(':')) return name == kStatus ? set_status(value) : Status::bad_argument;
  return set_field(head_, name, value);
}

Status WasmResponseHeaders::remove(std::string_view name) noexcept {
  return remove_field(head_, name);
}

Status WasmResponseHeaders::assign(const wasm::Pairs& pairs) noexcept {
  for (const auto& [name, value] : pairs) {
    if (!name.starts_with(':') && !is_plugin_field(name, value)) return Status::bad_argument;
  }
  remove_fields(head_, /*keep_host=*/false);
  Status status = Status::ok;
  for (const auto& [name, value] : pairs) {
    if (const Status one = add(name, value); one != Status::ok) status = one;
  }
  return status;
}

}  // namespace holdfast::filters
