#include <array>

#include "admin/host_rows.hpp"

namespace holdfast::admin {

namespace {

// By name, as /clusters prints them.
constexpr std::array<HostRow, 9> kRows{{
    {"cx_active", &HostCounts::cx_active, &stats::HostStats::cx_active, true},
    {"cx_connect_fail", &HostCounts::cx_connect_fail, &stats::HostStats::cx_connect_fail, false},
    {"cx_total", &HostCounts::cx_total, &stats::HostStats::cx_total, false},
    {"rq_active", &HostCounts::rq_active, &stats::HostStats::rq_active, true},
    {"rq_error", &HostCounts::rq_error, &stats::HostStats::rq_error, false},
    {"rq_pending_active", &HostCounts::rq_pending_active, &stats::HostStats::rq_pending_active,
     true},
    {"rq_success", &HostCounts::rq_success, &stats::HostStats::rq_success, false},
    {"rq_timeout", &HostCounts::rq_timeout, &stats::HostStats::rq_timeout, false},
    {"rq_total", &HostCounts::rq_total, &stats::HostStats::rq_total, false},
}};

}  // namespace

std::span<const HostRow> host_rows() {
  return kRows;
}

void HostCounts::add(const stats::HostStats& worker) noexcept {
  for (const HostRow& row : kRows) this->*row.count += (worker.*row.cell).get();
}

}  // namespace holdfast::admin
