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
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "base/buffer.hpp"
#include "http/header_id.hpp"

namespace holdfast::http {

enum class Version : std::uint8_t { http_1_0, http_1_1 };

/// Those that something depends on (RFC 9110 9.3).
enum class Method : std::uint8_t {
  unknown,  ///< No request, or a method that we don't take.
  other,
  get,
  head,
  post,
  put,
  delete_,
  options,
  connect,
  trace,
};

/// Field text lives in Head::bytes_; offsets survive its growth.
struct Field {
  std::uint32_t name_offset;
  std::uint32_t value_offset;
  std::uint32_t value_length;
  std::uint16_t name_length;
  HeaderId id;
  bool removed : 1;
  bool is_line : 1;  ///< Stands in the bytes as "name: value" with CRLF.
};

class Head {
 public:
  Head() = default;
  Head(const Head&) = delete;
  Head& operator=(const Head&) = delete;
  Head(Head&& other) noexcept { *this = std::move(other); }
  /// `other` is as after clear().
  Head& operator=(Head&& other) noexcept;

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
  [[nodiscard]] Method method_id() const noexcept { return method_; }
  /// Request target in origin form: path and query (an absolute-form target has been split by the
  /// parser into target() and a replaced host field), or "*", or authority for CONNECT.
  [[nodiscard]] std::string_view target() const noexcept {
    return text(target_offset_, target_length_);
  }
  /// The target came with scheme and authority.
  [[nodiscard]] bool had_absolute_target() const noexcept { return absolute_target_; }
  void set_method(std::string_view method);
  void set_target(std::string_view target);

  // Fields, in order of arrival and then of addition.
  [[nodiscard]] std::span<const Field> fields() const noexcept { return {fields_.get(), count_}; }
  [[nodiscard]] std::string_view name(const Field& f) const noexcept {
    return text(f.name_offset, f.name_length);
  }
  [[nodiscard]] std::string_view value(const Field& f) const noexcept {
    return text(f.value_offset, f.value_length);
  }
  /// The field as "name: value" with CRLF. REQUIRES: is_line.
  [[nodiscard]] std::string_view line(const Field& f) const noexcept {
    return text(f.name_offset, std::size_t{f.name_length} + f.value_length + 4);
  }
  /// Live (not removed) fields.
  [[nodiscard]] std::size_t field_count() const noexcept { return live_; }

  /// The first live field of that name, or null.
  [[nodiscard]] const Field* find(HeaderId id) const noexcept {
    return has(id) ? &fields_[first_[static_cast<std::size_t>(id)]] : nullptr;
  }
  [[nodiscard]] const Field* find(std::string_view lower_case_name) const noexcept;
  /// Value of the first such field; empty if absent (use find() to tell absent from empty).
  [[nodiscard]] std::string_view get(HeaderId id) const noexcept {
    const Field* f = find(id);
    return f == nullptr ? std::string_view{} : value(*f);
  }

  /// Append a field. REQUIRES: name is lower case and a token, value is clean (see "Always holds").
  /// Views into this Head are fine as arguments here and in set().
  void add(std::string_view name, std::string_view value);
  void add(HeaderId id, std::string_view value);
  /// Replace the first field's value in place and remove the others of that name; add if absent.
  void set(HeaderId id, std::string_view value);
  void set(std::string_view name, std::string_view value);
  void remove(HeaderId id) noexcept {
    if (has(id)) remove_all(id);
  }
  void remove(std::string_view lower_case_name) noexcept;

  // For the parser: first the index, with offsets into bytes that are still elsewhere, then the
  // bytes.
  void index(const Field& field) {
    if (count_ == capacity_) grow_fields();
    fields_[count_] = field;
    if (field.id != HeaderId::other) {
      if (has(field.id)) {
        again_ |= 1;
      } else {
        present_ |= bit(field.id);
        first_[static_cast<std::size_t>(field.id)] = count_;
      }
    }
    ++count_;
    ++live_;
  }
  /// The field has a name without an id: its hint (joined_fields.hpp).
  void note(std::uint64_t hint) noexcept {
    again_ |= noted_ & hint;
    noted_ |= hint;
  }
  /// Copy the whole head in. `mixed_case`: make its fields' names lower case.
  void adopt(std::string_view raw, bool mixed_case);
  void set_method_range(Method method, std::uint32_t offset, std::uint32_t length) noexcept;
  void set_target_range(std::uint32_t offset, std::uint32_t length) noexcept;
  /// Drop the first `length` bytes (scheme and authority) of the target; what is left starts with a
  /// '/' after it. REQUIRES: length > 0.
  void strip_target(std::uint32_t length) noexcept;
  [[nodiscard]] std::size_t raw_size() const noexcept { return bytes_.size(); }
  /// False: no name of a head that was read is there twice, as far as ids and hints go.
  [[nodiscard]] bool may_repeat() const noexcept { return again_ != 0; }
  /// False: none of the names with these hints was read.
  [[nodiscard]] bool may_have(std::uint64_t hints) const noexcept { return (noted_ & hints) != 0; }

 private:
  [[nodiscard]] std::string_view text(std::size_t offset, std::size_t length) const noexcept {
    return {bytes_.data() + offset, length};
  }
  [[nodiscard]] static std::uint32_t bit(HeaderId id) noexcept {
    static_assert(kHeaderIds <= 32);
    return std::uint32_t{1} << static_cast<unsigned>(id);
  }
  [[nodiscard]] bool has(HeaderId id) const noexcept { return (present_ & bit(id)) != 0; }
  std::uint32_t append(std::string_view s);
  /// Where `s` starts in bytes_, or the largest std::size_t if it lies elsewhere.
  [[nodiscard]] std::size_t offset_inside(std::string_view s) const noexcept;
  /// Where to write `n` bytes; `a` and `b` move along if they are views into bytes_, which may
  /// grow.
  [[nodiscard]] char* room(std::size_t n, std::string_view& a, std::string_view& b) {
    return bytes_.capacity() - bytes_.size() >= n ? bytes_.room(n) : grow(n, a, b);
  }
  [[nodiscard]] char* grow(std::size_t n, std::string_view& a, std::string_view& b);
  void grow_fields();
  void finish_line(HeaderId id, std::size_t name_length, std::size_t value_length);
  void replace_value(Field& f, std::string_view value);
  void remove_at(std::size_t i) noexcept;
  void remove_all(HeaderId id) noexcept;

  base::Buffer bytes_;
  std::unique_ptr<Field[]> fields_;
  std::uint32_t count_ = 0;  ///< Of fields_, with those that were removed.
  std::uint32_t capacity_ = 0;
  std::uint32_t present_ = 0;                      ///< A bit for each id that has a live field.
  std::array<std::uint32_t, kHeaderIds> first_{};  ///< Index of the first one, where present.
  std::uint32_t live_ = 0;
  std::uint64_t noted_ = 0;  ///< Hints of the names that were read.
  std::uint64_t again_ = 0;  ///< Those that came again; bit 0: a name with an id did.
  Method method_ = Method::unknown;
  bool absolute_target_ = false;
  std::uint32_t method_offset_ = 0, method_length_ = 0;
  std::uint32_t target_offset_ = 0, target_length_ = 0;
};

}  // namespace holdfast::http
