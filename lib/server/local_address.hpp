// Where clients have connected to: what logs and filters are told about the near end.
//
// Owner: a listener's context, and each of its connections. Thread: the worker's. A listener on one
// address is that end; one on all of them (0.0.0.0, ::) has to ask for each connection. As Envoy.
#pragma once

#include <string>
#include <string_view>

#include "net/listener.hpp"

namespace holdfast::server {

/// "ip:port" that a listener is bound to.
struct ListenerAddress {
  std::string text;

  [[nodiscard]] bool is_wildcard() const noexcept {
    return text.starts_with("0.0.0.0:") || text.starts_with("[::]:");
  }
};

class LocalAddress {
 public:
  /// A connection begins. `asked`: somebody may want to know.
  void begin(const ListenerAddress& listener, int fd, bool asked) {
    listener_ = &listener;
    own_.clear();
    if (asked && listener.is_wildcard()) own_ = net::local_address_text(fd);
  }
  /// REQUIRES: begin() was called.
  [[nodiscard]] std::string_view view() const noexcept {
    return own_.empty() ? listener_->text : own_;
  }

 private:
  const ListenerAddress* listener_ = nullptr;
  std::string own_;  ///< Empty: the listener's.
};

}  // namespace holdfast::server
