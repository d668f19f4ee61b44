#include "wasm/digest.hpp"

// The functions that need no engine or provider: only they are linked from the archive (22 KiB),
// not all of libcrypto.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

namespace holdfast::wasm {

Digest digest_parts(std::initializer_list<std::string_view> parts) noexcept {
  SHA256_CTX context;
  SHA256_Init(&context);
  for (const std::string_view part : parts) {
    const std::uint64_t length = part.size();
    SHA256_Update(&context, &length, sizeof length);
    SHA256_Update(&context, part.data(), part.size());
  }
  Digest result;
  SHA256_Final(result.data(), &context);
  return result;
}

Digest digest(std::string_view bytes) noexcept {
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, bytes.data(), bytes.size());
  Digest result;
  SHA256_Final(result.data(), &context);
  return result;
}

std::string to_hex(const Digest& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * digest.size());
  for (const std::uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace holdfast::wasm
