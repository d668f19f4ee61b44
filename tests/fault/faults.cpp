// System calls that fail on demand: linked into holdfast_faulty with -Wl,--wrap, between the daemon
// and libc.
//
// A test says through a shared file (HOLDFAST_FAULTS; tests/fault/faults.py writes it) which kinds
// of call count, what the N-th of them does, and reads whether it came to that. Only worker threads
// count: the admin server and DNS run on the control thread and stay as they are. A fault keeps the
// kernel's promises: where a call takes less than it could, or says "would block", the readiness
// edge that the kernel would send later comes at once.
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

enum Kind : std::uint32_t {  // As KINDS in faults.py.
  kAccept,
  kSocket,
  kConnect,
  kConnected,  ///< getsockopt(SO_ERROR): how a connect ended.
  kRegister,   ///< epoll_ctl(EPOLL_CTL_ADD)
  kWait,
  kRead,
  kWrite,
  kOption,
  kShutdown,
};

/// What the N-th call does: an errno, or one of these.
enum Action : std::int32_t {
  kNothing = 0,
  kShort = -1,  ///< Moves one byte.
  kAgain = -2,  ///< EAGAIN, once.
  kJump = -3,   ///< Time passes: `jump` nanoseconds, for every clock of every worker.
};

/// As LAYOUT in faults.py.
struct Control {
  std::atomic<std::uint32_t> kinds;     ///< Bits; written before `countdown`.
  std::atomic<std::int32_t> action;     ///< Written before `countdown`.
  std::atomic<std::int64_t> jump;       ///< Written before `countdown`.
  std::atomic<std::int64_t> countdown;  ///< N; 0 = off.
  std::atomic<std::int64_t> hits;
  std::atomic<std::int64_t> elapsed;  ///< All jumps together.
};
static_assert(std::atomic<std::int64_t>::is_always_lock_free && sizeof(Control) == 40);

Control& control() {
  static Control& shared = []() -> Control& {
    const char* path = std::getenv("HOLDFAST_FAULTS");
    const int fd = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
    void* at = fd < 0 ? MAP_FAILED
                      : ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) {
      std::fputs("holdfast_faulty: HOLDFAST_FAULTS must name a file of 40 bytes\n", stderr);
      std::abort();
    }
    ::close(fd);
    return *static_cast<Control*>(at);
  }();
  return shared;
}

bool on_worker() {
  thread_local const bool worker = [] {
    char name[16] = "";
    ::pthread_getname_np(::pthread_self(), name, sizeof name);
    return std::string_view(name).starts_with("worker_");
  }();
  return worker;
}

/// Where each descriptor is registered, to announce its readiness anew.
struct Registration {
  std::atomic<int> epoll{-1};
  std::atomic<void*> handler{nullptr};
};
std::array<Registration, 4096> registrations;

void announce(int fd) {
  const auto index = static_cast<std::size_t>(fd);
  if (fd < 0 || index >= registrations.size() || registrations[index].epoll < 0) return;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = registrations[index].handler;
  ::syscall(SYS_epoll_ctl, registrations[index].epoll.load(), EPOLL_CTL_MOD, fd, &event);
}

/// What this call is to do.
std::int32_t strike(Kind kind, int fd) {
  if (!on_worker()) return kNothing;
  Control& shared = control();
  if (shared.countdown.load() <= 0 || (shared.kinds.load() & (1U << kind)) == 0) return kNothing;
  if (shared.countdown.fetch_sub(1) != 1) return kNothing;
  ++shared.hits;
  const std::int32_t action = shared.action.load();
  if (action == kJump) {
    shared.elapsed += shared.jump.load();
    announce(fd);  // A turn, in which the reactor looks at its clock.
    return kNothing;
  }
  return action;
}

/// Sets errno as an action says that is not a number of bytes.
int fail(std::int32_t action, int fd) {
  if (action == kAgain) announce(fd);
  errno = action == kAgain ? EAGAIN : action;
  return -1;
}

}  // namespace

extern "C" {

int __real_accept4(int fd, sockaddr* address, socklen_t* length, int flags);
int __real_socket(int domain, int type, int protocol);
int __real_connect(int fd, const sockaddr* address, socklen_t length);
int __real_getsockopt(int fd, int level, int name, void* value, socklen_t* length);
int __real_setsockopt(int fd, int level, int name, const void* value, socklen_t length);
int __real_epoll_ctl(int epoll, int operation, int fd, epoll_event* event);
int __real_epoll_wait(int epoll, epoll_event* events, int count, int timeout);
int __real_shutdown(int fd, int how);
ssize_t __real_recv(int fd, void* into, std::size_t size, int flags);
ssize_t __real_send(int fd, const void* from, std::size_t size, int flags);
ssize_t __real_sendmsg(int fd, const msghdr* message, int flags);
ssize_t __real_splice(int in, off64_t* in_at, int out, off64_t* out_at, std::size_t size,
                      unsigned flags);
std::chrono::steady_clock::time_point __real__ZNSt6chrono3_V212steady_clock3nowEv();

int __wrap_accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
  if (const auto action = strike(kAccept, fd); action != kNothing) return fail(action, fd);
  return __real_accept4(fd, address, length, flags);
}

int __wrap_socket(int domain, int type, int protocol) {
  if (const auto action = strike(kSocket, -1); action != kNothing) return fail(action, -1);
  return __real_socket(domain, type, protocol);
}

int __wrap_connect(int fd, const sockaddr* address, socklen_t length) {
  if (const auto action = strike(kConnect, fd); action != kNothing) return fail(action, fd);
  return __real_connect(fd, address, length);
}

int __wrap_getsockopt(int fd, int level, int name, void* value, socklen_t* length) {
  if (level == SOL_SOCKET && name == SO_ERROR) {
    if (const auto action = strike(kConnected, fd); action != kNothing) {
      *static_cast<int*>(value) = action;
      return 0;
    }
  }
  return __real_getsockopt(fd, level, name, value, length);
}

int __wrap_setsockopt(int fd, int level, int name, const void* value, socklen_t length) {
  if (const auto action = strike(kOption, fd); action != kNothing) return fail(action, fd);
  return __real_setsockopt(fd, level, name, value, length);
}

int __wrap_epoll_ctl(int epoll, int operation, int fd, epoll_event* event) {
  const auto index = static_cast<std::size_t>(fd);
  if (operation == EPOLL_CTL_ADD) {
    if (const auto action = strike(kRegister, fd); action != kNothing) return fail(action, fd);
    if (on_worker() && index < registrations.size()) {
      registrations[index].handler = event->data.ptr;
      registrations[index].epoll = epoll;
    }
  } else if (operation == EPOLL_CTL_DEL && index < registrations.size()) {
    registrations[index].epoll = -1;
  }
  return __real_epoll_ctl(epoll, operation, fd, event);
}

int __wrap_epoll_wait(int epoll, epoll_event* events, int count, int timeout) {
  if (const auto action = strike(kWait, -1); action != kNothing) return fail(action, -1);
  return __real_epoll_wait(epoll, events, count, timeout);
}

int __wrap_shutdown(int fd, int how) {
  if (const auto action = strike(kShutdown, fd); action != kNothing) return fail(action, fd);
  return __real_shutdown(fd, how);
}

ssize_t __wrap_recv(int fd, void* into, std::size_t size, int flags) {
  const auto action = strike(kRead, fd);
  if (action != kNothing && action != kShort) return fail(action, fd);
  const ssize_t got = __real_recv(fd, into, action == kShort ? 1 : size, flags);
  if (action == kShort) announce(fd);
  return got;
}

ssize_t __wrap_send(int fd, const void* from, std::size_t size, int flags) {
  const auto action = strike(kWrite, fd);
  if (action != kNothing && action != kShort) return fail(action, fd);
  const ssize_t sent = __real_send(fd, from, action == kShort ? 1 : size, flags);
  if (action == kShort) announce(fd);
  return sent;
}

ssize_t __wrap_sendmsg(int fd, const msghdr* message, int flags) {
  const auto action = strike(kWrite, fd);
  if (action == kNothing) return __real_sendmsg(fd, message, flags);
  if (action != kShort) return fail(action, fd);
  announce(fd);
  for (std::size_t i = 0; i < message->msg_iovlen; ++i) {
    const iovec& piece = message->msg_iov[i];
    if (piece.iov_len != 0) return __real_send(fd, piece.iov_base, 1, flags);
  }
  return __real_sendmsg(fd, message, flags);
}

/// Out of a socket it is a read, into one a write; the other end is a pipe.
ssize_t __wrap_splice(int in, off64_t* in_at, int out, off64_t* out_at, std::size_t size,
                      unsigned flags) {
  struct stat what {};
  const bool reads = ::fstat(in, &what) == 0 && S_ISSOCK(what.st_mode);
  const int fd = reads ? in : out;
  const auto action = strike(reads ? kRead : kWrite, fd);
  if (action != kNothing && action != kShort) return fail(action, fd);
  const ssize_t moved = __real_splice(in, in_at, out, out_at, action == kShort ? 1 : size, flags);
  if (action == kShort) announce(fd);
  return moved;
}

std::chrono::steady_clock::time_point __wrap__ZNSt6chrono3_V212steady_clock3nowEv() {
  const auto now = __real__ZNSt6chrono3_V212steady_clock3nowEv();
  return on_worker() ? now + std::chrono::nanoseconds(control().elapsed.load()) : now;
}

}  // extern "C"
