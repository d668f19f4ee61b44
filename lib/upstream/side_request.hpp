// What all side requests have in common, whatever becomes of their responses: how they come by a
// connection, repeat once, give up and are counted.
//
// Base of Call (only the outcome counts) and HttpCall (the whole response is kept). Thread: the
// worker's.
#pragma once

#include <cstdint>

#include "upstream/cluster.hpp"

namespace holdfast::upstream {

enum class CallOutcome : std::uint8_t {
  response,  ///< A whole response.
  failed,   ///< No endpoint, refused, broken, malformed: the original sees a 503 of Envoy's making.
  timeout,  ///< The original sees a 504.
  overflow,  ///< A limit of the cluster.
};
[[nodiscard]] CallOutcome outcome_of(ResetReason reason) noexcept;

class SideRequest : public PendingRequest, public ResponseSink {
 protected:
  /// Begin anew, for another request.
  void prepare(Cluster& cluster, std::uint32_t size, net::TimePoint begun) noexcept;
  /// Find a connection: it is there, or is waited for, or neither and why.
  [[nodiscard]] Acquired acquire(bool fresh) noexcept;
  /// The request goes out on `connection`: now, or as soon as there is one.
  virtual void use(ClientConnection& connection) noexcept = 0;

  /// It was reused and has ended before a byte came back. REQUIRES: connection_ is what was reset.
  [[nodiscard]] bool is_stale(ResetReason reason) const noexcept;
  /// Once, on a new connection. False: not again, or a limit forbids it.
  [[nodiscard]] bool retry() noexcept;
  /// Close the connection, or leave the line for one. `late`: it has taken too long.
  void give_up(bool late) noexcept;
  /// Its time is up: count that, and give up.
  void expire() noexcept;
  /// `status`: what the original's plugin sees, and Envoy counts.
  void count(CallOutcome outcome, std::uint16_t status) noexcept;
  /// It has ended: holds nothing any more.
  void let_go() noexcept;

  Cluster* cluster_ = nullptr;
  ClientConnection* connection_ = nullptr;
  HostPool* waiting_in_ = nullptr;
  bool retried_ = false;
  net::TimePoint begun_;
};

}  // namespace holdfast::upstream
