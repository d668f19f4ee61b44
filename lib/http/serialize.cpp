#include "http/serialize.hpp"

#include <array>
#include <charconv>

#include "http/civil_time.hpp"
#include "http/status.hpp"

namespace holdfast::http {

namespace {

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

/// The framing on the wire is the one that the caller asked for, whatever the head says: never both
/// a length and chunks (RFC 9112 6.2), never a coding that was the other hop's.
bool is_framing_left_out(HeaderId id, bool chunked) {
  return id == HeaderId::transfer_encoding || (chunked && id == HeaderId::content_length);
}

void append_tail(std::string& out, bool chunked) {
  out += chunked ? "transfer-encoding: chunked\r\n\r\n" : "\r\n";
}

void two_digits(char* out, unsigned value) {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
}

}  // namespace

void append_request_head(std::string& out, const Head& head, bool chunked) {
  out += head.method();
  out += ' ';
  out += head.target();
  out += " HTTP/1.1\r\n";
  if (const Field* host = head.find(HeaderId::host)) append_field(out, "host", head.value(*host));
  for (const Field& f : head.fields()) {
    if (f.removed || f.id == HeaderId::host || is_framing_left_out(f.id, chunked)) continue;
    append_field(out, head.name(f), head.value(f));
  }
  append_tail(out, chunked);
}

void append_response_head(std::string& out, const Head& head, Version version, bool chunked) {
  out += version == Version::http_1_0 ? "HTTP/1.0 " : "HTTP/1.1 ";
  std::array<char, 5> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), head.status);
  out.append(digits.data(), end.ptr);
  out += ' ';
  out += reason_phrase(head.status);
  out += "\r\n";
  for (const Field& f : head.fields()) {
    if (f.removed || is_framing_left_out(f.id, chunked)) continue;
    append_field(out, head.name(f), head.value(f));
  }
  append_tail(out, chunked);
}

std::size_t chunk_header(std::uint64_t size, char* out) noexcept {
  char* end = std::to_chars(out, out + 16, size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return static_cast<std::size_t>(end - out);
}

void format_date(std::int64_t unix_seconds, char* out) noexcept {
  const CivilTime t = civil_time(unix_seconds);
  const auto year = static_cast<unsigned>(t.year);
  constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  constexpr std::string_view kForm = "___, __ ___ ____ __:__:__ GMT";
  kForm.copy(out, kForm.size());
  kDays.copy(out, 3, t.weekday * 3U);
  two_digits(out + 5, t.day);
  kMonths.copy(out + 8, 3, (t.month - 1) * 3U);
  two_digits(out + 12, year / 100 % 100);
  two_digits(out + 14, year % 100);
  two_digits(out + 17, t.hour);
  two_digits(out + 20, t.minute);
  two_digits(out + 23, t.second);
}

}  // namespace holdfast::http
