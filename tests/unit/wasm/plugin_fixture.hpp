// A plugin host with everything around it faked: exchanges, the worker with its clock and calls,
// and the log in a file.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "stats/custom_stats.hpp"
#include "wasm/plugin.hpp"
#include "wasm/plugin_stats.hpp"
#include "wasm/shared_state.hpp"
#include "wasm/wat.hpp"

namespace holdfast::wasm {

using Lines = std::vector<std::string>;

class FakeHeaders final : public HeaderMap {
 public:
  OwnedPairs pairs;

  [[nodiscard]] std::size_t size() const noexcept override { return pairs.size(); }
  void collect(Pairs& out) const override { out.assign(pairs.begin(), pairs.end()); }
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept override;
  Status add(std::string_view name, std::string_view value) noexcept override;
  Status set(std::string_view name, std::string_view value) noexcept override;
  Status remove(std::string_view name) noexcept override;
  Status assign(const Pairs& from) noexcept override;
  /// "name: value" each.
  [[nodiscard]] Lines lines() const;
};

class FakeStream final : public StreamHost {
 public:
  std::map<MapType, FakeHeaders> maps;
  std::map<BufferType, std::string> bodies;
  std::map<std::string, std::string> properties;
  std::map<std::string, PropertyKind> kinds;  ///< Of those that a plugin has set.
  Lines events;                    ///< What was asked for: "resume 1", "reply 403 body", "failed".
  std::function<void()> on_event;  ///< Called after each.
  LocalResponse reply;

  [[nodiscard]] HeaderMap* headers(MapType type) noexcept override;
  void on_headers_modified(MapType type) noexcept override;
  [[nodiscard]] std::optional<std::string_view> body(BufferType type) noexcept override;
  Status edit_body(BufferType type, std::size_t start, std::size_t length,
                   std::string_view data) noexcept override;
  void resume(StreamType type) noexcept override { event("resume", static_cast<int>(type)); }
  void close(StreamType type) noexcept override { event("close", static_cast<int>(type)); }
  void send_local_response(LocalResponse&& response) noexcept override;
  void clear_route_cache() noexcept override { event("clear_route_cache"); }
  [[nodiscard]] Property property(std::string_view path) noexcept override;
  Status set_property(std::string_view path, std::string_view value,
                      const PropertyKind& kind) noexcept override;
  Status set_filter_state(std::string_view name, std::string_view value,
                          Span span) noexcept override;
  void on_plugin_failed() noexcept override { event("failed"); }

 private:
  void event(std::string what, int number = -1);
};

class FakeWorker final : public WorkerHost {
 public:
  struct Call {
    CallSink* sink;
    std::uint32_t token;
    std::string cluster;
    OwnedPairs headers;
    std::string body;
    OwnedPairs trailers;
    std::chrono::milliseconds timeout;
  };
  std::deque<Call> calls;  ///< Under way.
  std::vector<std::uint32_t> cancelled;
  Status call_status = Status::ok;
  std::map<std::string, std::string> properties;

  Status start_call(const CallRequest& request, CallSink& sink,
                    std::uint32_t token) noexcept override;
  void cancel_call(CallSink& sink, std::uint32_t token) noexcept override;
  void set_timer(const void* owner, std::chrono::milliseconds delay,
                 std::function<void()> tick) override;
  void clear_timer(const void* owner) noexcept override { timers_.erase(owner); }
  void post(std::function<void()> task) override { posted_.push_back(std::move(task)); }
  [[nodiscard]] Property property(std::string_view path) noexcept override;

  /// Moves the clock on, timer by timer.
  void advance(std::chrono::milliseconds by);
  void run_posted();
  void run_one_posted();
  [[nodiscard]] std::size_t posted() const { return posted_.size(); }
  [[nodiscard]] std::size_t timers() const { return timers_.size(); }
  /// Ends the oldest call.
  void answer(const CallReply& reply);

 private:
  struct Timer {
    std::chrono::milliseconds due;
    std::function<void()> tick;
  };
  std::chrono::milliseconds now_{0};
  std::map<const void*, Timer> timers_;
  std::deque<std::function<void()>> posted_;
};

/// Where the log goes in tests.
class LogFile {
 public:
  LogFile();
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  /// Lines since the last call: "level text".
  [[nodiscard]] Lines take();

 private:
  std::string path_;
  std::size_t read_ = 0;
};

struct PluginFixture {
  PluginFixture();

  /// Compiled, with vm_id "vm", root_id "root", and `name`.
  [[nodiscard]] std::shared_ptr<PluginConfig> config(const Wat& wat, std::string name = "plug");
  /// Adds it, and starts the host.
  Plugin& start(std::shared_ptr<const PluginConfig> config);
  Plugin& start(const Wat& wat) { return start(config(wat)); }
  /// What plugins have logged since the last call, without "wasm log" and prefix; other lines as
  /// they are.
  [[nodiscard]] Lines said();
  /// As above for a callback run on a new exchange: on_request_headers(8, true), not ended.
  StreamContext* request(Plugin& plugin, FakeStream& stream);
  [[nodiscard]] std::uint64_t traps() const;

  LogFile log;
  FakeWorker worker;
  stats::CustomStats metrics{2};
  SharedState shared{metrics};
  std::unique_ptr<PluginStats> stats = std::make_unique<PluginStats>();
  std::unique_ptr<PluginHost> host = PluginHost::make(worker, shared, *stats, 1);
};

}  // namespace holdfast::wasm
