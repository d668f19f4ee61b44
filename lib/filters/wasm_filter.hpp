// The wasm filter: an exchange's hooks become a plugin's callbacks, and what the plugin asks for
// becomes the exchange's business.
//
// Owner: the worker's filter chain; a WasmStream is recycled by its filter. Thread: the worker's.
// What is at hand when is Envoy's: a message's fields while its head is with the plugin (in the
// callback, and while that holds it), its body likewise, both heads again in proxy_on_log.
#pragma once

#include <memory>
#include <vector>

#include "filters/filter.hpp"
#include "filters/wasm_config.hpp"
#include "wasm/plugin.hpp"

namespace holdfast::filters {

class WasmStream;
class WasmWorker;

class WasmFilter final : public Filter {
 public:
  WasmFilter(const WasmConfig& config, WasmWorker& worker, std::size_t index);
  ~WasmFilter() override;

  Verdict on_request(Exchange& exchange) noexcept override;
  BodyVerdict on_request_body(Exchange& exchange, base::ByteQueue& body,
                              bool end) noexcept override;
  Verdict on_response(Exchange& exchange) noexcept override;
  BodyVerdict on_response_body(Exchange& exchange, base::ByteQueue& body,
                               bool end) noexcept override;
  BodyVerdict on_request_trailers(Exchange& exchange) noexcept override;
  BodyVerdict on_response_trailers(Exchange& exchange) noexcept override;
  void on_answered_early(Exchange& exchange) noexcept override;
  void on_complete(Exchange& exchange) noexcept override;
  void on_hold_cancelled(Exchange& exchange) noexcept override;
  std::chrono::milliseconds on_hold_expired(Exchange& exchange) noexcept override;
  [[nodiscard]] bool idle_ends_hold() const noexcept override { return true; }  // As Envoy.
  void on_end(Exchange& exchange) noexcept override;

 private:
  friend class WasmStream;
  WasmStream& begin(Exchange& exchange) noexcept;
  [[nodiscard]] Verdict verdict_of(WasmStream& stream, wasm::Action action) const noexcept;

  // Constant after construction.
  const WasmConfig& config_;
  WasmWorker& worker_;
  wasm::Plugin& plugin_;
  // Touched only on the worker.
  std::vector<std::unique_ptr<WasmStream>> all_;
  std::vector<WasmStream*> free_;
};

}  // namespace holdfast::filters
