#include "http/head.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>

namespace holdfast::http {

namespace {
constexpr std::size_t kNotInside = std::numeric_limits<std::size_t>::max();
}

void Head::clear() noexcept {
  bytes_.clear();
  fields_.clear();
  first_.fill(0);
  live_ = 0;
  version = Version::http_1_1;
  status = 0;
  method_offset_ = method_length_ = 0;
  target_offset_ = target_length_ = 0;
}

std::size_t Head::release(std::size_t keep) noexcept {
  clear();
  std::size_t released = 0;
  if (bytes_.capacity() > std::max(keep, std::string().capacity())) {
    released += bytes_.capacity();
    std::string().swap(bytes_);
  }
  if (const std::size_t size = fields_.capacity() * sizeof(Field); size > keep) {
    released += size;
    std::vector<Field>().swap(fields_);
  }
  return released;
}

std::uint32_t Head::append(std::string_view s) {
  const auto offset = static_cast<std::uint32_t>(bytes_.size());
  bytes_.append(s);
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

void Head::set_method(std::string_view method) {
  method_offset_ = append(method);
  method_length_ = static_cast<std::uint32_t>(method.size());
}

void Head::set_target(std::string_view target) {
  target_offset_ = append(target);
  target_length_ = static_cast<std::uint32_t>(target.size());
}

const Field* Head::find(HeaderId id) const noexcept {
  const std::uint32_t first = first_[static_cast<std::size_t>(id)];
  return first == 0 ? nullptr : &fields_[first - 1];
}

const Field* Head::find(std::string_view lower_case_name) const noexcept {
  const HeaderId id = header_id(lower_case_name);
  if (id != HeaderId::other) return find(id);
  for (const Field& f : fields_) {
    if (!f.removed && f.id == HeaderId::other && name(f) == lower_case_name) return &f;
  }
  return nullptr;
}

std::string_view Head::get(HeaderId id) const noexcept {
  const Field* f = find(id);
  return f == nullptr ? std::string_view{} : value(*f);
}

void Head::add(std::string_view name, std::string_view value) {
  // As a line, so that it is sent in one piece. Either may be a view into bytes_ (copying one field
  // to another), which may move.
  const std::size_t name_inside = offset_inside(name);
  const std::size_t value_inside = offset_inside(value);
  const std::size_t begin = bytes_.size();
  bytes_.resize(begin + name.size() + value.size() + 4);
  char* at = bytes_.data() + begin;
  const auto put = [&at](std::string_view s) { at += s.copy(at, s.size()); };
  put(name_inside == kNotInside ? name : text(name_inside, name.size()));
  put(": ");
  put(value_inside == kNotInside ? value : text(value_inside, value.size()));
  put("\r\n");
  const auto name_offset = static_cast<std::uint32_t>(begin);
  index(name_offset, static_cast<std::uint16_t>(name.size()),
        name_offset + static_cast<std::uint32_t>(name.size()) + 2,
        static_cast<std::uint32_t>(value.size()));
}

void Head::add(HeaderId id, std::string_view value) {
  add(header_name(id), value);
}

void Head::replace_value(Field& f, std::string_view value) {
  if (value.size() <= f.value_length) {
    if (!value.empty()) std::memmove(bytes_.data() + f.value_offset, value.data(), value.size());
  } else {
    f.value_offset = append(value);
  }
  f.value_length = static_cast<std::uint32_t>(value.size());
}

void Head::set(HeaderId id, std::string_view value) {
  const std::uint32_t first = first_[static_cast<std::size_t>(id)];
  if (first == 0) {
    add(id, value);
    return;
  }
  replace_value(fields_[first - 1], value);
  for (std::size_t i = first; i < fields_.size(); ++i) {
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
  const auto first = static_cast<std::size_t>(found - fields_.data());
  // The others go first: `name` may be a view into bytes_, which replace_value() may move.
  for (std::size_t i = first + 1; i < fields_.size(); ++i) {
    if (fields_[i].id == HeaderId::other && this->name(fields_[i]) == name) remove_at(i);
  }
  replace_value(fields_[first], value);
}

void Head::remove_at(std::size_t i) noexcept {
  if (fields_[i].removed) return;
  fields_[i].removed = true;
  --live_;
}

void Head::remove(HeaderId id) noexcept {
  std::uint32_t& first = first_[static_cast<std::size_t>(id)];
  if (first == 0) return;
  for (std::size_t i = first - 1; i < fields_.size(); ++i) {
    if (fields_[i].id == id) remove_at(i);
  }
  first = 0;
}

void Head::remove(std::string_view lower_case_name) noexcept {
  const HeaderId id = header_id(lower_case_name);
  if (id != HeaderId::other) {
    remove(id);
    return;
  }
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (fields_[i].id == HeaderId::other && name(fields_[i]) == lower_case_name) remove_at(i);
  }
}

char* Head::assign(std::string_view raw) {
  clear();
  bytes_.assign(raw);
  return bytes_.data();
}

char* Head::assign(std::string_view raw, std::size_t space_at) {
  assign(raw);
  bytes_.insert(space_at, 1, ' ');
  return bytes_.data();
}

void Head::index(std::uint32_t name_offset, std::uint16_t name_length, std::uint32_t value_offset,
                 std::uint32_t value_length) {
  const HeaderId id = header_id(text(name_offset, name_length));
  fields_.push_back({name_offset, value_offset, value_length, name_length, id, false});
  ++live_;
  if (id != HeaderId::other) {
    std::uint32_t& first = first_[static_cast<std::size_t>(id)];
    if (first == 0) first = static_cast<std::uint32_t>(fields_.size());
  }
}

void Head::set_method_range(std::uint32_t offset, std::uint32_t length) noexcept {
  method_offset_ = offset;
  method_length_ = length;
}

void Head::strip_target(std::uint32_t length) noexcept {
  target_offset_ += length;
  target_length_ -= length;
  if (target_length_ > 0 && bytes_[target_offset_] == '/') return;
  bytes_[--target_offset_] = '/';
  ++target_length_;
}

void Head::set_target_range(std::uint32_t offset, std::uint32_t length) noexcept {
  target_offset_ = offset;
  target_length_ = length;
}

}  // namespace holdfast::http
