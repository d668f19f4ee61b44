// DNS answers: whatever a server sends over UDP or TCP, each lookup ends exactly once (never, when
// it was cancelled), with addresses of the family asked for, bounded in number.
// Options: 1 = over TCP, 2 = the lookup is cancelled after the first answer, 4 = the resolver goes
// then, 8 = the bytes are one answer as they stand (the id is put right), else orders for answers,
// see dns_answers.hpp. The cut byte chooses the families.
#include <sys/socket.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <optional>

#include "dns_answers.hpp"
#include "fuzz.hpp"
#include "upstream/dns_resolver.hpp"

namespace {

using namespace holdfast;
using fuzz::require;
using upstream::DnsResolver;
using upstream::DnsResult;

void check(const DnsResult& result, config::DnsLookupFamily family) {
  const auto& addresses = result.addresses;
  require((result.status == DnsResult::Status::ok) == !addresses.empty());
  require(addresses.size() <= 2 * DnsResolver::kMaxAddresses);
  require(!result.detail.empty());
  bool v6_seen = false;
  for (const upstream::ResolvedAddress& each : addresses) {
    const int kind = each.address.family();
    require(kind == AF_INET || kind == AF_INET6);
    if (family == config::DnsLookupFamily::v4_only) require(kind == AF_INET);
    if (family == config::DnsLookupFamily::v6_only) require(kind == AF_INET6);
    require(kind == AF_INET6 || !v6_seen);  // IPv4 first.
    v6_seen = kind == AF_INET6;
    require(each.address.with_port(0) == each.address);
    require(each.ttl.count() >= 0 && each.ttl.count() <= 0x7fff'ffff);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Family = config::DnsLookupFamily;
  constexpr std::array<Family, 5> kFamilies = {Family::v4_only, Family::v6_only, Family::auto_,
                                               Family::all, Family::v4_preferred};
  static fuzz::DnsServer server;
  const fuzz::Input input(data, size);
  const Family family = kFamilies[input.cut % kFamilies.size()];
  fuzz::DnsAnswers answers(input.bytes, input.has(8));

  boost::asio::io_context io;
  stats::DnsStats stats;
  auto resolver = std::make_unique<DnsResolver>(
      io, DnsResolver::Options{.servers = {server.address()}, .use_tcp = input.has(1), .tries = 1},
      stats);
  require(resolver->valid());
  int calls = 0;
  auto query = resolver->resolve("x.fuzz.test", family, [&](const DnsResult& result) {
    ++calls;
    check(result, family);
  });
  require(calls == 0);
  const bool leave = input.has(2) || input.has(4);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(8);
  while (calls == 0) {
    require(std::chrono::steady_clock::now() < deadline);
    const bool answered = server.serve(answers);
    if (answered && leave) break;
    io.restart();
    io.run_one_for(std::chrono::microseconds(answered ? 0 : 200));
  }
  if (leave) {
    const int before = calls;
    query.reset();
    if (input.has(4)) resolver.reset();
    io.restart();
    io.poll();
    require(calls == before);
  }
  resolver.reset();
  io.restart();
  io.poll();
  require(calls <= 1);
  server.hang_up();
  return 0;
}
