#include "http/serialize.hpp"

#include <array>
#include <cassert>
#include <charconv>

#include "http/civil_time.hpp"
#include "http/status.hpp"

namespace holdfast::http {

namespace {

/// Writes a head behind what `out` holds. Lines that stand in the Head as they are to be sent, one
/// behind the other, are copied together: most heads are a few pieces, however many fields they
/// have.
class HeadWriter {
 public:
  HeadWriter(std::string& out, const Head& head) : out_(out), head_(head), used_(out.size()) {
    // All text of the fields stands in the Head; a line adds ": " and CRLF.
    out_.resize(used_ + head.raw_size() + 4 * head.fields().size() + kStartAndTail);
  }
  HeadWriter(const HeadWriter&) = delete;
  HeadWriter& operator=(const HeadWriter&) = delete;
  ~HeadWriter() { out_.resize(used_); }

  void text(std::string_view s) noexcept {
    assert(used_ + s.size() <= out_.size());
    used_ += s.copy(out_.data() + used_, s.size());
  }
  void field(const Field& f) noexcept {
    const std::string_view line = head_.line(f);
    if (line.empty()) {
      end_run();
      text(head_.name(f));
      text(": ");
      text(head_.value(f));
      text("\r\n");
    } else if (line.data() == run_.data() + run_.size()) {
      run_ = {run_.data(), run_.size() + line.size()};
    } else {
      end_run();
      run_ = line;
    }
  }
  void tail(bool chunked) noexcept {
    end_run();
    text(chunked ? "transfer-encoding: chunked\r\n\r\n" : "\r\n");
  }

 private:
  /// A start line's own bytes with the longest reason phrase, and the tail.
  static constexpr std::size_t kStartAndTail = 128;

  void end_run() noexcept {
    if (!run_.empty()) text(run_);
    run_ = {};
  }

  std::string& out_;
  const Head& head_;
  std::size_t used_;
  std::string_view run_;  ///< Of the Head's bytes, not written yet.
};

/// The framing on the wire is the one that the caller asked for, whatever the head says: never both
/// a length and chunks (RFC 9112 6.2), never a coding that was the other hop's.
bool is_framing_left_out(HeaderId id, bool chunked) {
  return id == HeaderId::transfer_encoding || (chunked && id == HeaderId::content_length);
}

void two_digits(char* out, unsigned value) {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
}

}  // namespace

void append_request_head(std::string& out, const Head& head, bool chunked) {
  HeadWriter writer(out, head);
  writer.text(head.method());
  writer.text(" ");
  writer.text(head.target());
  writer.text(" HTTP/1.1\r\n");
  if (const Field* host = head.find(HeaderId::host)) writer.field(*host);
  for (const Field& f : head.fields()) {
    if (f.removed || f.id == HeaderId::host || is_framing_left_out(f.id, chunked)) continue;
    writer.field(f);
  }
  writer.tail(chunked);
}

void append_response_head(std::string& out, const Head& head, Version version, bool chunked) {
  HeadWriter writer(out, head);
  writer.text(version == Version::http_1_0 ? "HTTP/1.0 " : "HTTP/1.1 ");
  std::array<char, 5> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), head.status);
  writer.text({digits.data(), end.ptr});
  writer.text(" ");
  writer.text(reason_phrase(head.status));
  writer.text("\r\n");
  for (const Field& f : head.fields()) {
    if (f.removed || is_framing_left_out(f.id, chunked)) continue;
    writer.field(f);
  }
  writer.tail(chunked);
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
