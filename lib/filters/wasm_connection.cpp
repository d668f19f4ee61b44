// A plugin as a filter of TCP connections. Source of the order and the arguments of callbacks:
// Envoy 1.40, observed.
#include <algorithm>
#include <utility>

#include "filters/network_filter.hpp"
#include "filters/wasm_body.hpp"
#include "filters/wasm_config.hpp"
#include "filters/wasm_properties.hpp"
#include "filters/wasm_worker.hpp"
#include "wasm/plugin.hpp"

namespace holdfast::filters {
namespace {

using wasm::BufferType;
using wasm::CloseType;
using wasm::Status;
using wasm::StreamType;

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
    worker.begin_properties(connection);
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
    wasm::Property known = tcp_property(path, connection_.info());
    if (known.status != Status::not_found) return known;
    constexpr std::string_view kState("filter_state\0wasm.", 18);
    if (path.starts_with(kState)) path.remove_prefix(kState.size());
    if (path.empty()) return {Status::serialization_failure, {}};
    if (path.find('\0') != std::string_view::npos) return known;
    const std::string* own = worker_.find_property(connection_, path);
    return own == nullptr ? known : wasm::Property{Status::ok, *own};
  }
  Status set_property(std::string_view path, std::string_view value) noexcept override {
    return worker_.set_property(connection_, path, value) ? Status::ok : Status::internal_failure;
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
    worker_.end_properties(connection_);
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
