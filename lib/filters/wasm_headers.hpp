// The header map of a request or a response as plugins see it: http::Head with Envoy's pseudo
// headers.
//
// Owner: a WasmStream. Thread: the worker's. Order as in Envoy's header map: of a request
// `:authority`, `:path`, `:method`, `:scheme`, then the other fields; of a response `:status`, then
// the others, with the upstream's hop-by-hop fields, which are not passed on. What a plugin may put
// in is what we would take from the wire: names are tokens, values hold no control characters,
// `:path` is a request target, `:authority` a host. Fields that delimit the message or the
// connection are not the plugin's: `transfer-encoding`, `connection` and their kind are refused
// (Status::bad_argument).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "http/head.hpp"
#include "http/trailers.hpp"
#include "wasm/host.hpp"

namespace holdfast::filters {

class WasmRequestHeaders final : public wasm::HeaderMap {
 public:
  explicit WasmRequestHeaders(http::Head& head) noexcept;

  [[nodiscard]] std::size_t size() const noexcept override;
  void collect(wasm::Pairs& out) const override;
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept override;
  wasm::Status add(std::string_view name, std::string_view value) noexcept override;
  wasm::Status set(std::string_view name, std::string_view value) noexcept override;
  wasm::Status remove(std::string_view name) noexcept override;
  wasm::Status assign(const wasm::Pairs& pairs) noexcept override;

  /// A pseudo header that is not there (any more), and without which no request can be sent: its
  /// name. Empty: all is there.
  [[nodiscard]] std::string_view missing() const noexcept;
  /// The request was answered before it got a scheme, and perhaps has no authority.
  void leave_out_unset() noexcept;

 private:
  void leave_out(std::size_t which) noexcept;
  [[nodiscard]] bool has_pseudo(std::size_t which) const noexcept;
  [[nodiscard]] std::optional<std::string_view> get_pseudo(std::size_t which) const noexcept;
  wasm::Status set_pseudo(std::string_view name, std::string_view value) noexcept;
  http::Head& head_;
  /// The pseudo headers that are there, in the plugin's order: the head has no place for that.
  std::array<std::uint8_t, 4> pseudo_{0, 1, 2, 3};
  std::uint8_t pseudo_count_ = 4;
  bool connect_ = false;  ///< The method is to be this; the head keeps its own.
};

/// A message's trailers, which a plugin may add; they go on only where HTTP/1 trailers are enabled.
class WasmTrailers final : public wasm::HeaderMap {
 public:
  explicit WasmTrailers(http::Trailers& trailers) : trailers_(trailers) {}

  [[nodiscard]] std::size_t size() const noexcept override { return trailers_.fields().size(); }
  void collect(wasm::Pairs& out) const override;
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept override;
  wasm::Status add(std::string_view name, std::string_view value) noexcept override;
  wasm::Status set(std::string_view name, std::string_view value) noexcept override;
  wasm::Status remove(std::string_view name) noexcept override;
  wasm::Status assign(const wasm::Pairs& pairs) noexcept override;

 private:
  http::Trailers& trailers_;
};

class WasmResponseHeaders final : public wasm::HeaderMap {
 public:
  explicit WasmResponseHeaders(http::Head& head) : head_(head) {}

  [[nodiscard]] std::size_t size() const noexcept override;
  void collect(wasm::Pairs& out) const override;
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept override;
  wasm::Status add(std::string_view name, std::string_view value) noexcept override;
  wasm::Status set(std::string_view name, std::string_view value) noexcept override;
  wasm::Status remove(std::string_view name) noexcept override;
  wasm::Status assign(const wasm::Pairs& pairs) noexcept override;

  /// It has gone down, or never will: the upstream's hop-by-hop fields are not there any more.
  void hide_hop_by_hop() noexcept { sent_ = true; }

 private:
  [[nodiscard]] bool shows(const http::Field& field) const noexcept;
  wasm::Status set_status(std::string_view value) noexcept;
  http::Head& head_;
  bool sent_ = false;
  mutable char status_[3] = {'0', '0', '0'};
};

/// A status code's three digits as a number; nullopt for anything else.
[[nodiscard]] std::optional<std::uint16_t> parse_status(std::string_view text) noexcept;

/// Whether a plugin may give a message a field of this name with this value.
[[nodiscard]] bool is_plugin_field(std::string_view name, std::string_view value) noexcept;

}  // namespace holdfast::filters
