// Stats whose names are known only at run time: the metrics that plugins define.
//
// Owner: the server; outlives the workers. Any thread defines (under a mutex; defining a name again
// with the same type gives the same index); each worker writes its own cells without a lock; the
// control thread reads. Names are as /stats shows them
// ("wasmcustom.my_counter"); the Registry prints them, tags extracted by stats_config as from any
// other name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stats/stat_type.hpp"

namespace holdfast::stats {

struct Stat;

class CustomStats {
 public:
  explicit CustomStats(unsigned workers);
  ~CustomStats();
  CustomStats(const CustomStats&) = delete;
  CustomStats& operator=(const CustomStats&) = delete;

  /// What names begin with in /stats. Envoy's Prometheus page leaves it out.
  static constexpr std::string_view kNamespace = "wasmcustom.";

  /// So many at most: a plugin must not grow the process by defining names.
  static constexpr std::size_t kMost = 10'000;
  static constexpr std::size_t kMostHistograms = 1'000;  ///< Of these; each takes 8 KB per worker.
  static constexpr std::size_t kLongestName = 4'096;

  /// Nullopt: too many, a name too long, or one that has another type already.
  [[nodiscard]] std::optional<std::uint32_t> define(std::string_view name, StatType type);
  // REQUIRES: an index from define(). `worker`: the caller's.
  void add(std::uint32_t index, unsigned worker, std::int64_t delta) noexcept;
  void set(std::uint32_t index, unsigned worker,
           std::uint64_t value) noexcept;  ///< Gauge: for the process as a whole.
  void record(std::uint32_t index, unsigned worker, std::uint64_t value) noexcept;
  [[nodiscard]] std::uint64_t get(std::uint32_t index) const noexcept;  ///< Over all workers.
  [[nodiscard]] StatType type(std::uint32_t index) const noexcept;

  /// Control thread: all of them, as Registry::collect() wants them.
  void collect(std::vector<Stat>& out) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::stats
