// The CPU time of a thread.
//
// Thread: any; it tells of the one that asks. A system call: some 200 ns.
#pragma once

#include <chrono>
#include <ctime>

namespace holdfast::base {

[[nodiscard]] inline std::chrono::nanoseconds thread_cpu_time() noexcept {
  std::timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

}  // namespace holdfast::base
