// One message head (request or response): the bytes as received, an index of offsets into them,
// edits on top.
//
// Owner: the exchange it belongs to, which keeps it for its whole life and recycles it (clear()
// keeps capacity, so a warm Head allocates nothing). Thread: its worker's. Never copied between
// stages: lent as Head&. Always holds: field names are lower case; a value has no leading or
// trailing white space, no CR, LF or NUL. Views returned are valid until the next
// add/set/assign/clear.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/header_id.hpp"

namespace holdfast::http {

enum class Version : std::uint8_t { http_1_0, http_1_1 };

/// Field text lives in Head::bytes_; offsets survive its growth.
struct Field {
  std::uint32_t name_offset;
  std::uint32_t value_offset;
  std::uint32_t value_length;
  std::uint16_t name_length;
  HeaderId id;
  bool removed;
};

class Head {
 public:
  Head() = default;
  Head(const Head&) = delete;
  Head& operator=(const Head&) = delete;
  Head(Head&&) = default;
  Head& operator=(Head&&) = default;

  /// Forget everything, keep capacity.
  void clear() noexcept;
  /// Forget everything, and give each buffer back that is larger than `keep` bytes. Returns how
  /// much that was.
  std::size_t release(std::size_t keep) noexcept;

  // Start line. Request: method and target; response: status (reason is never forwarded: Envoy
  // writes its own).
  Version version = Version::http_1_1;
  std::uint16_t status = 0;
  [[nodiscard]] std::string_view method() const noexcept {
    return text(method_offset_, method_length_);
  }
  /// Request target in origin form: path and query (an absolute-form target has been split by the
  /// parser into target() and a replaced host field), or "*", or authority for CONNECT.
  [[nodiscard]] std::string_view target() const noexcept {
    return text(target_offset_, target_length_);
  }
  void set_method(std::string_view method);
  void set_target(std::string_view target);

  // Fields, in order of arrival and then of addition.
  [[nodiscard]] const std::vector<Field>& fields() const noexcept { return fields_; }
  [[nodiscard]] std::string_view name(const Field& f) const noexcept {
    return text(f.name_offset, f.name_length);
  }
  [[nodiscard]] std::string_view value(const Field& f) const noexcept {
    return text(f.value_offset, f.value_length);
  }
  /// The field as "name: value" with CRLF where the Head's bytes hold it in that form; else empty.
  [[nodiscard]] std::string_view line(const Field& f) const noexcept {
    const char* const begin = bytes_.data() + f.name_offset;
    const std::size_t name_length = f.name_length;
    const std::size_t size = name_length + 2 + f.value_length;
    const bool whole = f.value_offset == f.name_offset + name_length + 2 &&
                       f.name_offset + size + 2 <= bytes_.size() && begin[name_length] == ':' &&
                       begin[name_length + 1] == ' ' && begin[size] == '\r' &&
                       begin[size + 1] == '\n';
    return whole ? std::string_view(begin, size + 2) : std::string_view{};
  }
  /// Live (not removed) fields.
  [[nodiscard]] std::size_t field_count() const noexcept { return live_; }

  /// The first live field of that name, or null.
  [[nodiscard]] const Field* find(HeaderId id) const noexcept;
  [[nodiscard]] const Field* find(std::string_view lower_case_name) const noexcept;
  /// Value of the first such field; empty if absent (use find() to tell absent from empty).
  [[nodiscard]] std::string_view get(HeaderId id) const noexcept;

  /// Append a field. REQUIRES: name is lower case and a token, value is clean (see "Always holds").
  /// Views into this Head are fine as arguments here and in set().
  void add(std::string_view name, std::string_view value);
  void add(HeaderId id, std::string_view value);
  /// Replace the first field's value in place and remove the others of that name; add if absent.
  void set(HeaderId id, std::string_view value);
  void set(std::string_view name, std::string_view value);
  void remove(HeaderId id) noexcept;
  void remove(std::string_view lower_case_name) noexcept;

  /// Take `raw` (a complete head) as the backing bytes; the parser then indexes it. Used by
  /// HeadParser.
  char* assign(std::string_view raw);
  /// The same with a space put in at `space_at`.
  char* assign(std::string_view raw, std::size_t space_at);
  void index(std::uint32_t name_offset, std::uint16_t name_length, std::uint32_t value_offset,
             std::uint32_t value_length);
  void set_method_range(std::uint32_t offset, std::uint32_t length) noexcept;
  void set_target_range(std::uint32_t offset, std::uint32_t length) noexcept;
  /// Drop the first `length` bytes (scheme and authority) of the target; what is left starts with a
  /// '/' after it. REQUIRES: length > 0.
  void strip_target(std::uint32_t length) noexcept;
  [[nodiscard]] std::size_t raw_size() const noexcept { return bytes_.size(); }

 private:
  [[nodiscard]] std::string_view text(std::size_t offset, std::size_t length) const noexcept {
    return {bytes_.data() + offset, length};
  }
  std::uint32_t append(std::string_view s);
  /// Where `s` starts in bytes_, or the largest std::size_t if it lies elsewhere.
  [[nodiscard]] std::size_t offset_inside(std::string_view s) const noexcept;
  void replace_value(Field& f, std::string_view value);
  void remove_at(std::size_t i) noexcept;

  std::string bytes_;
  std::vector<Field> fields_;
  std::array<std::uint32_t, kHeaderIds>
      first_{};  ///< 1 + index of the first live field of that id; 0 = none.
  std::size_t live_ = 0;
  std::uint32_t method_offset_ = 0, method_length_ = 0;
  std::uint32_t target_offset_ = 0, target_length_ = 0;
};

}  // namespace holdfast::http
