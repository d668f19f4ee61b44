#include "wasm/protobuf_reader.hpp"

namespace holdfast::wasm {
namespace {

constexpr std::size_t kLongestVarint = 10;
constexpr std::size_t kLongestTag = 5;  // And length.
constexpr std::uint64_t kMostBytes = 0x7fffffff;
constexpr unsigned kDeepest = 100;

constexpr std::uint32_t kVarint = 0;
constexpr std::uint32_t kFixed64 = 1;
constexpr std::uint32_t kBytes = 2;
constexpr std::uint32_t kGroup = 3;
constexpr std::uint32_t kGroupEnd = 4;
constexpr std::uint32_t kFixed32 = 5;
constexpr std::uint32_t kTypeBits = 3;

}  // namespace

bool ProtobufReader::take_varint(std::uint64_t& value, std::size_t longest) noexcept {
  value = 0;
  for (std::size_t i = 0; i < longest && i < rest_.size(); ++i) {
    const auto byte = static_cast<unsigned char>(rest_[i]);
    value |= std::uint64_t{byte & 0x7fU} << (7 * i);
    if (byte < 0x80) {
      rest_.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

bool ProtobufReader::take_tag(std::uint32_t& tag) noexcept {
  std::uint64_t value = 0;
  if (!take_varint(value, kLongestTag)) return false;
  tag = static_cast<std::uint32_t>(value);
  return tag >> kTypeBits != 0;
}

bool ProtobufReader::skip(std::size_t size) noexcept {
  if (rest_.size() < size) return false;
  rest_.remove_prefix(size);
  return true;
}

bool ProtobufReader::take_bytes(std::string_view& bytes) noexcept {
  std::uint64_t size = 0;
  if (!take_varint(size, kLongestTag) || size > kMostBytes) return false;
  bytes = rest_.substr(0, size);
  return skip(size);
}

bool ProtobufReader::take_value(std::uint32_t tag, Field& field) noexcept {
  field.id = tag >> kTypeBits;
  field.kind = Field::Kind::other;
  switch (tag & ((1U << kTypeBits) - 1)) {
    case kVarint:
      field.kind = Field::Kind::number;
      return take_varint(field.number, kLongestVarint);
    case kFixed64:
      return skip(8);
    case kBytes:
      field.kind = Field::Kind::bytes;
      return take_bytes(field.bytes);
    case kGroup:
      return skip_group(field.id);
    case kFixed32:
      return skip(4);
    default:
      return false;
  }
}

// NOLINTNEXTLINE(misc-no-recursion): kDeepest bounds it.
bool ProtobufReader::skip_group(std::uint32_t id) noexcept {
  if (++depth_ > kDeepest) return false;
  for (std::uint32_t tag = 0; take_tag(tag);) {
    if ((tag & ((1U << kTypeBits) - 1)) == kGroupEnd) {
      --depth_;
      return tag >> kTypeBits == id;
    }
    Field field;
    if (!take_value(tag, field)) return false;
  }
  return false;
}

std::optional<ProtobufReader::Field> ProtobufReader::next() noexcept {
  if (rest_.empty() || malformed_) return std::nullopt;
  std::uint32_t tag = 0;
  Field field;
  malformed_ = !take_tag(tag) || !take_value(tag, field);
  return malformed_ ? std::nullopt : std::optional(field);
}

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&text](std::size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
    };
    const unsigned first = byte(i);
    const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if ((first >= 0x80 && first < 0xc2) || first > 0xf4) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xc0U) != 0x80) return false;
    }
    const unsigned second = byte(i + 1);
    const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool surrogate = first == 0xed && second > 0x9f;
    if (overlong || surrogate || (first == 0xf4 && second > 0x8f)) return false;
    i += length;
  }
  return true;
}

}  // namespace holdfast::wasm
