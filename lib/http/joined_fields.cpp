#include "http/joined_fields.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace holdfast::http {
namespace {

enum class In : std::uint8_t { requests = 1, responses = 2, both = 3 };

struct Joined {
  std::string_view name;
  In in;
  bool has_id = false;  ///< The head itself knows whether there is one.
};

constexpr std::array kJoined = {
    Joined{"accept", In::requests},
    Joined{"accept-encoding", In::requests},
    Joined{"access-control-allow-credentials", In::responses},
    Joined{"access-control-allow-headers", In::responses},
    Joined{"access-control-allow-methods", In::responses},
    Joined{"access-control-allow-origin", In::responses},
    Joined{"access-control-allow-private-network", In::responses},
    Joined{"access-control-expose-headers", In::responses},
    Joined{"access-control-max-age", In::responses},
    Joined{"access-control-request-headers", In::requests},
    Joined{"access-control-request-method", In::requests},
    Joined{"access-control-request-private-network", In::requests},
    Joined{"age", In::responses},
    Joined{"authorization", In::requests},
    Joined{"cache-control", In::both},
    Joined{"cdn-loop", In::requests},
    Joined{"content-encoding", In::both},
    Joined{"content-length", In::both, true},
    Joined{"content-type", In::both, true},
    Joined{"date", In::responses, true},
    Joined{"etag", In::responses},
    Joined{"expect", In::requests, true},
    Joined{"expires", In::responses},
    Joined{"grpc-accept-encoding", In::requests},
    Joined{"grpc-message", In::responses},
    Joined{"grpc-status", In::responses},
    Joined{"grpc-timeout", In::requests},
    Joined{"if-match", In::requests},
    Joined{"if-modified-since", In::requests},
    Joined{"if-none-match", In::requests},
    Joined{"if-range", In::requests},
    Joined{"if-unmodified-since", In::requests},
    Joined{"last-modified", In::responses},
    Joined{"location", In::responses},
    Joined{"origin", In::requests},
    Joined{"pragma", In::requests},
    Joined{"proxy-status", In::both},
    Joined{"referer", In::requests},
    Joined{"server", In::responses, true},
    Joined{"upgrade", In::both, true},
    Joined{"user-agent", In::requests, true},
    Joined{"vary", In::responses},
    Joined{"via", In::both, true},
    Joined{"x-client-trace-id", In::requests},
    Joined{"x-envoy-attempt-count", In::both},
    Joined{"x-envoy-decorator-operation", In::both},
    Joined{"x-envoy-degraded", In::responses},
    Joined{"x-envoy-downstream-service-cluster", In::requests},
    Joined{"x-envoy-downstream-service-node", In::requests},
    Joined{"x-envoy-expected-rq-timeout-ms", In::requests, true},
    Joined{"x-envoy-external-address", In::requests, true},
    Joined{"x-envoy-immediate-health-check-fail", In::responses},
    Joined{"x-envoy-is-timeout-retry", In::requests},
    Joined{"x-envoy-original-host", In::requests},
    Joined{"x-envoy-original-path", In::requests, true},
    Joined{"x-envoy-ratelimited", In::responses},
    Joined{"x-envoy-upstream-canary", In::responses},
    Joined{"x-envoy-upstream-healthchecked-cluster", In::responses},
    Joined{"x-envoy-upstream-service-time", In::responses, true},
    Joined{"x-forwarded-for", In::requests, true},
    Joined{"x-forwarded-host", In::requests, true},
    Joined{"x-forwarded-port", In::requests},
    Joined{"x-forwarded-proto", In::requests, true},
    Joined{"x-request-id", In::both, true},
};
static_assert(std::ranges::is_sorted(kJoined, {}, &Joined::name));

constexpr std::size_t kSlots = 256;
constexpr std::size_t kShortest = 3;
constexpr std::size_t slot_of(std::string_view name) {
  const auto first = static_cast<unsigned char>(name.front() | 0x20);
  const auto third_last = static_cast<unsigned char>(name[name.size() - kShortest] | 0x20);
  return (name.size() * 6 + first * std::size_t{5} + third_last) % kSlots;
}

/// Bit 0 stays free: it is that of names with an id.
constexpr std::array<std::uint64_t, kSlots> fill_hints() {
  std::array<std::uint64_t, kSlots> hints{};
  std::uint64_t bit = 1;
  for (const Joined& joined : kJoined) {
    if (joined.has_id) continue;
    std::uint64_t& hint = hints[slot_of(joined.name)];
    bit <<= 1U;
    if (hint != 0 || bit == 0) return {};  // Refused below.
    hint = bit;
  }
  return hints;
}
constexpr std::array<std::uint64_t, kSlots> kHints = fill_hints();
static_assert(kHints != std::array<std::uint64_t, kSlots>{},
              "two names in one slot, or more than bits: try other factors");

/// Framing, and what the parser has counted: repeated ones are errors, or removed.
bool is_settled_elsewhere(HeaderId id) {
  return id == HeaderId::content_length || id == HeaderId::expect || id == HeaderId::upgrade;
}

void join_from(Head& head, std::size_t first, std::string_view name) {
  std::string joined;
  std::size_t lines = 0;
  for (const Field& field : head.fields().subspan(first)) {
    if (field.removed || head.name(field) != name) continue;
    append_value(joined, head.value(field));
    ++lines;
  }
  if (lines > 1) head.set(std::string(name), joined);
}

}  // namespace

bool is_joined(const Head& head, std::string_view name) noexcept {
  const auto* const found = std::ranges::lower_bound(kJoined, name, {}, &Joined::name);
  if (found == kJoined.end() || found->name != name) return false;
  const In in = head.status == 0 ? In::requests : In::responses;
  return (static_cast<unsigned>(found->in) & static_cast<unsigned>(in)) != 0;
}

std::uint64_t name_hint(std::string_view name) noexcept {
  return name.size() < kShortest ? 0 : kHints[slot_of(name)];
}

void append_value(std::string& joined, std::string_view value) {
  if (!joined.empty() && !value.empty()) joined += ',';
  joined += value;
}

void append_field(Head& head, std::string_view name, std::string_view value) {
  const Field* field = is_joined(head, name) ? head.find(name) : nullptr;
  if (field == nullptr) return head.add(name, value);
  std::string joined(head.value(*field));
  append_value(joined, value);
  head.set(name, joined);
}

void join_fields(Head& head) {
  const std::size_t count = head.fields().size();  // None is added.
  for (std::size_t i = 0; i < count; ++i) {
    const Field& field = head.fields()[i];
    if (field.removed || is_settled_elsewhere(field.id)) continue;
    if (is_joined(head, head.name(field))) join_from(head, i, head.name(field));
  }
}

}  // namespace holdfast::http
