// What an HTTP filter may see, do, and owe. docs/filters.md shows how to add one.
//
// One instance per worker per configured filter, shared by all exchanges of that worker: members
// are constant after construction, or counters, or pools; what belongs to one exchange hangs on its
// slot. Thread: every hook runs on the worker that owns the exchange. Errors: hooks do not throw.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>

#include "config/config.hpp"
#include "filters/exchange.hpp"
#include "upstream/call.hpp"
#include "upstream/cluster.hpp"

namespace holdfast::stats {
class Registry;
}

namespace holdfast::filters {

enum class Verdict : std::uint8_t {
  proceed,  ///< Hand the message to the next filter.
  hold,  ///< The filter took exchange.hold() and owes one Hold::resume(), later, never inside the
         ///< hook.
  respond,  ///< Request stage only: replace_response() was called; skip the router, go to the
            ///< response stage.
};

class Filter {
 public:
  explicit Filter(std::size_t index) : index_(index) {}
  virtual ~Filter() = default;
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  /// Request head complete; filters run in configured order.
  virtual Verdict on_request(Exchange&) noexcept { return Verdict::proceed; }
  /// Response head complete (of local replies, too); filters run in reverse order, as in Envoy.
  virtual Verdict on_response(Exchange&) noexcept { return Verdict::proceed; }
  /// The hold this filter asked for has lasted to its limit. It must settle its affairs; the server
  /// resumes.
  virtual void on_hold_expired(Exchange&) noexcept {}
  /// The exchange is over. Called when this filter's slot is not null: it frees what hangs there.
  virtual void on_end(Exchange&) noexcept {}

  /// Control thread, once, before requests flow: tell the registry of this instance's counters.
  virtual void add_stats(stats::Registry&) const {}

  /// This filter's place in the chain, and its slot in each exchange.
  [[nodiscard]] std::size_t index() const noexcept { return index_; }

 private:
  const std::size_t index_;
};

/// Which hooks a filter type implements: the chain skips the others.
struct Hooks {
  bool request = false;
  bool response = false;
};

/// What a worker offers to its filters. All of it outlives them.
struct WorkerServices {
  boost::asio::io_context& io;
  upstream::ClusterManager& clusters;
  upstream::CallPool& calls;
  unsigned worker;
};

}  // namespace holdfast::filters
