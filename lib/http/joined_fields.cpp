#include "http/joined_fields.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace holdfast::http {
namespace {

constexpr std::array<std::string_view, 25> kJoined = {"accept",
                                                      "accept-encoding",
                                                      "authorization",
                                                      "cache-control",
                                                      "content-encoding",
                                                      "content-length",
                                                      "content-type",
                                                      "date",
                                                      "etag",
                                                      "expect",
                                                      "grpc-message",
                                                      "grpc-status",
                                                      "grpc-timeout",
                                                      "location",
                                                      "origin",
                                                      "referer",
                                                      "server",
                                                      "upgrade",
                                                      "user-agent",
                                                      "vary",
                                                      "via",
                                                      "x-envoy-expected-rq-timeout-ms",
                                                      "x-envoy-upstream-service-time",
                                                      "x-forwarded-for",
                                                      "x-forwarded-proto"};

}  // namespace

bool is_joined(std::string_view name) noexcept {
  return std::ranges::binary_search(kJoined, name);
}

void append_field(Head& head, std::string_view name, std::string_view value) {
  if (const Field* field = is_joined(name) ? head.find(name) : nullptr; field != nullptr) {
    std::string joined(head.value(*field));
    head.set(name, joined.append(",").append(value));
  } else {
    head.add(name, value);
  }
}

}  // namespace holdfast::http
