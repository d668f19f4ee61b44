#include "server/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <string>

#include "catch.hpp"

namespace holdfast::server {
namespace {

/// Plays the service manager: a bound datagram socket.
class Manager {
 public:
  explicit Manager(std::string name) : name_(std::move(name)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name_.data(), name_.size());
    const bool is_abstract = name_.front() == '@';
    if (is_abstract) address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size() +
                                               (is_abstract ? 0 : 1));
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), length) == 0);
  }
  ~Manager() {
    ::close(fd_);
    if (name_.front() == '/') ::unlink(name_.c_str());
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  std::string next() const {
    std::array<char, 256> bytes{};
    const ssize_t size = ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    return size < 0 ? "nothing" : std::string(bytes.data(), static_cast<std::size_t>(size));
  }

 private:
  const std::string name_;
  const int fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

std::string unique(const std::string& prefix) {
  return prefix + "holdfast-notify-" + std::to_string(::getpid());
}

}  // namespace

TEST_CASE("the service manager is told at a path and at an abstract name", "[server]") {
  const std::string name = GENERATE(unique("/tmp/"), unique("@"));
  const Manager manager(name);
  CHECK(notify_service_manager(name, kServiceReady).empty());
  CHECK(manager.next() == "READY=1\nSTATUS=serving");
  CHECK(notify_service_manager(name, kServiceStopping).empty());
  CHECK(manager.next() == "STOPPING=1\nSTATUS=draining");
  CHECK(manager.next() == "nothing");
}

TEST_CASE("without a service manager nothing is told", "[server]") {
  CHECK(notify_service_manager("", kServiceReady).empty());
}

TEST_CASE("a service manager that can't be told is an error with a reason", "[server]") {
  CHECK(notify_service_manager("/nowhere/at/all", kServiceReady) == "No such file or directory");
  CHECK(notify_service_manager("vsock:2:1", kServiceReady) == "'vsock:2:1' is no path");
  const std::string longest = "@" + std::string(107, 'x');
  CHECK(notify_service_manager(longest, kServiceReady) == "Connection refused");
  CHECK(notify_service_manager(longest + "x", kServiceReady) == "'" + longest + "x' is too long");
  const std::string path = "/" + std::string(107, 'x');
  CHECK(notify_service_manager(path, kServiceReady) == "'" + path + "' is too long");
}

}  // namespace holdfast::server
