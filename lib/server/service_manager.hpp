// Tells the service manager that started the process how it stands: sd_notify(3)'s datagrams, so
// that a unit may say Type=notify.
//
// Free function; control thread. One datagram per call on a socket of its own; waits for a second
// at most.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::server {

inline constexpr std::string_view kServiceReady = "READY=1\nSTATUS=serving";
inline constexpr std::string_view kServiceStopping = "STOPPING=1\nSTATUS=draining";

/// `socket` is what $NOTIFY_SOCKET holds: a path, or '@' and an abstract name. Empty: there is no
/// manager, nothing is sent. Returns why it failed, else an empty string.
[[nodiscard]] std::string notify_service_manager(const std::string& socket, std::string_view state);

}  // namespace holdfast::server
