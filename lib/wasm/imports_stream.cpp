// Host functions: what a plugin asks of its exchange: go on, close, answer, choose the route anew.
#include <algorithm>
#include <array>

#include "wasm/imports.hpp"
#include "wasm/pairs.hpp"

namespace holdfast::wasm {
namespace {

std::uint64_t continue_stream(Guest& guest, Words a) {
  switch (word(a, 0)) {
    case static_cast<std::uint32_t>(StreamType::request):
    case static_cast<std::uint32_t>(StreamType::response):
    case static_cast<std::uint32_t>(StreamType::downstream):
      guest.defer_resume(static_cast<StreamType>(word(a, 0)));
      return answer(Status::ok);
    case static_cast<std::uint32_t>(StreamType::upstream):
      return answer(Status::unimplemented);
    default:
      return answer(Status::bad_argument);
  }
}

std::uint64_t close_stream(Guest& guest, Words a) {
  const std::uint32_t type = word(a, 0);
  if (type > static_cast<std::uint32_t>(StreamType::upstream)) return answer(Status::bad_argument);
  guest.defer_close(static_cast<StreamType>(type));
  return answer(Status::ok);
}

// Of ABI 0.1.0.
std::uint64_t continue_request(Guest& guest, Words /*a*/) {
  guest.defer_resume(StreamType::request);
  return answer(Status::ok);
}

std::uint64_t continue_response(Guest& guest, Words /*a*/) {
  guest.defer_resume(StreamType::response);
  return answer(Status::ok);
}

std::uint64_t clear_route_cache(Guest& guest, Words /*a*/) {
  if (StreamHost* stream = guest.stream()) stream->clear_route_cache();
  return answer(Status::ok);
}

bool is_space(char c) noexcept {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

std::uint64_t send_local_response(Guest& guest, Words a) {
  const std::uint32_t code = word(a, 0);
  const auto details = bytes(guest, a, 1);
  const auto body = bytes(guest, a, 3);
  const auto headers = bytes(guest, a, 5);
  if (!details || !body || !headers) return answer(Status::invalid_memory_access);
  if (code < 200 || code > 999)
    return answer(Status::bad_argument);  // Nothing that could be a response.
  LocalResponse response;
  response.status = static_cast<std::uint16_t>(code);
  response.details = *details;
  std::replace_if(response.details.begin(), response.details.end(), is_space,
                  '_');  // One word of a log line.
  response.body = *body;
  // Envoy takes bytes that are no pairs for none.
  (void)parse_pairs(*headers, guest.scratch_pairs);
  lower_case(guest, guest.scratch_pairs);
  response.headers.assign(guest.scratch_pairs.begin(), guest.scratch_pairs.end());
  guest.defer_local_response(std::move(response));
  return answer(Status::ok);
}

constexpr std::array kImports = {
    HostImport{"env", "proxy_continue_stream", "i", "i", continue_stream},
    HostImport{"env", "proxy_close_stream", "i", "i", close_stream},
    HostImport{"env", "proxy_continue_request", "", "i", continue_request},
    HostImport{"env", "proxy_continue_response", "", "i", continue_response},
    HostImport{"env", "proxy_clear_route_cache", "", "i", clear_route_cache},
    HostImport{"env", "proxy_send_local_response", "iiiiiiii", "i", send_local_response},
};

}  // namespace

std::span<const HostImport> stream_imports() noexcept {
  return kImports;
}

}  // namespace holdfast::wasm
