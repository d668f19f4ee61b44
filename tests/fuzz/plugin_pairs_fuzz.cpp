// Serialised header maps, which plugins write: any bytes are pairs or are refused, pairs that are
// written are read back, and what is read is written as the same bytes.
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz.hpp"
#include "wasm/pairs.hpp"

namespace {

using namespace holdfast;
using fuzz::require;

/// Any bytes as pairs: the first of each part says how long it is.
wasm::Pairs cut(std::string_view bytes) {
  wasm::Pairs pairs;
  const auto next = [&bytes] {
    if (bytes.empty()) return std::string_view{};
    const std::size_t size = static_cast<unsigned char>(bytes.front());
    const std::string_view part = bytes.substr(1, size);
    bytes.remove_prefix(1 + part.size());
    return part;
  };
  while (!bytes.empty() && pairs.size() < wasm::kMostPairs) {
    const std::string_view name = next();
    pairs.emplace_back(name, next());
  }
  return pairs;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  wasm::Pairs read;
  std::string written;
  if (wasm::parse_pairs(bytes, read)) {
    wasm::write_pairs(read, written);
    // Of none there are two spellings.
    require(written == bytes || (read.empty() && bytes == std::string_view("\0\0\0\0", 4)));
  } else {
    require(read.empty());
  }
  const wasm::Pairs pairs = cut(bytes);
  wasm::write_pairs(pairs, written);
  require(wasm::parse_pairs(written, read) && read == pairs);
  return 0;
}
