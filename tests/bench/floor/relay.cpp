// The floor: a relay that parses nothing. One upstream connection per client connection, and per
// request no more than read, write, read, write. An HTTP proxy that uses epoll has to do at least
// that for a request.
//
//   relay 127.0.0.1:PORT 127.0.0.1:UPSTREAM
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

std::vector<int> peer(65536, -1);  // By descriptor: where its bytes go.
std::array<char, 1 << 16> buffer;

sockaddr_in address(const std::string& text) {
  const std::size_t colon = text.find(':');
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(static_cast<std::uint16_t>(std::atoi(text.c_str() + colon + 1)));
  inet_pton(AF_INET, text.substr(0, colon).c_str(), &result.sin_addr);
  return result;
}

void watch(int epoll, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

void accept_all(int epoll, int listener, const sockaddr_in& upstream) {
  for (int client = 0; (client = accept4(listener, nullptr, nullptr, 0)) >= 0;) {
    const int other = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(other, reinterpret_cast<const sockaddr*>(&upstream), sizeof upstream) != 0) {
      close(client);
      close(other);
      continue;
    }
    peer[static_cast<std::size_t>(client)] = other;
    peer[static_cast<std::size_t>(other)] = client;
    for (const int fd : {client, other}) {
      const int one = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      watch(epoll, fd, EPOLLIN | EPOLLET);
    }
  }
}

void send_all(int to, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t sent = send(to, buffer.data() + done, size - done, MSG_NOSIGNAL);
    if (sent <= 0) {
      return;
    }
    done += static_cast<std::size_t>(sent);
  }
}

void forward(int from) {
  int& other = peer[static_cast<std::size_t>(from)];
  if (other < 0) {
    return;
  }
  ssize_t count = recv(from, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) {
    return;
  }
  if (count <= 0) {
    close(from);
    close(other);
    peer[static_cast<std::size_t>(other)] = -1;
    other = -1;
    return;
  }
  send_all(other, static_cast<std::size_t>(count));
  while (count == static_cast<ssize_t>(buffer.size())) {
    count = recv(from, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) {
      send_all(other, static_cast<std::size_t>(count));
    }
  }
}

}  // namespace

int main(int count, char** values) {
  if (count != 3) {
    return 2;
  }
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const sockaddr_in here = address(values[1]);
  const sockaddr_in upstream = address(values[2]);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0 ||
      listen(listener, 8192) != 0) {
    return 1;
  }
  const int epoll = epoll_create1(0);
  watch(epoll, listener, EPOLLIN);
  std::array<epoll_event, 512> events;
  for (;;) {
    const int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener) {
        accept_all(epoll, listener, upstream);
      } else {
        forward(fd);
      }
    }
  }
}
