#include "server/request_headers.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/text.hpp"
#include "http/joined_fields.hpp"
#include "http/referer.hpp"

namespace holdfast::server {
namespace {

using http::HeaderId;

/// Control fields that a client must not set (Envoy strips them from any request that is not
/// internal).
constexpr std::array<std::string_view, 14> kControlFields = {
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-max-retries",
    "x-envoy-retry-on",
    "x-envoy-retry-grpc-on",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-force-trace",
    "x-envoy-ip-tags",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-retriable-status-codes",
    "x-envoy-retriable-header-names",
    "x-envoy-upstream-stream-duration-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-original-url",
};
/// Those that it may set only behind a trusted hop.
constexpr std::array<std::string_view, 4> kEdgeFields = {
    "x-envoy-decorator-operation",
    "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node",
    "x-envoy-original-host",
};
constexpr std::string_view kEnvoyPrefix = "x-envoy-";
/// Whom another proxy has authenticated: Envoy takes no client's word for that.
constexpr std::string_view kClientCertificate = "x-forwarded-client-cert";
/// As Envoy: a request with so many connection options is refused. Each costs a pass over the
/// fields.
constexpr std::size_t kTooManyOptions = 10;

/// Removes the fields that one Connection field names.
HopByHop strip_nominated(http::Head& request, std::string_view options) {
  HopByHop verdict = HopByHop::removed;
  std::string field;  // Short ones stay in place: no allocation.
  base::for_each_member(options, [&](std::string_view token) {
    field.assign(token);
    std::ranges::transform(field, field.begin(), base::to_lower);
    switch (http::header_id(field)) {
      case HeaderId::host:
        verdict = HopByHop::host_nominated;
        break;
      case HeaderId::x_forwarded_for:
      case HeaderId::x_forwarded_host:
      case HeaderId::x_forwarded_proto:
        verdict = HopByHop::proxy_nominated;
        break;
      // Framing is ours anyway; `te` has rules of its own; the rest is removed in any case.
      case HeaderId::content_length:
      case HeaderId::transfer_encoding:
      case HeaderId::te:
      case HeaderId::connection:
      case HeaderId::keep_alive:
      case HeaderId::upgrade:
        break;
      default:
        if (field != "close") request.remove(field);
    }
  });
  return verdict;
}

/// h2c is an offer that a server may ignore (RFC 9110 7.8), and Envoy does; others mean what they
/// say.
bool offers_only_h2c(const http::Head& request) {
  std::size_t lines = 0;  // Two offers are one of "h2c,h2c" to Envoy, which is another protocol.
  return std::ranges::all_of(request.fields(), [&](const http::Field& field) {
    return field.removed || field.id != HeaderId::upgrade ||
           (++lines == 1 && base::equals_ignoring_case(request.value(field), "h2c"));
  });
}

void sanitize_te(http::Head& request) {
  if (request.find(HeaderId::te) == nullptr) return;
  bool trailers = false;
  for (const http::Field& field : request.fields()) {
    if (field.removed || field.id != HeaderId::te) continue;
    base::for_each_member(request.value(field), [&](std::string_view token) {
      trailers = trailers || base::equals_ignoring_case(token, "trailers");
    });
  }
  if (trailers) {
    request.set(HeaderId::te, "trailers");
  } else {
    request.remove(HeaderId::te);
  }
}

void strip_control_fields(http::Head& request, bool edge) {
  const auto fields = request.fields();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].removed || fields[i].name_length <= kEnvoyPrefix.size()) continue;
    const std::string_view name = request.name(fields[i]);
    if (!name.starts_with(kEnvoyPrefix)) {
      if (name == kClientCertificate) request.remove(kClientCertificate);
      continue;
    }
    const bool control = std::ranges::find(kControlFields, name) != kControlFields.end() ||
                         fields[i].id == HeaderId::x_envoy_internal;
    const bool edge_only = fields[i].id == HeaderId::x_envoy_original_path ||
                           std::ranges::find(kEdgeFields, name) != kEdgeFields.end();
    if (control || (edge && edge_only)) {
      request.remove(name);
    }
  }
  // Set anew, at its place in the order, when the request goes upstream.
  request.remove(HeaderId::x_envoy_expected_rq_timeout_ms);
}

constexpr std::string_view kReferer = "referer";
const std::uint64_t kRefererHint = http::name_hint(kReferer);

void drop_bad_referer(http::Head& request) {
  const http::Field* field = request.find(kReferer);
  if (field != nullptr && !http::is_valid_referer(request.value(*field))) request.remove(kReferer);
}

/// The `n`-th entry from the right (1 = last) of all X-Forwarded-For fields together; empty if
/// there are fewer.
std::string_view forwarded_entry(const http::Head& request, std::size_t n) {
  const auto fields = request.fields();
  for (std::size_t i = fields.size(); i-- > 0;) {
    if (fields[i].removed || fields[i].id != HeaderId::x_forwarded_for) continue;
    std::string_view list = request.value(fields[i]);
    for (;;) {
      const std::size_t comma = list.rfind(',');
      if (--n == 0)
        return base::trim(comma == std::string_view::npos ? list : list.substr(comma + 1));
      if (comma == std::string_view::npos) break;
      list = list.substr(0, comma);
    }
  }
  return {};
}

bool is_ip(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN + 1> buffer{};
  if (text.empty() || text.size() >= buffer.size()) return false;
  std::ranges::copy(text, buffer.begin());
  in6_addr address{};
  return ::inet_pton(AF_INET, buffer.data(), &address) == 1 ||
         ::inet_pton(AF_INET6, buffer.data(), &address) == 1;
}

/// One X-Forwarded-For line, as Envoy sends it, with `address` (if any) at its end.
void settle_forwarded_for(http::Head& request, std::string_view address) {
  std::string joined;
  std::size_t lines = 0;
  for (const http::Field& field : request.fields()) {
    if (field.removed || field.id != HeaderId::x_forwarded_for) continue;
    ++lines;
    http::append_value(joined, request.value(field));
  }
  if (lines == 0) {
    if (!address.empty()) request.add(HeaderId::x_forwarded_for, address);
    return;
  }
  http::append_value(joined, address);
  if (lines > 1 || !address.empty()) request.set(HeaderId::x_forwarded_for, joined);
}

}  // namespace

HopByHop strip_hop_by_hop(http::Head& request) noexcept {
  HopByHop verdict = HopByHop::removed;
  bool upgrade_option = false;
  std::size_t options = 0;
  if (request.find(HeaderId::connection) != nullptr) {
    for (std::size_t i = 0; i < request.fields().size(); ++i) {
      const http::Field& field = request.fields()[i];
      if (field.removed || field.id != HeaderId::connection) continue;
      base::for_each_member(request.value(field), [&](std::string_view token) {
        upgrade_option = upgrade_option || base::equals_ignoring_case(token, "upgrade");
        ++options;
      });
      if (options >= kTooManyOptions) return HopByHop::too_many_options;
      const HopByHop found = strip_nominated(request, request.value(field));
      if (found != HopByHop::removed) verdict = found;
    }
    if (upgrade_option && verdict == HopByHop::removed &&
        request.find(HeaderId::upgrade) != nullptr && !offers_only_h2c(request)) {
      return HopByHop::upgrade;
    }
    request.remove(HeaderId::connection);
  }
  if (request.find(HeaderId::upgrade) != nullptr) {
    request.remove(HeaderId::upgrade);
    request.remove(std::string_view("http2-settings"));
  }
  request.remove(HeaderId::keep_alive);
  request.remove(HeaderId::proxy_connection);
  request.remove(HeaderId::transfer_encoding);
  sanitize_te(request);
  return verdict;
}

void add_forwarding_headers(http::Head& request, const config::HttpConnectionManager& config,
                            const ForwardingContext& context, RequestIds& ids) {
  const bool edge = config.use_remote_address;
  strip_control_fields(request, edge);
  if (request.may_have(kRefererHint)) drop_bad_referer(request);
  std::string_view external = context.peer;
  std::string trusted;  // A copy: the field it comes from is rewritten below.
  if (edge && config.xff_num_trusted_hops > 0) {
    const std::string_view entry = forwarded_entry(request, config.xff_num_trusted_hops);
    if (is_ip(entry)) {
      trusted = entry;
      external = trusted;
    }
  }
  const bool append = edge && !config.skip_xff_append;
  if (append || request.find(HeaderId::x_forwarded_for) != nullptr) {
    settle_forwarded_for(request, append ? context.xff_append : std::string_view{});
  }
  const bool trust_proto = !edge || config.xff_num_trusted_hops > 0;
  if (!trust_proto || request.find(HeaderId::x_forwarded_proto) == nullptr) {
    request.set(HeaderId::x_forwarded_proto, "http");
  }
  if (!config.via.empty()) {
    if (request.find(HeaderId::via) == nullptr) {
      request.add(HeaderId::via, config.via);
    } else {
      request.set(HeaderId::via, std::string(request.get(HeaderId::via)) + ", " + config.via);
    }
  }
  if (edge) request.set(HeaderId::x_envoy_external_address, external);
  if (config.generate_request_id) {
    const bool replace = edge && !config.preserve_external_request_id;
    if (replace || request.get(HeaderId::x_request_id).empty()) {
      request.set(HeaderId::x_request_id, ids.next());
    }
  }
}

void frame_request(http::Head& request, bool chunked) {
  using enum http::Method;
  const http::Method method = request.method_id();
  const bool bodiless =
      method == get || method == head || method == delete_ || method == trace || method == connect;
  if (!bodiless && !chunked && request.find(HeaderId::content_length) == nullptr) {
    request.add(HeaderId::content_length, "0");
  }
}

std::string_view trusted_client_address(const http::Head& request,
                                        const config::HttpConnectionManager& config) {
  // Without use_remote_address the last entry is the client; each trusted hop moves one to the
  // left. With it the peer's own entry has been appended, which skips one more.
  if (config.use_remote_address && config.xff_num_trusted_hops == 0) return {};
  const std::size_t own = config.use_remote_address && !config.skip_xff_append ? 1 : 0;
  const std::size_t hops =
      config.use_remote_address ? config.xff_num_trusted_hops : config.xff_num_trusted_hops + 1U;
  const std::string_view entry = forwarded_entry(request, own + hops);
  return is_ip(entry) ? entry : std::string_view{};
}

std::string local_interface_address() {
  ifaddrs* raw = nullptr;
  if (::getifaddrs(&raw) != 0) return "127.0.0.1";
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> list(raw, &::freeifaddrs);
  for (const ifaddrs* each = list.get(); each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET) continue;
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
    if ((ntohl(v4->sin_addr.s_addr) >> 24U) == IN_LOOPBACKNET) continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    return text.data();
  }
  return "127.0.0.1";
}

}  // namespace holdfast::server
