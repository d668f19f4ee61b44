// Protobuf's binary form, field by field: what plugins give to foreign functions. Accepts and
// refuses the bytes that Google's parser does.
//
// Pure functions; any thread. Source: protobuf.dev/programming-guides/encoding.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::wasm {

class ProtobufReader {
 public:
  struct Field {
    enum class Kind : std::uint8_t { number, bytes, other };
    std::uint32_t id = 0;
    Kind kind = Kind::other;
    std::uint64_t number = 0;  ///< Of Kind::number.
    std::string_view bytes;    ///< Of Kind::bytes; into the message.
  };

  explicit ProtobufReader(std::string_view message) : rest_(message) {}

  /// Nullopt: there is no other, or the message is malformed.
  [[nodiscard]] std::optional<Field> next() noexcept;
  [[nodiscard]] bool malformed() const noexcept { return malformed_; }

 private:
  [[nodiscard]] bool take_varint(std::uint64_t& value, std::size_t longest) noexcept;
  [[nodiscard]] bool take_tag(std::uint32_t& tag) noexcept;
  [[nodiscard]] bool skip(std::size_t size) noexcept;
  [[nodiscard]] bool take_bytes(std::string_view& bytes) noexcept;
  [[nodiscard]] bool take_value(std::uint32_t tag, Field& field) noexcept;
  [[nodiscard]] bool skip_group(std::uint32_t id) noexcept;

  std::string_view rest_;
  unsigned depth_ = 0;  ///< Of groups.
  bool malformed_ = false;
};

/// What a `string` field must be.
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

}  // namespace holdfast::wasm
