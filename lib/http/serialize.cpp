#include "http/serialize.hpp"

#include <array>
#include <cassert>
#include <charconv>
#include <cstring>

#include "http/civil_time.hpp"
#include "http/status.hpp"

namespace holdfast::http {

namespace {

/// Writes a head behind what `out` holds. Lines that stand in the Head as they are to be sent, one
/// behind the other, are copied together: most heads are a few pieces, however many fields they
/// have.
class HeadWriter {
 public:
  HeadWriter(base::Buffer& out, const Head& head)
      : out_(out),
        head_(head),
        // All text of the fields stands in the Head; a line adds ": " and CRLF.
        begin_(out.room(head.raw_size() + 4 * head.fields().size() + kStartAndTail)),
        at_(begin_) {}
  HeadWriter(const HeadWriter&) = delete;
  HeadWriter& operator=(const HeadWriter&) = delete;
  ~HeadWriter() { out_.commit(static_cast<std::size_t>(at_ - begin_)); }

  void text(std::string_view s) noexcept {
    std::memcpy(at_, s.data(), s.size());
    at_ += s.size();
  }
  void field(const Field& f) noexcept {
    if (f.is_line) {
      const std::string_view line = head_.line(f);
      if (line.data() != run_end_) {
        end_run();
        run_ = line.data();
      }
      run_end_ = line.data() + line.size();
    } else {
      end_run();
      text(head_.name(f));
      text(": ");
      if (f.value_length != 0) text(head_.value(f));
      text("\r\n");
    }
  }
  void tail(bool chunked, bool says_empty = false) noexcept {
    end_run();
    if (chunked) text("transfer-encoding: chunked\r\n");
    if (says_empty) text("content-length: 0\r\n");
    text("\r\n");
  }

 private:
  /// A start line's own bytes with the longest reason phrase, and the tail.
  static constexpr std::size_t kStartAndTail = 128;

  void end_run() noexcept {
    if (run_ != nullptr) text({run_, static_cast<std::size_t>(run_end_ - run_)});
    run_ = run_end_ = nullptr;
  }

  base::Buffer& out_;
  const Head& head_;
  char* const begin_;
  char* at_;
  const char* run_ = nullptr;  ///< Of the Head's bytes, not written yet.
  const char* run_end_ = nullptr;
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

void append_request_head(base::Buffer& out, const Head& head, bool chunked) {
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

void append_response_head(base::Buffer& out, const Head& head, Version version, bool chunked,
                          bool says_empty) {
  HeadWriter writer(out, head);
  writer.text(version == Version::http_1_0 ? "HTTP/1.0 " : "HTTP/1.1 ");
  assert(head.status >= 100 && head.status <= 999);
  const unsigned code = head.status;
  const std::array<char, 4> digits{static_cast<char>('0' + code / 100),
                                   static_cast<char>('0' + code / 10 % 10),
                                   static_cast<char>('0' + code % 10), ' '};
  writer.text({digits.data(), digits.size()});
  writer.text(reason_phrase(head.status));
  writer.text("\r\n");
  for (const Field& f : head.fields()) {
    if (f.removed || is_framing_left_out(f.id, chunked)) continue;
    writer.field(f);
  }
  writer.tail(chunked, says_empty);
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
