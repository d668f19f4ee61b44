#include "server/http_context.hpp"

#include <unistd.h>

#include <algorithm>

#include "server/session.hpp"

namespace holdfast::server {
namespace {

/// Recycled sessions kept per listener and worker; what a connection flood made beyond that is
/// freed.
constexpr std::size_t kMaxFreeSessions = 256;
/// What a recycled session may keep of each of its buffers.
constexpr std::size_t kRecycledBuffer = 4096;

}  // namespace

HttpContext::HttpContext(WorkerContext& worker_context, const config::Listener& listener_config,
                         const config::HttpConnectionManager& hcm_config,
                         const router::RouteTable& route_table, stats::HcmStats& hcm_stats,
                         stats::ListenerStats& listener_stats_ref, ConnectionLimit* limit,
                         const filters::WorkerServices& services)
    : worker(worker_context),
      listener(listener_config),
      config(hcm_config),
      routes(route_table),
      stats(hcm_stats),
      listener_stats(listener_stats_ref),
      filters(hcm_config.http_filters, services),
      gate(limit, listener_stats_ref) {}

HttpContext::~HttpContext() {
  sessions.for_each([](Session& session) { delete &session; });
}

bool HttpContext::accept(int fd, const sockaddr_storage& peer) {
  if (!gate.enter()) {
    ::close(fd);
    return true;
  }
  std::unique_ptr<Session> session;
  if (free_sessions.empty()) {
    session = std::make_unique<Session>(*this);
  } else {
    session = std::move(free_sessions.back());
    free_sessions.pop_back();
    fewest_free = std::min(fewest_free, free_sessions.size());
  }
  if (!session->start(fd, peer)) {
    gate.leave();
    return false;
  }
  sessions.push_back(*session.release());
  return true;
}

void HttpContext::recycle(Session& session) {
  std::unique_ptr<Session> owned(&session);
  if (free_sessions.size() < kMaxFreeSessions) {
    session.release_buffers(kRecycledBuffer);
    free_sessions.push_back(std::move(owned));
  } else {
    session.release_buffers(0);
    worker.freed += sizeof(Session);
  }
}

void HttpContext::free_surplus() {
  const auto surplus = free_sessions.begin() + static_cast<std::ptrdiff_t>(fewest_free);
  for (auto each = free_sessions.begin(); each != surplus; ++each) {
    (*each)->release_buffers(0);
    worker.freed += sizeof(Session);
  }
  free_sessions.erase(free_sessions.begin(), surplus);
  fewest_free = free_sessions.size();
}

void HttpContext::drain() {
  sessions.for_each([](Session& session) { session.drain(); });
}

}  // namespace holdfast::server
