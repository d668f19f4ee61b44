// What an HTTP filter may see, do, and owe. docs/filters.md shows how to add one.
//
// One instance per worker per configured filter, shared by all exchanges of that worker: members
// are constant after construction, or counters, or pools; what belongs to one exchange hangs on its
// slot. Thread: every hook runs on the worker that owns the exchange. Errors: hooks do not throw.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>

#include "base/byte_queue.hpp"
#include "config/config.hpp"
#include "filters/exchange.hpp"
#include "upstream/call.hpp"
#include "upstream/cluster.hpp"

namespace holdfast::stats {
class Registry;
}

namespace holdfast::filters {

class WorkerPlugins;

/// About a head. Who does not proceed owes one Hold::resume() or Exchange::continue_*().
enum class Verdict : std::uint8_t {
  proceed,  ///< Hand the message to the next filter.
  /// The head and all that follows wait at this filter. After the resume the head goes on first;
  /// then the filter's own body hook is shown what has waited, as one piece (Envoy's
  /// StopAllIterationAndWatermark).
  hold,
  /// The head waits, but this filter's body hook goes on being called; when that says proceed, the
  /// head goes on, too (Envoy's StopIteration). In a chain without body hooks: as hold.
  hold_head,
  respond,  ///< Request stage only: replace_response() was called; skip the router, go to the
            ///< response stage.
};

/// About a body.
enum class BodyVerdict : std::uint8_t {
  proceed,  ///< What is in the queue goes to the next filter, and a head that waits here before it.
  /// Keep it in the queue; the next call shows it with what has come since. More than the buffer
  /// limit is an error: 413, or 500 (Envoy's StopIterationAndBuffer). Once the end has been shown,
  /// the filter owes an Exchange::continue_*().
  buffer,
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
  /// A piece of the body. `body` holds all that has not been passed on: what was kept, and what is
  /// new; it may be changed. A body ends with a call of its own, without new bytes, unless the
  /// filter was holding when the end came. None of this when the head was all there was
  /// (Exchange::request_ends_with_head()). Bytes of a local reply come with their end.
  virtual BodyVerdict on_request_body(Exchange&, base::ByteQueue& /*body*/, bool /*end*/) noexcept {
    return BodyVerdict::proceed;
  }
  virtual BodyVerdict on_response_body(Exchange&, base::ByteQueue& /*body*/,
                                       bool /*end*/) noexcept {
    return BodyVerdict::proceed;
  }
  /// The message ends with trailers: those of the exchange, which may be changed. They come instead
  /// of the body's end. Buffer: they wait, with whatever waits at this filter already.
  virtual BodyVerdict on_request_trailers(Exchange&) noexcept { return BodyVerdict::proceed; }
  virtual BodyVerdict on_response_trailers(Exchange&) noexcept { return BodyVerdict::proceed; }
  /// The hold this filter asked for has lasted to its limit. 0: it has settled its affairs, and the
  /// server resumes; else ask again after so long.
  virtual std::chrono::milliseconds on_hold_expired(Exchange&) noexcept { return {}; }
  /// Whether what this filter holds ends with the stream's idle time, too, and not only with the
  /// hold's own limit.
  [[nodiscard]] virtual bool idle_ends_hold() const noexcept { return false; }
  /// What this filter holds will never go on: another answer takes its place (a deadline, an
  /// upstream that failed). Called when the filter's slot is not null. on_end() still comes.
  virtual void on_hold_cancelled(Exchange&) noexcept {}
  /// The connection manager answers by itself, before any filter: no hook but the next two comes.
  virtual void on_answered_early(Exchange&) noexcept {}
  /// The exchange is over, whichever way; the heads are still whole, the access log has not been
  /// written. Once, when this filter's slot is not null.
  virtual void on_complete(Exchange&) noexcept {}
  /// The exchange is over. Called when this filter's slot is not null: it frees what hangs there.
  virtual void on_end(Exchange&) noexcept {}

  /// Control thread, once, before requests flow: tell the registry of this instance's counters.
  virtual void add_stats(stats::Registry&) const {}

  /// This filter's place in the chain, and its slot in each exchange.
  [[nodiscard]] std::size_t index() const noexcept { return index_; }

 private:
  const std::size_t index_;
};

/// Which hooks a filter type implements: the chain skips the others. A chain in which one has a
/// body hook takes all messages through filter_pipeline.hpp; others are spared the work.
struct Hooks {
  bool request = false;
  bool response = false;
  bool request_body = false;
  bool response_body = false;
};

/// What a worker offers to its filters. All of it outlives them.
struct WorkerServices {
  boost::asio::io_context& io;
  upstream::ClusterManager& clusters;
  upstream::CallPool& calls;
  unsigned worker;
  WorkerPlugins* plugins = nullptr;  ///< Null: the configuration has none.
};

}  // namespace holdfast::filters
