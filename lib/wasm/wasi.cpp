// WASI, preview 1, as far as proxy-wasm-cpp-host has it: clocks, random bytes, the environment and
// standard output; no files, no sockets. Answers are those that Envoy 1.40 gives (Go's runtime
// needs some of them to be just so).
#include <sys/random.h>

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "wasm/imports.hpp"

namespace holdfast::wasm {
namespace {

// WASI's error numbers.
constexpr std::uint64_t kSuccess = 0;
constexpr std::uint64_t kBadDescriptor = 8;
constexpr std::uint64_t kFault = 21;
constexpr std::uint64_t kInvalid = 28;
constexpr std::uint64_t kNoEntry = 44;
constexpr std::uint64_t kNoSuchFunction = 52;
constexpr std::uint64_t kNotADirectory = 20;
constexpr std::uint64_t kNotSupported = 58;

constexpr std::uint32_t kMostRandomBytes = 64 * 1024;
constexpr std::uint32_t kMostPieces = 1024;
/// More is not taken at once, as a full pipe would not.
constexpr std::uint32_t kMostOutput = 256 * 1024;

[[nodiscard]] bool is_output(std::uint32_t descriptor) noexcept {
  return descriptor == 1 || descriptor == 2;
}

template <std::uint64_t Errno>
std::uint64_t always(Guest& /*guest*/, Words /*a*/) {
  return Errno;
}

/// Fine for standard output and error; there are no other files.
std::uint64_t output_only(Guest& /*guest*/, Words a) {
  return is_output(word(a, 0)) ? kSuccess : kBadDescriptor;
}

/// `pieces`: `count` times where and how long. Where to write how much was taken: `written`.
std::uint64_t write_pieces(Guest& guest, std::uint32_t descriptor, std::uint32_t pieces,
                           std::uint32_t count, std::uint32_t written) {
  if (!is_output(descriptor)) return kBadDescriptor;
  if (count > kMostPieces) return kInvalid;
  const auto level = descriptor == 1 ? base::LogLevel::info : base::LogLevel::error;
  std::uint32_t total = 0;
  for (std::uint64_t i = 0; i < count && total < kMostOutput; ++i) {
    const std::uint64_t at = pieces + 8 * i;
    if (at + 8 > std::uint64_t{UINT32_MAX} + 1) return kFault;
    const auto pointer = guest.vm().read_u32(static_cast<std::uint32_t>(at));
    const auto length = guest.vm().read_u32(static_cast<std::uint32_t>(at + 4));
    if (!pointer || !length) return kFault;
    if (*length == 0) continue;
    const auto text = guest.vm().read(*pointer, *length);
    if (!text) return kFault;
    const std::string_view taken = text->substr(0, kMostOutput - total);
    guest.write_output(level, taken);
    total += static_cast<std::uint32_t>(taken.size());
  }
  return guest.vm().write_u32(written, total) ? kSuccess : kFault;
}

std::uint64_t fd_write(Guest& guest, Words a) {
  return write_pieces(guest, word(a, 0), word(a, 1), word(a, 2), word(a, 3));
}

std::uint64_t fd_pwrite(Guest& guest, Words a) {
  return write_pieces(guest, word(a, 0), word(a, 1), word(a, 2), word(a, 4));
}

std::uint64_t fd_tell(Guest& guest, Words a) {
  if (!is_output(word(a, 0))) return kBadDescriptor;
  return guest.vm().write_u64(word(a, 1), 0) ? kSuccess : kFault;
}

std::uint64_t fd_renumber(Guest& /*guest*/, Words a) {
  return is_output(word(a, 0)) && is_output(word(a, 1)) ? kNotSupported : kBadDescriptor;
}

std::uint64_t fd_fdstat_get(Guest& guest, Words a) {
  if (!is_output(word(a, 0))) return kBadDescriptor;
  std::array<char, 24> stat{};
  stat[8] = 64;  // The right to write.
  (void)guest.vm().write(word(a, 1), std::string_view(stat.data(), stat.size()));
  return kSuccess;
}

std::uint64_t environ_sizes_get(Guest& guest, Words a) {
  const auto& environment = guest.vm_config().environment;
  std::size_t size = 0;
  for (const auto& [name, value] : environment) size += name.size() + value.size() + 2;
  const bool written =
      guest.vm().write_u32(word(a, 0), static_cast<std::uint32_t>(environment.size())) &&
      guest.vm().write_u32(word(a, 1), static_cast<std::uint32_t>(size));
  return written ? kSuccess : kFault;
}

std::uint64_t environ_get(Guest& guest, Words a) {
  std::uint32_t pointers = word(a, 0);
  std::uint32_t text = word(a, 1);
  for (const auto& [name, value] : guest.vm_config().environment) {
    std::string& line = guest.scratch;
    line.assign(name).append("=").append(value).push_back('\0');
    if (!guest.vm().write_u32(pointers, text) || !guest.vm().write(text, line)) return kFault;
    pointers += 4;
    text += static_cast<std::uint32_t>(line.size());
  }
  return kSuccess;
}

std::uint64_t args_sizes_get(Guest& guest, Words a) {
  return guest.vm().write_u32(word(a, 0), 0) && guest.vm().write_u32(word(a, 1), 0) ? kSuccess
                                                                                    : kFault;
}

std::uint64_t clock_time_get(Guest& guest, Words a) {
  std::chrono::nanoseconds now{0};
  switch (word(a, 0)) {
    case 0:
      now = std::chrono::system_clock::now().time_since_epoch();
      break;
    case 1:
      now = std::chrono::steady_clock::now().time_since_epoch();
      break;
    default:
      return kNotSupported;
  }
  return guest.vm().write_u64(word(a, 2), static_cast<std::uint64_t>(now.count())) ? kSuccess
                                                                                   : kFault;
}

std::uint64_t clock_res_get(Guest& guest, Words a) {
  if (word(a, 0) > 1) return kNotSupported;
  return guest.vm().write_u64(word(a, 1), 1) ? kSuccess : kFault;
}

std::uint64_t random_get(Guest& guest, Words a) {
  const std::uint32_t length = word(a, 1);
  if (length > kMostRandomBytes) return kInvalid;
  std::string& random = guest.scratch;
  random.resize(length);
  std::size_t done = 0;
  while (done < length) {
    const ssize_t more = getrandom(random.data() + done, length - done, 0);
    if (more > 0) done += static_cast<std::size_t>(more);
  }
  return length == 0 || guest.vm().write(word(a, 0), random) ? kSuccess : kFault;
}

/// No events, ever; but a success, without which Go's runtime gives up.
std::uint64_t poll_oneoff(Guest& guest, Words a) {
  return guest.vm().write_u32(word(a, 3), 0) ? kSuccess : kFault;
}

std::uint64_t proc_exit(Guest& guest, Words a) {
  guest.vm().trap_now(TrapKind::exit,
                      "proc_exit(" + std::to_string(static_cast<std::int32_t>(word(a, 0))) + ")");
  return 0;
}

constexpr std::string_view kModule = "wasi_snapshot_preview1";

constexpr std::array kImports = {
    HostImport{kModule, "args_get", "ii", "i", always<kSuccess>},
    HostImport{kModule, "args_sizes_get", "ii", "i", args_sizes_get},
    HostImport{kModule, "clock_res_get", "ii", "i", clock_res_get},
    HostImport{kModule, "clock_time_get", "iIi", "i", clock_time_get},
    HostImport{kModule, "environ_get", "ii", "i", environ_get},
    HostImport{kModule, "environ_sizes_get", "ii", "i", environ_sizes_get},
    HostImport{kModule, "fd_advise", "iIIi", "i", always<kSuccess>},
    HostImport{kModule, "fd_allocate", "iII", "i", output_only},
    HostImport{kModule, "fd_close", "i", "i", always<kSuccess>},
    HostImport{kModule, "fd_datasync", "i", "i", output_only},
    HostImport{kModule, "fd_fdstat_get", "ii", "i", fd_fdstat_get},
    HostImport{kModule, "fd_fdstat_set_flags", "ii", "i", always<kNoSuchFunction>},
    HostImport{kModule, "fd_fdstat_set_rights", "iII", "i", output_only},
    HostImport{kModule, "fd_filestat_get", "ii", "i", always<kBadDescriptor>},
    HostImport{kModule, "fd_filestat_set_size", "iI", "i", output_only},
    HostImport{kModule, "fd_filestat_set_times", "iIIi", "i", output_only},
    HostImport{kModule, "fd_pread", "iiiIi", "i", always<kNoSuchFunction>},
    HostImport{kModule, "fd_prestat_dir_name", "iii", "i", always<kNoSuchFunction>},
    HostImport{kModule, "fd_prestat_get", "ii", "i", always<kBadDescriptor>},
    HostImport{kModule, "fd_pwrite", "iiiIi", "i", fd_pwrite},
    HostImport{kModule, "fd_read", "iiii", "i", always<kNoSuchFunction>},
    HostImport{kModule, "fd_readdir", "iiiIi", "i", always<kNotADirectory>},
    HostImport{kModule, "fd_renumber", "ii", "i", fd_renumber},
    HostImport{kModule, "fd_seek", "iIii", "i", always<kSuccess>},
    HostImport{kModule, "fd_sync", "i", "i", output_only},
    HostImport{kModule, "fd_tell", "ii", "i", fd_tell},
    HostImport{kModule, "fd_write", "iiii", "i", fd_write},
    HostImport{kModule, "path_create_directory", "iii", "i", always<kNotSupported>},
    HostImport{kModule, "path_filestat_get", "iiiii", "i", always<kNotSupported>},
    HostImport{kModule, "path_filestat_set_times", "iiiiIIi", "i", always<kNotSupported>},
    HostImport{kModule, "path_link", "iiiiiii", "i", always<kNotSupported>},
    HostImport{kModule, "path_open", "iiiiiIIii", "i", always<kNoEntry>},
    HostImport{kModule, "path_readlink", "iiiiii", "i", always<kNotSupported>},
    HostImport{kModule, "path_remove_directory", "iii", "i", always<kNotSupported>},
    HostImport{kModule, "path_rename", "iiiiii", "i", always<kNotSupported>},
    HostImport{kModule, "path_symlink", "iiiii", "i", always<kNotSupported>},
    HostImport{kModule, "path_unlink_file", "iii", "i", always<kNotSupported>},
    HostImport{kModule, "poll_oneoff", "iiii", "i", poll_oneoff},
    HostImport{kModule, "proc_exit", "i", "", proc_exit},
    HostImport{kModule, "proc_raise", "i", "i", always<kNoSuchFunction>},
    HostImport{kModule, "random_get", "ii", "i", random_get},
    HostImport{kModule, "sched_yield", "", "i", always<kSuccess>},
    HostImport{kModule, "sock_accept", "iii", "i", always<kNotSupported>},
    HostImport{kModule, "sock_recv", "iiiiii", "i", always<kNotSupported>},
    HostImport{kModule, "sock_send", "iiiii", "i", always<kNotSupported>},
    HostImport{kModule, "sock_shutdown", "ii", "i", always<kNotSupported>},
};

/// The same for modules that know the interface by its older name.
std::vector<HostImport> with_old_name() {
  std::vector<HostImport> all(kImports.begin(), kImports.end());
  for (HostImport import : kImports) {
    import.module = "wasi_unstable";
    all.push_back(import);
  }
  return all;
}

}  // namespace

std::span<const HostImport> wasi_imports() noexcept {
  static const std::vector<HostImport> all = with_old_name();
  return all;
}

}  // namespace holdfast::wasm
