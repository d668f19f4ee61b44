#include "server/service_manager.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <system_error>

namespace holdfast::server {

std::string notify_service_manager(const std::string& socket, std::string_view state) {
  if (socket.empty()) return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const bool is_abstract = socket.front() == '@';
  if (!is_abstract && socket.front() != '/') return "'" + socket + "' is no path";
  // A path ends with NUL, an abstract name with its length.
  if (socket.size() + (is_abstract ? 0 : 1) > sizeof address.sun_path) {
    return "'" + socket + "' is too long";
  }
  std::copy(socket.begin(), socket.end(), address.sun_path);
  if (is_abstract) address.sun_path[0] = '\0';
  const std::size_t length =
      offsetof(sockaddr_un, sun_path) + socket.size() + (is_abstract ? 0 : 1);

  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::generic_category().message(errno);
  const timeval limit{1, 0};  // A manager that doesn't read must not keep us from serving.
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const ssize_t sent =
      ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length));
  std::string problem;
  if (sent < 0) problem = std::generic_category().message(errno);
  ::close(fd);
  return problem;
}

}  // namespace holdfast::server
