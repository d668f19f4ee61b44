#include "filters/wasm_body.hpp"

#include <algorithm>

namespace holdfast::filters {

using wasm::Status;

namespace {
constexpr std::size_t kMostBytes = 64UL * 1024 * 1024;
}  // namespace

Status edit_body(base::ByteQueue& body, std::size_t start, std::size_t length,
                 std::string_view data) noexcept {
  const std::size_t size = body.size();
  const std::size_t left = start == 0 ? size - std::min(length, size) : size;
  if (left + data.size() > kMostBytes) return Status::internal_failure;
  if (start == 0) {  // Takes the place of the first `length` bytes.
    body.consume(std::min(length, size));
    body.prepend(data);
  } else if (start >= size) {
    body.append(data);
  } else {
    return Status::bad_argument;
  }
  return Status::ok;
}

}  // namespace holdfast::filters
