#include "wasm/foreign.hpp"

#include <zlib.h>

#include <algorithm>

namespace holdfast::wasm {
namespace {

const Bytef* source(std::string_view input) noexcept {
  return reinterpret_cast<const Bytef*>(input.data());
}

Bytef* target(std::string& out) noexcept {
  return reinterpret_cast<Bytef*>(out.data());
}

Status compress_zlib(std::string_view input, std::string& out) {
  uLongf size = compressBound(static_cast<uLong>(input.size()));
  out.resize(size);
  if (compress(target(out), &size, source(input), static_cast<uLong>(input.size())) != Z_OK) {
    return Status::serialization_failure;
  }
  out.resize(size);
  return Status::ok;
}

Status uncompress_zlib(std::string_view input, std::size_t most, std::string& out) {
  // How much comes out is not said in front: try with more room each time.
  for (std::size_t room = input.size() * 2 + 64;; room *= 2) {
    room = std::min(room, most);
    out.resize(room);
    auto size = static_cast<uLongf>(room);
    auto used = static_cast<uLong>(input.size());
    const int result = uncompress2(target(out), &size, source(input), &used);
    if (result == Z_OK) {
      out.resize(size);
      return Status::ok;
    }
    // Z_BUF_ERROR stands for too little room and for input that ends too early.
    if (result != Z_BUF_ERROR || room == most || size < room) return Status::serialization_failure;
  }
}

}  // namespace

Status call_foreign(std::string_view name, std::string_view input, std::size_t most,
                    std::string& out) {
  out.clear();
  if (name == "compress") return compress_zlib(input, out);
  if (name == "uncompress") return uncompress_zlib(input, most, out);
  return Status::not_found;
}

}  // namespace holdfast::wasm
