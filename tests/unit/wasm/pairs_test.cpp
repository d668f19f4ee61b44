#include "wasm/pairs.hpp"

#include "catch.hpp"

namespace holdfast::wasm {
namespace {

std::string written(const Pairs& pairs) {
  std::string out = "left over";
  write_pairs(pairs, out);
  return out;
}

std::string u32(std::uint32_t value) {
  std::string out;
  for (unsigned shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(value >> shift));
  return out;
}

TEST_CASE("pairs are laid out as the ABI says", "[wasm]") {
  using std::string_literals::operator""s;
  CHECK(written({{":path", "/"}, {"a", ""}}) ==
        "\2\0\0\0\5\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0:path\0/\0a\0\0"s);
  CHECK(written({}).empty());
}

TEST_CASE("pairs that are written are read again", "[wasm]") {
  const Pairs all = {{"a", "1"}, {"", ""}, {"b", std::string_view("x\0y", 3)}, {"a", "2"}};
  Pairs read = {{"old", "old"}};
  const std::string bytes = written(all);
  CHECK(parse_pairs(bytes, read));
  CHECK(read == all);
}

TEST_CASE("no pairs are no bytes, or a count of 0", "[wasm]") {
  Pairs read = {{"old", "old"}};
  CHECK(parse_pairs("", read));
  CHECK(read.empty());
  CHECK(parse_pairs(u32(0), read));
  CHECK(read.empty());
}

TEST_CASE("pairs cut short, with bytes left over or without their zeros are refused", "[wasm]") {
  const std::string whole = written({{"name", "value"}, {"b", "c"}});
  Pairs read;
  for (std::size_t size = 1; size < whole.size(); ++size) {
    INFO(size);
    CHECK_FALSE(parse_pairs(whole.substr(0, size), read));
    CHECK(read.empty());
  }
  CHECK_FALSE(parse_pairs(whole + "x", read));
  for (std::size_t at = 4 + 16; at < whole.size(); ++at) {
    if (whole[at] != '\0') continue;
    std::string broken = whole;
    broken[at] = 'x';
    CHECK_FALSE(parse_pairs(broken, read));
  }
}

TEST_CASE("counts and lengths beyond the bytes are refused", "[wasm]") {
  Pairs read;
  CHECK_FALSE(parse_pairs(u32(1), read));
  CHECK_FALSE(parse_pairs(u32(UINT32_MAX), read));
  CHECK_FALSE(parse_pairs(u32(1) + u32(UINT32_MAX) + u32(1) + "a\0b\0", read));
  CHECK_FALSE(parse_pairs(u32(1) + u32(1) + u32(UINT32_MAX) + "a\0b\0", read));
  CHECK_FALSE(parse_pairs(u32(0x20000001) + std::string(64, '\0'), read));
}

TEST_CASE("at most 1024 pairs and 1 MiB are taken", "[wasm]") {
  Pairs read;
  CHECK(parse_pairs(written(Pairs(kMostPairs, {"a", "b"})), read));
  CHECK(read.size() == kMostPairs);
  CHECK_FALSE(parse_pairs(written(Pairs(kMostPairs + 1, {"a", "b"})), read));
  // 4 bytes of count, 8 of lengths, two zeros.
  const std::string most(kMostPairBytes - 14, 'v');
  CHECK(parse_pairs(written({{"", most}}), read));
  const std::string more = most + "v";
  CHECK_FALSE(parse_pairs(written({{"", more}}), read));
}

}  // namespace
}  // namespace holdfast::wasm
