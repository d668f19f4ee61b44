#include "http/header_id.hpp"

#include <array>
#include <cstring>

namespace holdfast::http {

namespace {

// In the order of HeaderId.
constexpr std::array<std::string_view, kHeaderIds> kNames = {
    "",
    "connection",
    "content-length",
    "content-type",
    "date",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-envoy-original-path",
    "x-envoy-upstream-service-time",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
};

constexpr std::size_t kLengthFactor = 10;
/// A slot for each (length, last letter) that a name has: no two share one.
constexpr std::size_t kSlots = 128;
constexpr std::size_t slot_of(std::size_t length, char last) {
  const auto letter = static_cast<unsigned char>(last | 0x20);
  return (length * kLengthFactor + letter) % kSlots;
}

constexpr std::array<HeaderId, kSlots> fill_slots() {
  std::array<HeaderId, kSlots> slots{};
  for (std::size_t id = 1; id < kHeaderIds; ++id) {
    HeaderId& slot = slots[slot_of(kNames[id].size(), kNames[id].back())];
    if (slot != HeaderId::other) return {};  // Refused below.
    slot = static_cast<HeaderId>(id);
  }
  return slots;
}
constexpr std::array<HeaderId, kSlots> kBySlot = fill_slots();
static_assert(kBySlot != std::array<HeaderId, kSlots>{},
              "two names in one slot: try another factor");

struct alignas(kLineStart) LineStart {
  std::array<char, kLineStart> text{};
};
constexpr std::array<LineStart, kHeaderIds> make_line_starts() {
  std::array<LineStart, kHeaderIds> starts{};
  for (std::size_t id = 0; id < kHeaderIds; ++id) {
    std::size_t at = 0;
    for (const char c : kNames[id]) starts[id].text[at++] = c;  // Too long a name does not compile.
    starts[id].text[at++] = ':';
    starts[id].text[at++] = ' ';
  }
  return starts;
}
constexpr std::array<LineStart, kHeaderIds> kLineStarts = make_line_starts();

template <class Word>
Word load(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

/// Whether `name` is `known`, which is lower case, in any case. Of the bytes of a token only a
/// letter becomes another one of ours by 0x20, and '-' and digits have that bit already.
bool is_name(const char* name, const char* known, std::size_t size) {
  constexpr std::uint64_t kLower = 0x2020202020202020U;
  if (size >= sizeof kLower) {
    const std::size_t last = size - sizeof kLower;
    for (std::size_t i = 0; i < last; i += sizeof kLower) {
      if ((load<std::uint64_t>(name + i) | kLower) != load<std::uint64_t>(known + i)) return false;
    }
    return (load<std::uint64_t>(name + last) | kLower) == load<std::uint64_t>(known + last);
  }
  for (std::size_t i = 0; i < size; ++i) {
    if ((name[i] | 0x20) != known[i]) return false;
  }
  return true;
}

}  // namespace

HeaderId header_id(std::string_view name) noexcept {
  if (name.empty()) return HeaderId::other;
  const HeaderId id = kBySlot[slot_of(name.size(), name.back())];
  const std::string_view known = kNames[static_cast<std::size_t>(id)];
  const bool same = known.size() == name.size() && is_name(name.data(), known.data(), name.size());
  return same ? id : HeaderId::other;
}

std::string_view header_line_start(HeaderId id) noexcept {
  const auto index = static_cast<std::size_t>(id);
  return {kLineStarts[index].text.data(), kNames[index].size() + 2};
}

std::string_view header_name(HeaderId id) noexcept {
  return kNames[static_cast<std::size_t>(id)];
}

}  // namespace holdfast::http
