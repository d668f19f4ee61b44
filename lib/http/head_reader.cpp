#include "http/head_reader.hpp"

#include <cstring>
#include <limits>

#include "base/text.hpp"
#include "http/byte_scan.hpp"
#include "http/head_scan.hpp"
#include "http/joined_fields.hpp"

namespace holdfast::http {
namespace {

constexpr std::size_t kMaxNameLength = std::numeric_limits<std::uint16_t>::max();
constexpr std::size_t kVersion = std::string_view("HTTP/1.1").size();

bool is_crlf(const char* p) noexcept {
  return p[0] == '\r' && p[1] == '\n';
}

/// "HTTP/1.1" or "HTTP/1.0". REQUIRES: that many bytes.
bool read_version(const char* p, Version& version) noexcept {
  if (std::memcmp(p, "HTTP/1.", kVersion - 1) != 0) return false;
  const char minor = p[kVersion - 1];
  version = minor == '0' ? Version::http_1_0 : Version::http_1_1;
  return minor == '0' || minor == '1';
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

}  // namespace

bool HeadReader::read_request() {
  head_.clear();
  const char* const fields = read_request_line(begin_);
  return fields != nullptr && read_fields(fields);
}

bool HeadReader::read_response() {
  head_.clear();
  const char* const fields = read_status_line(begin_);
  return fields != nullptr && read_fields(fields);
}

/// RFC 9112 3: method SP request-target SP HTTP-version CRLF
const char* HeadReader::read_request_line(const char* p) {
  const char* const method_end = skip_token(p, end_).end;
  if (method_end == p || !has(method_end, 1) || *method_end != ' ') return nullptr;
  const char* const target = method_end + 1;
  const char* const target_end = skip_text<Text::visible>(target, end_);
  if (target_end == target || !has(target_end, kVersion + 3) || *target_end != ' ') return nullptr;
  const char* const version = target_end + 1;
  if (!read_version(version, head_.version) || !is_crlf(version + kVersion)) return nullptr;
  const Method method = method_of({p, static_cast<std::size_t>(method_end - p)});
  if (method == Method::unknown) return refuse(HeadError::bad_request);
  if (head_.version == Version::http_1_0 && !limits_.accept_http_10) {
    return refuse(HeadError::upgrade_required);
  }
  head_.set_method_range(method, offset(p), offset(method_end) - offset(p));
  head_.set_target_range(offset(target), offset(target_end) - offset(target));
  return version + kVersion + 2;
}

/// RFC 9112 4: HTTP-version SP status-code SP [ reason-phrase ] CRLF. No space before the missing
/// reason: common, harmless, taken by Envoy.
const char* HeadReader::read_status_line(const char* p) {
  constexpr std::size_t kCodeEnd = kVersion + 4;
  if (!has(p, kCodeEnd + 2) || !read_version(p, head_.version) || p[kVersion] != ' ') {
    return nullptr;
  }
  const char* const code = p + kVersion + 1;
  if (!is_digit(code[0]) || !is_digit(code[1]) || !is_digit(code[2])) return nullptr;
  const int status = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
  const char* reason_end = code + 3;
  if (*reason_end == ' ') reason_end = skip_text<Text::value>(reason_end + 1, end_);
  if (!has(reason_end, 2) || !is_crlf(reason_end)) return nullptr;
  if (status < 100) return refuse(HeadError::bad_request);
  head_.status = static_cast<std::uint16_t>(status);
  return reason_end + 2;
}

bool HeadReader::read_fields(const char* p) {
  while (has(p, 2)) {
    if (is_crlf(p)) {
      size_ = offset(p) + 2;
      head_.adopt({begin_, size_}, mixed_case_);
      return true;
    }
    p = read_field(p);
    if (p == nullptr) return false;
  }
  return false;
}

/// RFC 9112 5: field-name ":" OWS field-value OWS CRLF
const char* HeadReader::read_field(const char* p) {
  const Token name = skip_token(p, end_);
  if (name.end == p || !has(name.end, 1) || *name.end != ':') return nullptr;
  const char* const rest = name.end + 1;
  const char* const line_end = skip_text<Text::value>(rest, end_);
  if (!has(line_end, 2) || !is_crlf(line_end)) return nullptr;
  const std::string_view value = base::trim({rest, static_cast<std::size_t>(line_end - rest)});

  const auto name_length = static_cast<std::size_t>(name.end - p);
  if (name_length > kMaxNameLength) return refuse(HeadError::too_large);
  if (head_.fields().size() >= limits_.max_fields) return refuse(HeadError::too_many_fields);
  const HeaderId id = header_id({p, name_length});
  mixed_case_ = mixed_case_ || name.has_capital;
  head_.index({.name_offset = offset(p),
               .value_offset = offset(value.data()),
               .value_length = static_cast<std::uint32_t>(value.size()),
               .name_length = static_cast<std::uint16_t>(name_length),
               .id = id,
               .removed = false,
               .is_line = value.data() + value.size() == line_end && value.data() == rest + 1 &&
                          *rest == ' '});
  if (id == HeaderId::other) {
    head_.note(name_hint({p, name_length}));
  } else if (!note(id, value)) {
    return nullptr;
  }
  return line_end + 2;
}

/// False: the value is none that this field can have.
bool HeadReader::note(HeaderId id, std::string_view value) {
  switch (id) {
    case HeaderId::host:
      ++facts_.hosts;
      facts_.host_ok = facts_.host_ok && (is_valid_host(value) ||
                                          (limits_.accept_marked_host && is_marked_host(value)));
      break;
    case HeaderId::content_length:
      ++facts_.lengths;
      facts_.length_ok = facts_.length_ok && parse_length(value, facts_.content_length);
      break;
    case HeaderId::transfer_encoding:
      ++facts_.codings;
      facts_.chunked = base::equals_ignoring_case(value, "chunked");
      break;
    case HeaderId::connection:
      return note_options(value);
    case HeaderId::proxy_connection:  // not a standard field, but Envoy closes on it
      facts_.close = facts_.close || has_token(value, "close");
      return is_option_list(value);
    case HeaderId::expect:
      ++facts_.expectations;
      if (base::equals_ignoring_case(value, "100-continue")) ++facts_.expected_continues;
      break;
    default:
      break;
  }
  return true;
}

bool HeadReader::note_options(std::string_view value) {
  base::for_each_member(value, [this](std::string_view option) {
    ++facts_.options;
    facts_.close = facts_.close || base::equals_ignoring_case(option, "close");
    facts_.keep_alive = facts_.keep_alive || base::equals_ignoring_case(option, "keep-alive");
    facts_.upgrade_option = facts_.upgrade_option || base::equals_ignoring_case(option, "upgrade");
  });
  return is_option_list(value);
}

}  // namespace holdfast::http
