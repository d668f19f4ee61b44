// Tries what a sandbox should refuse, and prints one line for each: the name and what became of it.
// Changes nothing where it is allowed, but for one file.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <thread>

namespace {

void tell(const char* what, long result) {
  std::printf("%s %s\n", what, result < 0 ? strerrorname_np(errno) : "done");
}

/// Waited for before ptrace is tried: the signal of its end would stop a traced process for ever.
void child(long pid) {
  if (pid == 0) _exit(0);
  if (pid > 0) ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
}

}  // namespace

int main(int argc, char** argv) {
  const auto make = [](const char* path) {
    return ::open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  };
  tell("write-elsewhere", make("/tmp/hardening-probe"));
  if (argc > 1) tell("write-own", make(argv[1]));
  tell("become-root", ::setuid(0));
  const long forked = ::syscall(SYS_clone, 17L, 0L, 0L, 0L, 0L);  // 17: SIGCHLD, which is fork.
  child(forked);
  tell("fork", forked);
  tell("ptrace", ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr));
  tell("mount", ::mount("none", "/tmp", "no-such-type", 0, nullptr));
  tell("unshare", ::unshare(0x10000000));
  tell("bpf", ::syscall(SYS_bpf, 0, nullptr, 0));
  tell("kill", ::syscall(SYS_kill, 1, 0));
  tell("io_uring_setup", ::syscall(SYS_io_uring_setup, 1, nullptr));
  tell("memfd_create", ::syscall(SYS_memfd_create, "x", 0));
  tell("unlink", ::unlink("/tmp/hardening-probe"));
  tell("crypto-socket", ::socket(AF_ALG, SOCK_SEQPACKET, 0));
  tell("inet-socket", ::socket(AF_INET, SOCK_STREAM, 0));
  std::thread([] { tell("thread", 0); }).join();
}
