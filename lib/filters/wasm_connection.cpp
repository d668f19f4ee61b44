// A plugin as a filter of TCP connections. Source of the order and the arguments of callbacks:
// Envoy 1.40, observed.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <utility>

#include "filters/network_filter.hpp"
#include "filters/wasm_body.hpp"
#include "filters/wasm_config.hpp"
#include "filters/wasm_properties.hpp"
#include "filters/wasm_state.hpp"
#include "filters/wasm_worker.hpp"
#include "wasm/plugin.hpp"

namespace holdfast::filters {
namespace {

using wasm::BufferType;
using wasm::CloseType;
using wasm::Status;
using wasm::StreamType;

/// REQUIRES: a decimal number. What is more than the clock can count is the most that it can.
std::chrono::milliseconds milliseconds_of(std::string_view text) {
  constexpr std::int64_t kMost = std::chrono::milliseconds(std::chrono::hours(24 * 365)).count();
  std::int64_t number = kMost;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return std::chrono::milliseconds(std::clamp<std::int64_t>(number, 1, kMost));  // 0: at once.
}

/// A connection as its plugin context reaches it.
class WasmConnection final : public ConnectionFilter, public wasm::StreamHost {
 public:
  WasmConnection(Connection& connection, WasmWorker& worker, wasm::Plugin& plugin,
                 std::size_t index)
      : connection_(connection),
        worker_(worker),
        fails_open_(plugin.config().policy == wasm::FailurePolicy::fail_open),
        index_(index),
        context_(plugin.begin(*this)) {
    worker.begin_state(connection);
  }
  ~WasmConnection() override { end(); }
  WasmConnection(const WasmConnection&) = delete;
  WasmConnection& operator=(const WasmConnection&) = delete;

  // ConnectionFilter
  [[nodiscard]] ConnectionVerdict on_new_connection() noexcept override {
    if (context_ == nullptr) {  // The plugin is down.
      if (fails_open_) return ConnectionVerdict::go_on;
      connection_.close();
      return ConnectionVerdict::stop;
    }
    return status(context_->on_new_connection());
  }

  [[nodiscard]] ConnectionVerdict on_data(ConnectionSide from, base::ByteQueue& data,
                                          bool end) noexcept override {
    if (context_ == nullptr || context_->failed()) return status(wasm::Action::proceed);
    const bool client = from == ConnectionSide::client;
    base::ByteQueue*& shown = client ? client_data_ : upstream_data_;
    shown = &data;
    const ConnectionVerdict answer =
        status(context_->on_data(client ? StreamType::downstream : StreamType::upstream,
                                 static_cast<std::uint32_t>(data.size()), end));
    // What is stopped stays at hand, as in Envoy.
    if (answer == ConnectionVerdict::go_on) shown = nullptr;
    if (!client && end && !upstream_closed_) {
      upstream_closed_ = true;
      context_->on_close(StreamType::upstream, CloseType::unknown);
    }
    return answer;
  }

  void on_close(bool by_client) noexcept override {
    client_data_ = upstream_data_ = nullptr;
    if (context_ == nullptr) return;
    closed_ = true;
    context_->on_close(StreamType::downstream, by_client ? CloseType::remote : CloseType::local);
    end();
  }

  // wasm::StreamHost
  wasm::HeaderMap* headers(wasm::MapType /*type*/) noexcept override { return nullptr; }
  void on_headers_modified(wasm::MapType /*type*/) noexcept override {}
  std::optional<std::string_view> body(BufferType type) noexcept override {
    const base::ByteQueue* data = data_of(type);
    return data == nullptr ? std::nullopt : std::optional(data->view());
  }
  Status edit_body(BufferType type, std::size_t start, std::size_t length,
                   std::string_view bytes) noexcept override {
    base::ByteQueue* data = data_of(type);
    return data == nullptr ? Status::bad_argument : filters::edit_body(*data, start, length, bytes);
  }
  void resume(StreamType type) noexcept override {
    if (type == StreamType::downstream && !closed_) connection_.continue_reading(index_);
  }
  void close(StreamType type) noexcept override {
    const bool ours = type == StreamType::downstream || type == StreamType::upstream;
    if (ours && !closed_) connection_.close();
  }
  void send_local_response(wasm::LocalResponse&& /*response*/) noexcept override {}
  void clear_route_cache() noexcept override {}
  wasm::Property property(std::string_view path) noexcept override {
    wasm::Property known = tcp_property(path, connection_.info(), worker_.node());
    if (known.status != Status::not_found) return known;
    return own_property(path, {worker_.find_state(connection_)});
  }
  Status set_property(std::string_view path, std::string_view value,
                      const wasm::PropertyKind& kind) noexcept override {
    return worker_.state(connection_).set_property(path, value, kind.read_only);
  }
  Status set_filter_state(std::string_view name, std::string_view value,
                          wasm::Span /*span*/) noexcept override {
    std::string kept;
    const Status status = steering_value(name, value, kept);
    if (status != Status::ok) return status;
    if (name == kClusterSteering) connection_.choose_cluster(kept);
    if (name == kIdleTimeoutSteering) connection_.set_idle_timeout(milliseconds_of(kept));
    worker_.state(connection_).set_steering(name, std::move(kept));
    return Status::ok;
  }
  void on_plugin_failed() noexcept override {
    if (closed_) return;
    fails_open_ ? connection_.let_go(index_) : connection_.close();
  }

 private:
  [[nodiscard]] ConnectionVerdict status(wasm::Action action) const noexcept {
    const bool down = context_ != nullptr && context_->failed() && !fails_open_;
    const bool goes_on = action == wasm::Action::proceed && !down;
    return goes_on ? ConnectionVerdict::go_on : ConnectionVerdict::stop;
  }
  [[nodiscard]] base::ByteQueue* data_of(BufferType type) noexcept {
    return type == BufferType::downstream_data ? client_data_
           : type == BufferType::upstream_data ? upstream_data_
                                               : nullptr;
  }
  void end() noexcept {
    closed_ = true;
    if (context_ != nullptr) std::exchange(context_, nullptr)->end_connection();
    worker_.end_state(connection_);
  }

  // Constant after construction.
  Connection& connection_;
  WasmWorker& worker_;
  const bool fails_open_;
  const std::size_t index_;
  // Touched only on the worker.
  base::ByteQueue* client_data_ = nullptr;    ///< While it is at hand.
  base::ByteQueue* upstream_data_ = nullptr;  ///< Likewise.
  bool upstream_closed_ = false;              ///< The plugin has been told.
  bool closed_ = false;
  wasm::StreamContext* context_;  ///< Null: the plugin is down, or the connection has ended.
};

class WasmNetworkFilter final : public NetworkFilter {
 public:
  WasmNetworkFilter(const WasmConfig& config, WasmWorker& worker)
      : worker_(worker), plugin_(worker.plugin(config.plugin)) {}

  [[nodiscard]] std::unique_ptr<ConnectionFilter> open(Connection& connection,
                                                       std::size_t index) override {
    return std::make_unique<WasmConnection>(connection, worker_, plugin_, index);
  }

 private:
  WasmWorker& worker_;
  wasm::Plugin& plugin_;
};

}  // namespace

std::unique_ptr<NetworkFilter> make_network_filter(const config::Extension& filter,
                                                   WorkerPlugins* plugins) {
  return std::make_unique<WasmNetworkFilter>(dynamic_cast<const WasmConfig&>(*filter.config),
                                             dynamic_cast<WasmWorker&>(*plugins));
}

}  // namespace holdfast::filters
