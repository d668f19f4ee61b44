#include "access_log/record.hpp"

#include <array>

namespace holdfast::access_log {

namespace {

struct Names {
  std::string_view brief;
  std::string_view full;
};

// In the order of Flag.
constexpr std::array<Names, static_cast<std::size_t>(Flag::none)> kNames = {{
    {"LH", "FailedLocalHealthCheck"},
    {"UH", "NoHealthyUpstream"},
    {"UT", "UpstreamRequestTimeout"},
    {"LR", "LocalReset"},
    {"UR", "UpstreamRemoteReset"},
    {"UF", "UpstreamConnectionFailure"},
    {"UC", "UpstreamConnectionTermination"},
    {"UO", "UpstreamOverflow"},
    {"NR", "NoRouteFound"},
    {"DI", "DelayInjected"},
    {"FI", "FaultInjected"},
    {"RL", "RateLimited"},
    {"UAEX", "UnauthorizedExternalService"},
    {"RLSE", "RateLimitServiceError"},
    {"DC", "DownstreamConnectionTermination"},
    {"URX", "UpstreamRetryLimitExceeded"},
    {"SI", "StreamIdleTimeout"},
    {"IH", "InvalidEnvoyRequestHeaders"},
    {"DPE", "DownstreamProtocolError"},
    {"UMSDR", "UpstreamMaxStreamDurationReached"},
    {"RFCF", "ResponseFromCacheFilter"},
    {"NFCF", "NoFilterConfigFound"},
    {"DT", "DurationTimeout"},
    {"UPE", "UpstreamProtocolError"},
    {"NC", "NoClusterFound"},
    {"OM", "OverloadManagerTerminated"},
    {"DF", "DnsResolutionFailed"},
    {"DO", "DropOverload"},
    {"DR", "DownstreamRemoteReset"},
    {"UDO", "UnconditionalDropOverload"},
}};

constexpr std::size_t length_of_all() {
  std::size_t sum = 0;
  for (const Names& names : kNames) sum += names.full.size() + 1;
  return sum;
}
static_assert(length_of_all() <= kFlagsText);

}  // namespace

std::string_view flags_text(Flags flags, bool long_names, char* scratch) noexcept {
  if (flags.empty()) return "-";
  std::size_t length = 0;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (!flags.test(static_cast<Flag>(i))) continue;
    if (length > 0) scratch[length++] = ',';
    const std::string_view name = long_names ? kNames[i].full : kNames[i].brief;
    length += name.copy(scratch + length, name.size());
  }
  return {scratch, length};
}

}  // namespace holdfast::access_log
