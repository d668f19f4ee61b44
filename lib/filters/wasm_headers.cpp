#include "filters/wasm_headers.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "http/body_decoder.hpp"
#include "http/head_scan.hpp"
#include "http/joined_fields.hpp"
#include "http/scheme.hpp"

namespace holdfast::filters {
namespace {

using http::Head;
using http::HeaderId;
using wasm::Status;

// Of requests, in Envoy's order.
constexpr std::array<std::string_view, 4> kPseudo = {":authority", ":path", ":method", ":scheme"};
enum Pseudo : std::size_t { authority, path, method, scheme };
constexpr std::string_view kStatus = ":status";

std::size_t pseudo_index(std::string_view name) {
  if (name == "host") return authority;
  const auto* const found = std::ranges::find(kPseudo, name);
  return static_cast<std::size_t>(found - kPseudo.begin());
}

// A plugin must not fill our memory through a head. http::Head holds lengths of names in 16 bits.
constexpr std::size_t kLongestName = 16UL * 1024;
constexpr std::size_t kLongestTrailer = 64UL * 1024;
/// With what was there and has been replaced or removed.
constexpr std::size_t kMostHeadBytes = 1024UL * 1024;
/// In a line over its name and value.
constexpr std::size_t kLineBytes = 4;

bool has_room(const Head& head, std::size_t size) {
  return head.raw_size() + size + kLineBytes <= kMostHeadBytes;
}

/// They delimit the message or concern the connection alone: the proxy's own business.
constexpr std::array<std::string_view, 7> kNotThePlugins = {
    "connection", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"};

bool is_the_proxys(std::string_view name) {
  return std::ranges::find(kNotThePlugins, name) != kNotThePlugins.end();
}

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
  if (!is_plugin_field(name, value) || !has_room(head, name.size() + value.size())) {
    return Status::bad_argument;
  }
  value = base::trim(value);
  if (http::is_joined(head, name)) {
    const http::Field* field = head.find(name);
    if (field != nullptr && !has_room(head, field->value_length + value.size())) {
      return Status::bad_argument;
    }
  }
  http::append_field(head, name, value);
  return Status::ok;
}

/// In its place where Envoy keeps one line of it, else behind all others.
Status set_field(Head& head, std::string_view name, std::string_view value) {
  if (!is_plugin_field(name, value) || !has_room(head, name.size() + value.size())) {
    return Status::bad_argument;
  }
  if (http::is_joined(head, name)) {
    head.set(name, base::trim(value));
  } else {
    head.remove(name);
    head.add(name, base::trim(value));
  }
  return Status::ok;
}

Status remove_field(Head& head, std::string_view name) {
  if (!name.starts_with(':')) head.remove(name);
  return Status::ok;
}

/// All that are the plugin's.
void remove_fields(Head& head) {
  for (std::size_t i = 0; i < head.fields().size(); ++i) {
    const http::Field& field = head.fields()[i];
    if (!field.removed && !is_the_proxys(head.name(field))) {
      head.remove(std::string(head.name(field)));
    }
  }
}

/// Whether a plugin may put all these in a head's place. It was shown the proxy's own fields, too,
/// and hands them back: they stay as they are.
bool is_head(const wasm::Pairs& pairs) {
  return std::ranges::all_of(pairs, [](const auto& pair) {
    return pair.first.starts_with(':') || is_the_proxys(pair.first) ||
           is_plugin_field(pair.first, pair.second);
  });
}

void collect_fields(const Head& head, wasm::Pairs& out) {
  for (const http::Field& field : head.fields()) {
    if (field.removed || field.id == HeaderId::host) continue;
    out.emplace_back(head.name(field), head.value(field));
  }
}

/// Of an upstream's response, taken out before the filters: Envoy does that behind them.
bool is_hop_by_hop(const http::Field& field) {
  return field.removed &&
         (field.id == HeaderId::transfer_encoding || field.id == HeaderId::connection ||
          field.id == HeaderId::keep_alive || field.id == HeaderId::proxy_connection);
}

std::optional<std::string_view> get_field(const Head& head, std::string_view name) {
  const http::Field* field = head.find(name);
  return field == nullptr ? std::nullopt : std::optional(head.value(*field));
}

}  // namespace

bool is_plugin_field(std::string_view name, std::string_view value) noexcept {
  return name.size() <= kLongestName && is_token(name) && is_value(value) && !is_the_proxys(name);
}

std::optional<std::uint16_t> parse_status(std::string_view text) noexcept {
  std::uint64_t code = 0;
  if (text.size() != 3 || !http::parse_length(text, code) || code < 200) return std::nullopt;
  return static_cast<std::uint16_t>(code);
}

// --- Request ------------------------------------------------------------------------------------

/// As Envoy: in the order in which its parser comes to know them; a CONNECT has no path.
WasmRequestHeaders::WasmRequestHeaders(Head& head) noexcept : head_(head) {
  if (head.had_absolute_target()) pseudo_ = {authority, scheme, path, method};
  if (head.method_id() == http::Method::connect) leave_out(path);
}

void WasmRequestHeaders::leave_out_unset() noexcept {
  if (head_.find(HeaderId::host) == nullptr) leave_out(authority);
  if (head_.find(HeaderId::x_forwarded_proto) == nullptr) leave_out(scheme);
}

void WasmRequestHeaders::leave_out(std::size_t which) noexcept {
  auto* const end = pseudo_.begin() + pseudo_count_;
  pseudo_count_ =
      static_cast<std::uint8_t>(std::remove(pseudo_.begin(), end, which) - pseudo_.begin());
}

bool WasmRequestHeaders::has_pseudo(std::size_t which) const noexcept {
  const auto* const end = pseudo_.begin() + pseudo_count_;
  return std::find(pseudo_.begin(), end, which) != end;
}

std::optional<std::string_view> WasmRequestHeaders::get_pseudo(std::size_t which) const noexcept {
  if (!has_pseudo(which)) return std::nullopt;
  switch (which) {
    case authority:
      return head_.get(HeaderId::host);
    case path:
      return head_.target();
    case method:
      return connect_ ? "CONNECT" : head_.method();
    default: {
      const std::string_view known = http::scheme_of(head_);
      return known.empty() ? "http" : known;
    }
  }
}

std::size_t WasmRequestHeaders::size() const noexcept {
  const std::size_t host = head_.find(HeaderId::host) == nullptr ? 0 : 1;  // Not one of the fields.
  return head_.field_count() - host + pseudo_count_;
}

void WasmRequestHeaders::collect(wasm::Pairs& out) const {
  for (std::size_t i = 0; i < pseudo_count_; ++i) {
    out.emplace_back(kPseudo[pseudo_[i]], *get_pseudo(pseudo_[i]));
  }
  collect_fields(head_, out);
}

std::optional<std::string_view> WasmRequestHeaders::get(std::string_view name) const noexcept {
  const std::size_t pseudo = pseudo_index(name);
  return pseudo < kPseudo.size() || name.starts_with(':') ? get_pseudo(pseudo)
                                                          : get_field(head_, name);
}

std::string_view WasmRequestHeaders::missing() const noexcept {
  const bool tunnel = head_.method_id() == http::Method::connect;
  for (const std::size_t i : {authority, path, method}) {
    if (!has_pseudo(i) && !(i == path && tunnel)) return kPseudo[i];
  }
  if (connect_) return ":protocol";  // A tunnel is nothing that a plugin can make of a request.
  return {};
}

Status WasmRequestHeaders::set_pseudo(std::string_view name, std::string_view value) noexcept {
  if (!has_room(head_, value.size())) return Status::bad_argument;
  const std::size_t which = pseudo_index(name);
  bool good = which < kPseudo.size();
  switch (which) {
    case path: {
      const auto form = http::split_target(head_.method_id(), head_.target()).form;
      good = !value.empty() && is_visible(value) &&
             http::split_target(head_.method_id(), value).form == form;
      if (good) head_.set_target(value);
      break;
    }
    case method:
      good = http::method_of(value) != http::Method::unknown;
      connect_ = value == "CONNECT";
      if (good && !connect_) head_.set_method(value);
      break;
    case authority:
      good = is_visible(value) && (http::is_valid_host(value) || http::is_marked_host(value));
      if (good) head_.set(HeaderId::host, value);
      break;
    default:  // The scheme goes nowhere in HTTP/1.
      break;
  }
  if (!good) return Status::bad_argument;
  if (!has_pseudo(which)) pseudo_[pseudo_count_++] = static_cast<std::uint8_t>(which);
  return Status::ok;
}

Status WasmRequestHeaders::add(std::string_view name, std::string_view value) noexcept {
  const bool pseudo = name.starts_with(':') || name == "host";
  return pseudo ? set_pseudo(name, value) : add_field(head_, name, value);
}

Status WasmRequestHeaders::set(std::string_view name, std::string_view value) noexcept {
  const bool pseudo = name.starts_with(':') || name == "host";
  return pseudo ? set_pseudo(name, value) : set_field(head_, name, value);
}

Status WasmRequestHeaders::remove(std::string_view name) noexcept {
  const std::size_t pseudo = pseudo_index(name);
  if (pseudo < kPseudo.size()) {
    leave_out(pseudo);
    return Status::ok;
  }
  return remove_field(head_, name);
}

Status WasmRequestHeaders::assign(const wasm::Pairs& pairs) noexcept {
  if (!is_head(pairs)) return Status::bad_argument;  // All or nothing.
  remove_fields(head_);
  pseudo_count_ = 0;
  Status status = Status::ok;
  for (const auto& [name, value] : pairs) {
    if (is_the_proxys(name) && name != "host") continue;
    if (const Status one = add(name, value); one != Status::ok) status = one;
  }
  return status;
}

// --- Trailers -----------------------------------------------------------------------------------

void WasmTrailers::collect(wasm::Pairs& out) const {
  for (const auto& [name, value] : trailers_.fields()) out.emplace_back(name, value);
}

std::optional<std::string_view> WasmTrailers::get(std::string_view name) const noexcept {
  const std::string* value = trailers_.find(name);
  return value == nullptr ? std::nullopt : std::optional<std::string_view>(*value);
}

Status WasmTrailers::add(std::string_view name, std::string_view value) noexcept {
  if (size() >= http::Trailers::kMaxFields || value.size() > kLongestTrailer)
    return Status::bad_argument;
  if (!is_plugin_field(name, value) || http::is_never_trailer(name)) return Status::bad_argument;
  trailers_.fields().emplace_back(name, value);
  return Status::ok;
}

Status WasmTrailers::set(std::string_view name, std::string_view value) noexcept {
  remove(name);
  return add(name, value);
}

Status WasmTrailers::remove(std::string_view name) noexcept {
  std::erase_if(trailers_.fields(), [name](const auto& pair) { return pair.first == name; });
  return Status::ok;
}

Status WasmTrailers::assign(const wasm::Pairs& pairs) noexcept {
  trailers_.fields().clear();
  Status status = Status::ok;
  for (const auto& [name, value] : pairs) {
    if (const Status one = add(name, value); one != Status::ok) status = one;
  }
  return status;
}

// --- Response -----------------------------------------------------------------------------------

bool WasmResponseHeaders::shows(const http::Field& field) const noexcept {
  return !field.removed || (!sent_ && is_hop_by_hop(field));
}

std::size_t WasmResponseHeaders::size() const noexcept {
  const auto hidden = sent_ ? 0 : std::ranges::count_if(head_.fields(), is_hop_by_hop);
  return head_.field_count() + static_cast<std::size_t>(hidden) + 1;
}

void WasmResponseHeaders::collect(wasm::Pairs& out) const {
  out.emplace_back(kStatus, *get(kStatus));
  for (const http::Field& field : head_.fields()) {
    if (!shows(field)) continue;
    out.emplace_back(head_.name(field), head_.value(field));
  }
}

std::optional<std::string_view> WasmResponseHeaders::get(std::string_view name) const noexcept {
  if (!name.starts_with(':')) {
    if (const auto value = get_field(head_, name)) return value;
    const auto hidden = std::ranges::find_if(head_.fields(), [&](const http::Field& field) {
      return field.removed && shows(field) && head_.name(field) == name;
    });
    return hidden == head_.fields().end() ? std::nullopt : std::optional(head_.value(*hidden));
  }
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
  if (!is_head(pairs)) return Status::bad_argument;
  remove_fields(head_);
  Status status = Status::ok;
  for (const auto& [name, value] : pairs) {
    if (is_the_proxys(name)) continue;
    if (const Status one = add(name, value); one != Status::ok) status = one;
  }
  return status;
}

}  // namespace holdfast::filters
