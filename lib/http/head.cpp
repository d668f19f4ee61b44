#include "http/head.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <utility>

#include "base/text.hpp"
#include "http/head_scan.hpp"

namespace holdfast::http {

namespace {
constexpr std::size_t kNotInside = std::numeric_limits<std::size_t>::max();
}

Head& Head::operator=(Head&& other) noexcept {
  version = other.version;
  status = other.status;
  bytes_ = std::move(other.bytes_);
  fields_ = std::move(other.fields_);
  count_ = other.count_;
  capacity_ = std::exchange(other.capacity_, 0);
  present_ = other.present_;
  first_ = other.first_;
  live_ = other.live_;
  noted_ = other.noted_;
  again_ = other.again_;
  method_ = other.method_;
  absolute_target_ = other.absolute_target_;
  method_offset_ = other.method_offset_;
  method_length_ = other.method_length_;
  target_offset_ = other.target_offset_;
  target_length_ = other.target_length_;
  other.clear();
  return *this;
}

void Head::clear() noexcept {
  bytes_.clear();
  count_ = 0;
  present_ = 0;
  live_ = 0;
  noted_ = again_ = 0;
  version = Version::http_1_1;
  status = 0;
  method_ = Method::unknown;
  absolute_target_ = false;
  method_offset_ = method_length_ = 0;
  target_offset_ = target_length_ = 0;
}

std::size_t Head::release(std::size_t keep) noexcept {
  clear();
  std::size_t released = 0;
  if (bytes_.capacity() > keep) released += bytes_.release();
  if (const std::size_t size = capacity_ * sizeof(Field); size > keep) {
    released += size;
    fields_.reset();
    capacity_ = 0;
  }
  return released;
}

std::uint32_t Head::append(std::string_view s) {
  const auto offset = static_cast<std::uint32_t>(bytes_.size());
  char* const at = room(s.size(), s, s);
  if (!s.empty()) std::memcpy(at, s.data(), s.size());
  bytes_.commit(s.size());
  return offset;
}

std::size_t Head::offset_inside(std::string_view s) const noexcept {
  const std::less<const char*> before;
  const char* const begin = bytes_.data();
  if (s.empty() || before(s.data(), begin) || !before(s.data(), begin + bytes_.size())) {
    return kNotInside;
  }
  return static_cast<std::size_t>(s.data() - begin);
}

char* Head::grow(std::size_t n, std::string_view& a, std::string_view& b) {
  const std::size_t a_inside = offset_inside(a);
  const std::size_t b_inside = offset_inside(b);
  char* const at = bytes_.room(n);
  if (a_inside != kNotInside) a = text(a_inside, a.size());
  if (b_inside != kNotInside) b = text(b_inside, b.size());
  return at;
}

void Head::set_method(std::string_view method) {
  method_ = method_of(method);
  method_offset_ = append(method);
  method_length_ = static_cast<std::uint32_t>(method.size());
}

void Head::set_target(std::string_view target) {
  target_offset_ = append(target);
  target_length_ = static_cast<std::uint32_t>(target.size());
}

const Field* Head::find(std::string_view lower_case_name) const noexcept {
  const HeaderId id = header_id(lower_case_name);
  if (id != HeaderId::other) return find(id);
  for (const Field& f : fields()) {
    if (!f.removed && f.id == HeaderId::other && name(f) == lower_case_name) return &f;
  }
  return nullptr;
}

void Head::add(std::string_view name, std::string_view value) {
  // As a line, so that it is sent in one piece. Either may be a view into bytes_ (copying one field
  // to another), which may move.
  char* at = room(name.size() + value.size() + 4, name, value);
  const auto put = [&at](std::string_view s) { at += s.copy(at, s.size()); };
  put(name);
  put(": ");
  put(value);
  put("\r\n");
  finish_line(header_id(name), name.size(), value.size());
}

void Head::add(HeaderId id, std::string_view value) {
  const std::string_view start = header_line_start(id);
  char* at = room(kLineStart + value.size() + 2, value, value);
  std::memcpy(at, start.data(), kLineStart);  // Of fixed size, whatever the name's: no call.
  at += start.size();
  if (!value.empty()) std::memcpy(at, value.data(), value.size());
  at[value.size()] = '\r';
  at[value.size() + 1] = '\n';
  finish_line(id, start.size() - 2, value.size());
}

void Head::grow_fields() {
  constexpr std::uint32_t kFewest = 16;
  const std::uint32_t capacity = std::max(2 * capacity_, kFewest);
  auto fields = std::make_unique_for_overwrite<Field[]>(capacity);
  std::copy_n(fields_.get(), count_, fields.get());
  fields_ = std::move(fields);
  capacity_ = capacity;
}

void Head::finish_line(HeaderId id, std::size_t name_length, std::size_t value_length) {
  const auto begin = static_cast<std::uint32_t>(bytes_.size());
  bytes_.commit(name_length + value_length + 4);
  index({.name_offset = begin,
         .value_offset = begin + static_cast<std::uint32_t>(name_length) + 2,
         .value_length = static_cast<std::uint32_t>(value_length),
         .name_length = static_cast<std::uint16_t>(name_length),
         .id = id,
         .removed = false,
         .is_line = true});
}

void Head::replace_value(Field& f, std::string_view value) {
  if (value.size() <= f.value_length) {
    if (!value.empty()) std::memmove(bytes_.data() + f.value_offset, value.data(), value.size());
  } else {
    f.value_offset = append(value);
  }
  f.is_line = f.is_line && value.size() == f.value_length;
  f.value_length = static_cast<std::uint32_t>(value.size());
}

void Head::set(HeaderId id, std::string_view value) {
  if (!has(id)) return add(id, value);
  const std::uint32_t first = first_[static_cast<std::size_t>(id)];
  replace_value(fields_[first], value);
  for (std::size_t i = first + 1; i < count_; ++i) {
    if (fields_[i].id == id) remove_at(i);
  }
}

void Head::set(std::string_view name, std::string_view value) {
  const HeaderId id = header_id(name);
  if (id != HeaderId::other) {
    set(id, value);
    return;
  }
  const Field* found = find(name);
  if (found == nullptr) {
    add(name, value);
    return;
  }
  const auto first = static_cast<std::size_t>(found - fields_.get());
  // The others go first: `name` may be a view into bytes_, which replace_value() may move.
  for (std::size_t i = first + 1; i < count_; ++i) {
    if (fields_[i].id == HeaderId::other && this->name(fields_[i]) == name) remove_at(i);
  }
  replace_value(fields_[first], value);
}

void Head::remove_at(std::size_t i) noexcept {
  if (fields_[i].removed) return;
  fields_[i].removed = true;
  --live_;
}

void Head::remove_all(HeaderId id) noexcept {
  for (std::size_t i = first_[static_cast<std::size_t>(id)]; i < count_; ++i) {
    if (fields_[i].id == id) remove_at(i);
  }
  present_ &= ~bit(id);
}

void Head::remove(std::string_view lower_case_name) noexcept {
  const HeaderId id = header_id(lower_case_name);
  if (id != HeaderId::other) {
    remove(id);
    return;
  }
  for (std::size_t i = 0; i < count_; ++i) {
    if (fields_[i].id == HeaderId::other && name(fields_[i]) == lower_case_name) remove_at(i);
  }
}

void Head::adopt(std::string_view raw, bool mixed_case) {
  bytes_.clear();
  bytes_.append(raw);
  if (!mixed_case) return;
  for (const Field& f : fields()) base::make_lower(bytes_.data() + f.name_offset, f.name_length);
}

void Head::set_method_range(Method method, std::uint32_t offset, std::uint32_t length) noexcept {
  method_ = method;
  method_offset_ = offset;
  method_length_ = length;
}

void Head::strip_target(std::uint32_t length) noexcept {
  absolute_target_ = true;
  target_offset_ += length;
  target_length_ -= length;
  if (target_length_ > 0 && bytes_.data()[target_offset_] == '/') return;
  bytes_.data()[--target_offset_] = '/';
  ++target_length_;
}

void Head::set_target_range(std::uint32_t offset, std::uint32_t length) noexcept {
  target_offset_ = offset;
  target_length_ = length;
}

}  // namespace holdfast::http
