#include "wasm/pairs.hpp"

#include <cstdint>

namespace holdfast::wasm {
namespace {

void put_u32(std::string& out, std::size_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8) {
    out.push_back(static_cast<char>((value >> shift) & 0xFFU));
  }
}

std::uint32_t get_u32(std::string_view bytes, std::size_t at) noexcept {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) {
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  }
  return value;
}

/// The next `length` bytes and the 0 after them. False: there are fewer, or there is no 0.
bool take(std::string_view& rest, std::size_t length, std::string_view& out) noexcept {
  if (rest.size() < length + 1 || rest[length] != '\0') return false;
  out = rest.substr(0, length);
  rest.remove_prefix(length + 1);
  return true;
}

bool parse(std::string_view bytes, Pairs& out) {
  if (bytes.empty()) return true;
  if (bytes.size() < 4 || bytes.size() > kMostPairBytes) return false;
  const std::size_t count = get_u32(bytes, 0);
  if (count > kMostPairs || bytes.size() < 4 + 8 * count) return false;
  std::string_view rest = bytes.substr(4 + 8 * count);
  for (std::size_t i = 0; i < count; ++i) {
    auto& [name, value] = out.emplace_back();
    if (!take(rest, get_u32(bytes, 4 + 8 * i), name) ||
        !take(rest, get_u32(bytes, 8 + 8 * i), value)) {
      return false;
    }
  }
  return rest.empty();
}

}  // namespace

void write_pairs(const Pairs& pairs, std::string& out) {
  out.clear();
  if (pairs.empty()) return;
  put_u32(out, pairs.size());
  for (const auto& [name, value] : pairs) {
    put_u32(out, name.size());
    put_u32(out, value.size());
  }
  for (const auto& [name, value] : pairs) {
    out.append(name).push_back('\0');
    out.append(value).push_back('\0');
  }
}

bool parse_pairs(std::string_view bytes, Pairs& out) {
  out.clear();
  if (parse(bytes, out)) return true;
  out.clear();
  return false;
}

}  // namespace holdfast::wasm
