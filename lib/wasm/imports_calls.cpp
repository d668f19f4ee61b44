// Host functions: HTTP calls. Those of gRPC are there, since SDKs import them, and answer that they
// are not implemented.
#include <array>

#include "wasm/imports.hpp"
#include "wasm/pairs.hpp"

namespace holdfast::wasm {
namespace {

/// False: no ":method", ":path" or ":authority"; each may be empty. "host" is another word for the
/// last.
[[nodiscard]] bool take_pseudo_headers(Pairs& headers) noexcept {
  unsigned found = 0;
  for (auto& [name, value] : headers) {
    if (name == "host") name = ":authority";
    if (name == ":method") found |= 1U;
    if (name == ":path") found |= 2U;
    if (name == ":authority") found |= 4U;
  }
  return found == 7;
}

std::uint64_t http_call(Guest& guest, Words a) {
  const auto cluster = bytes(guest, a, 0);
  const auto header_bytes = bytes(guest, a, 2);
  const auto body = bytes(guest, a, 4);
  const auto trailer_bytes = bytes(guest, a, 6);
  if (!cluster || !header_bytes || !body || !trailer_bytes)
    return answer(Status::invalid_memory_access);
  // Before the call, so that none is made whose token the plugin could not learn.
  if (!guest.vm().write_u32(word(a, 9), 0)) return answer(Status::invalid_memory_access);
  const auto timeout = static_cast<std::int32_t>(word(a, 8));
  if (timeout < 0) return answer(Status::bad_argument);
  if (!parse_pairs(*header_bytes, guest.scratch_pairs)) return answer(Status::bad_argument);
  (void)parse_pairs(*trailer_bytes, guest.scratch_trailers);
  lower_case(guest, guest.scratch_pairs);
  if (!take_pseudo_headers(guest.scratch_pairs)) return answer(Status::bad_argument);
  std::uint32_t token = 0;
  const Status status =
      guest.start_call(*cluster, guest.scratch_pairs, *body, guest.scratch_trailers,
                       std::chrono::milliseconds{timeout}, token);
  if (status == Status::ok) (void)guest.vm().write_u32(word(a, 9), token);
  return answer(status);
}

std::uint64_t unimplemented(Guest& /*guest*/, Words /*a*/) {
  return answer(Status::unimplemented);
}

constexpr std::array kImports = {
    HostImport{"env", "proxy_http_call", "iiiiiiiiii", "i", http_call},
    HostImport{"env", "proxy_grpc_call", "iiiiiiiiiiii", "i", unimplemented},
    HostImport{"env", "proxy_grpc_stream", "iiiiiiiii", "i", unimplemented},
    HostImport{"env", "proxy_grpc_send", "iiii", "i", unimplemented},
    HostImport{"env", "proxy_grpc_cancel", "i", "i", unimplemented},
    HostImport{"env", "proxy_grpc_close", "i", "i", unimplemented},
};

}  // namespace

std::span<const HostImport> call_imports() noexcept {
  return kImports;
}

}  // namespace holdfast::wasm
