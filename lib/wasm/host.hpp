// What a plugin's host must be able to do: the interfaces that the wasm room asks for and others
// implement (filters/wasm_*.cpp over an exchange and a worker; fakes in tests).
//
// Thread: the worker's that owns the plugin, always. None of these throws. Views handed over are
// valid during the call.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "wasm/abi.hpp"

namespace holdfast::wasm {

/// The fields of one message as plugins see them: lower-case names, pseudo headers (":path",
/// ":status") first, in the order of Envoy's header map. Names and values that come in are checked
/// here: what is no token (RFC 9110 5.6.2) or holds CR, LF or NUL is Status::bad_argument.
class HeaderMap {
 public:
  virtual ~HeaderMap() = default;
  [[nodiscard]] virtual std::size_t size() const noexcept = 0;
  virtual void collect(Pairs& out) const = 0;
  /// The first value of that (lower-case) name.
  [[nodiscard]] virtual std::optional<std::string_view> get(
      std::string_view name) const noexcept = 0;
  virtual Status add(std::string_view name, std::string_view value) noexcept = 0;
  virtual Status set(std::string_view name, std::string_view value) noexcept = 0;
  virtual Status remove(std::string_view name) noexcept = 0;
  virtual Status assign(const Pairs& pairs) noexcept = 0;
};

struct LocalResponse {
  std::uint16_t status = 0;
  std::string details;  ///< For %RESPONSE_CODE_DETAILS%.
  std::string body;
  OwnedPairs headers;
};

/// A serialised property (the ABI's layout, as Envoy 1.40 fills it): integers, times (ns) and
/// durations (ns) as 8 bytes, little-endian; booleans as 1; maps as pairs.
struct Property {
  Status status = Status::not_found;
  std::string bytes;
};

/// How long lives what a plugin sets.
enum class Span : std::uint8_t { exchange, connection };

/// Of a property that a plugin sets; the defaults are those of one that nobody has declared.
struct PropertyKind {
  Span span = Span::exchange;
  bool read_only = false;  ///< Can be set once.
};

/// One HTTP exchange or TCP connection, as its plugin context reaches it. resume(), close() and
/// send_local_response() are told only after the callback into the plugin has returned, in the
/// order in which the plugin asked.
class StreamHost {
 public:
  virtual ~StreamHost() = default;
  /// Null: not at hand (not yet, not any more, no such part).
  [[nodiscard]] virtual HeaderMap* headers(MapType type) noexcept = 0;
  /// The same, to be changed: trailers may come into being with that.
  [[nodiscard]] virtual HeaderMap* to_change(MapType type) noexcept { return headers(type); }
  /// Of MapType::request_headers it says that something was changed there (Envoy then chooses the
  /// route anew).
  virtual void on_headers_modified(MapType type) noexcept = 0;
  /// BufferType::request_body and response_body, of a connection downstream_data and upstream_data.
  /// Nullopt: none at hand.
  [[nodiscard]] virtual std::optional<std::string_view> body(BufferType type) noexcept = 0;
  /// As proxy_set_buffer_bytes in Envoy: start 0 and length 0 prepends; start 0 and length >= size
  /// replaces; start >= size appends; else bad_argument.
  virtual Status edit_body(BufferType type, std::size_t start, std::size_t length,
                           std::string_view data) noexcept = 0;
  /// resume() and close() are told whatever type the plugin named: one of the other kind (a
  /// connection's to an exchange, an exchange's to a connection) is to be passed over, as in Envoy.
  virtual void resume(StreamType type) noexcept = 0;
  virtual void close(StreamType type) noexcept = 0;
  virtual void send_local_response(LocalResponse&& response) noexcept = 0;
  virtual void clear_route_cache() noexcept = 0;
  /// `path`: its parts, joined by NUL as the plugin gave them.
  [[nodiscard]] virtual Property property(std::string_view path) noexcept = 0;
  /// `kind`: as which it comes into being, if it is not there. bad_argument: it is read-only.
  virtual Status set_property(std::string_view path, std::string_view value,
                              const PropertyKind& kind) noexcept = 0;
  /// What steers others on the way of the exchange. not_found: no such name. bad_argument: no such
  /// value.
  virtual Status set_filter_state(std::string_view name, std::string_view value,
                                  Span span) noexcept = 0;
  /// The plugin has trapped in a callback of this exchange: fail it, or let it pass, by the
  /// plugin's policy. No callback comes any more. Told after the callback has returned.
  virtual void on_plugin_failed() noexcept = 0;
};

/// What a call from a plugin brought.
struct CallReply {
  enum class Kind : std::uint8_t {
    response,  ///< From the upstream, or a local 503 or 504 in its place (with headers and body, as
               ///< Envoy makes them).
    reset,     ///< Nothing: the plugin is told of 0 headers, 0 bytes, 0 trailers.
  };
  Kind kind = Kind::reset;
  Pairs headers;  ///< With ":status".
  std::string_view body;
  Pairs trailers;
};

class CallSink {
 public:
  virtual ~CallSink() = default;
  /// Once for each call that started and was not cancelled; never from inside
  /// WorkerHost::start_call().
  virtual void on_call_reply(std::uint32_t token, const CallReply& reply) noexcept = 0;
};

struct CallRequest {
  std::string_view cluster;
  const Pairs& headers;  ///< With ":method", ":path", ":authority" (which may be empty): the caller
                         ///< has seen to that.
  std::string_view body;
  const Pairs& trailers;
  std::chrono::milliseconds timeout;  ///< 0 = none.
};

/// The worker that a plugin runs on.
class WorkerHost {
 public:
  virtual ~WorkerHost() = default;
  /// bad_argument: no such cluster, or a request that can't be sent. internal_failure: a limit of
  /// the cluster, or no endpoint.
  virtual Status start_call(const CallRequest& request, CallSink& sink,
                            std::uint32_t token) noexcept = 0;
  /// on_call_reply() does not come any more.
  virtual void cancel_call(CallSink& sink, std::uint32_t token) noexcept = 0;
  /// Call `tick` after `delay`, once. 0 = as soon as this turn is over. A new call replaces the one
  /// before with the same `owner`. `tick` may set or clear its own timer.
  virtual void set_timer(const void* owner, std::chrono::milliseconds delay,
                         std::function<void()> tick) = 0;
  virtual void clear_timer(const void* owner) noexcept = 0;
  /// From any thread: run `task` on this worker, in a turn of its own.
  virtual void post(std::function<void()> task) = 0;
  /// A property outside of any exchange (plugin_name and the like are answered by the room itself).
  [[nodiscard]] virtual Property property(std::string_view path) noexcept = 0;
};

}  // namespace holdfast::wasm
