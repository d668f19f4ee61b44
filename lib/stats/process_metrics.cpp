#include "stats/process_metrics.hpp"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>

namespace holdfast::stats {

namespace {

struct ProcStat {
  double cpu_seconds = 0;
  double start_seconds_after_boot = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t threads = 0;
};

/// proc(5), /proc/self/stat: the fields behind the command's name, which may itself hold spaces.
std::optional<ProcStat> read_proc_stat() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  const std::size_t command_end = line.rfind(')');
  if (command_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(command_end + 1));
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  ProcStat stat;
  std::string skipped;
  for (int field = 3; field <= 24; ++field) {
    std::uint64_t value = 0;
    if (field != 14 && field != 15 && field != 20 && field != 22 && field != 23 && field != 24) {
      fields >> skipped;
      continue;
    }
    if (!(fields >> value)) return std::nullopt;
    switch (field) {
      case 14:
      case 15:
        stat.cpu_seconds += static_cast<double>(value) / ticks;
        break;
      case 20:
        stat.threads = value;
        break;
      case 22:
        stat.start_seconds_after_boot = static_cast<double>(value) / ticks;
        break;
      case 23:
        stat.virtual_bytes = value;
        break;
      default:
        stat.resident_bytes = value * page;
    }
  }
  return stat;
}

/// Seconds since the epoch. By the clocks, not from /proc/stat, which a sandbox may hide; once, so
/// that the start time is the same in each scrape.
double boot_time() {
  static const double result = [] {
    timespec now{};
    timespec up{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    ::clock_gettime(CLOCK_BOOTTIME, &up);
    return static_cast<double>(now.tv_sec - up.tv_sec) +
           static_cast<double>(now.tv_nsec - up.tv_nsec) / 1e9;
  }();
  return result;
}

std::optional<std::uint64_t> open_descriptors() {
  std::error_code error;
  std::filesystem::directory_iterator at("/proc/self/fd", error);
  std::uint64_t count = 0;
  for (const std::filesystem::directory_iterator end; !error && at != end; at.increment(error)) {
    ++count;
  }
  if (error || count == 0) return std::nullopt;
  return count - 1;  // One is the directory's own.
}

}  // namespace

void add_process_metrics(MetricsPage& page) {
  if (const auto stat = read_proc_stat()) {
    page.add("process_cpu_seconds_total", StatType::counter,
             "Total user and system CPU time spent in seconds.", {}, stat->cpu_seconds);
    page.add("process_virtual_memory_bytes", StatType::gauge, "Virtual memory size in bytes.", {},
             stat->virtual_bytes);
    page.add("process_resident_memory_bytes", StatType::gauge, "Resident memory size in bytes.", {},
             stat->resident_bytes);
    page.add("process_threads", StatType::gauge, "Number of OS threads in the process.", {},
             stat->threads);
    page.add("process_start_time_seconds", StatType::gauge,
             "Start time of the process since unix epoch in seconds.", {},
             boot_time() + stat->start_seconds_after_boot);
  }
  if (const auto count = open_descriptors()) {
    page.add("process_open_fds", StatType::gauge, "Number of open file descriptors.", {}, *count);
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    page.add("process_max_fds", StatType::gauge, "Maximum number of open file descriptors.", {},
             static_cast<std::uint64_t>(limit.rlim_cur));
  }
}

void refresh_memory(ServerStats& server) {
  const struct mallinfo2 heap = ::mallinfo2();
  server.memory_allocated.set(heap.uordblks + heap.hblkhd);
  server.memory_heap_size.set(heap.arena + heap.hblkhd);
  if (const auto stat = read_proc_stat()) server.memory_physical_size.set(stat->resident_bytes);
}

}  // namespace holdfast::stats
