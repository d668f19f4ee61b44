#include "http/header_id.hpp"

#include <array>

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

constexpr std::size_t longest_name() {
  std::size_t longest = 0;
  for (const auto name : kNames) {
    if (name.size() > longest) longest = name.size();
  }
  return longest;
}
constexpr std::size_t kLongest = longest_name();

// Ids grouped by length of name: a lookup compares the few names of its own length only.
struct ByLength {
  std::array<std::uint8_t, kLongest + 2> start{};
  std::array<HeaderId, kHeaderIds> ids{};
};

constexpr ByLength group_by_length() {
  ByLength table;
  std::size_t used = 0;
  for (std::size_t length = 0; length <= kLongest; ++length) {
    table.start[length] = static_cast<std::uint8_t>(used);
    for (std::size_t id = 1; id < kHeaderIds; ++id) {
      if (kNames[id].size() == length) table.ids[used++] = static_cast<HeaderId>(id);
    }
  }
  table.start[kLongest + 1] = static_cast<std::uint8_t>(used);
  return table;
}
constexpr ByLength kByLength = group_by_length();

}  // namespace

HeaderId header_id(std::string_view lower_case_name) noexcept {
  const std::size_t length = lower_case_name.size();
  if (length > kLongest) return HeaderId::other;
  for (std::size_t i = kByLength.start[length]; i < kByLength.start[length + 1]; ++i) {
    const HeaderId id = kByLength.ids[i];
    const std::string_view name = kNames[static_cast<std::size_t>(id)];
    // Most that differ do so in the last byte: no call to find that out.
    if (name.back() == lower_case_name.back() && name == lower_case_name) return id;
  }
  return HeaderId::other;
}

std::string_view header_name(HeaderId id) noexcept {
  return kNames[static_cast<std::size_t>(id)];
}

}  // namespace holdfast::http
