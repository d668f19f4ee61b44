// An endpoint's counters: their names, and how HostCounts and stats::HostStats correspond.
//
// Constant data; internal to the admin room.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "admin/hooks.hpp"

namespace holdfast::admin {

struct HostRow {
  std::string_view name;
  std::uint64_t HostCounts::*count;
  stats::Cell stats::HostStats::*cell;
  bool gauge;
};

std::span<const HostRow> host_rows();

}  // namespace holdfast::admin
