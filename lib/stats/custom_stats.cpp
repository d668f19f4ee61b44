#include "stats/custom_stats.hpp"

#include <array>
#include <atomic>
#include <map>
#include <mutex>

#include "stats/cell.hpp"
#include "stats/histogram.hpp"
#include "stats/registry.hpp"

namespace holdfast::stats {
namespace {

/// Stats come in chunks that never move, so that workers find theirs without a lock.
constexpr std::size_t kPerChunk = 128;
constexpr std::size_t kChunks = (CustomStats::kMost + kPerChunk - 1) / kPerChunk;

struct Chunk {
  explicit Chunk(unsigned workers) : counters(std::make_unique<Row[]>(workers)) {}

  struct alignas(kCacheLine) Row {
    std::array<Cell, kPerChunk> cells;
  };
  // Written by define() before it publishes the index, constant after that.
  std::array<StatType, kPerChunk> types{};
  std::array<std::unique_ptr<Histogram[]>, kPerChunk> histograms;  ///< One per worker.
  // Written by the workers.
  const std::unique_ptr<Row[]> counters;  ///< One per worker, each on cache lines of its own.
  /// One value for the process: set() by one worker must hold for all.
  std::array<std::atomic<std::uint64_t>, kPerChunk> gauges{};
};

}  // namespace

struct CustomStats::Impl {
  explicit Impl(unsigned count) : workers(count) {}
  ~Impl() {
    for (auto& chunk : chunks) delete chunk.load(std::memory_order_relaxed);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[nodiscard]] Chunk& chunk(std::uint32_t index) const noexcept {
    return *chunks[index / kPerChunk].load(std::memory_order_acquire);
  }
  [[nodiscard]] std::uint64_t value(std::uint32_t index) const noexcept {
    const Chunk& at = chunk(index);
    const std::size_t i = index % kPerChunk;
    if (at.types[i] == StatType::gauge) return at.gauges[i].load(std::memory_order_relaxed);
    std::uint64_t sum = 0;
    for (unsigned worker = 0; worker < workers; ++worker) sum += at.counters[worker].cells[i].get();
    return sum;
  }

  const unsigned workers;
  std::array<std::atomic<Chunk*>, kChunks> chunks{};
  std::mutex mutex;
  std::map<std::string, std::uint32_t, std::less<>> names;  ///< Guarded by mutex, as all below.
  std::size_t histograms = 0;
};

CustomStats::CustomStats(unsigned workers) : impl_(std::make_unique<Impl>(workers)) {}
CustomStats::~CustomStats() = default;

std::optional<std::uint32_t> CustomStats::define(std::string_view name, StatType type) {
  while (name.ends_with('.')) name.remove_suffix(1);  // As Envoy's symbol table.
  const std::lock_guard lock(impl_->mutex);
  if (const auto found = impl_->names.find(name); found != impl_->names.end()) {
    if (this->type(found->second) != type) return std::nullopt;
    return found->second;
  }
  const bool histogram = type == StatType::histogram;
  if (impl_->names.size() == kMost || name.size() > kLongestName) return std::nullopt;
  if (histogram && impl_->histograms == kMostHistograms) return std::nullopt;
  const auto index = static_cast<std::uint32_t>(impl_->names.size());
  auto& slot = impl_->chunks[index / kPerChunk];
  if (slot.load(std::memory_order_relaxed) == nullptr) {
    slot.store(new Chunk(impl_->workers), std::memory_order_release);
  }
  Chunk& chunk = impl_->chunk(index);
  chunk.types[index % kPerChunk] = type;
  if (histogram) {
    ++impl_->histograms;
    chunk.histograms[index % kPerChunk] = std::make_unique<Histogram[]>(impl_->workers);
  }
  impl_->names.emplace(name, index);
  return index;
}

void CustomStats::add(std::uint32_t index, unsigned worker, std::int64_t delta) noexcept {
  Chunk& chunk = impl_->chunk(index);
  const std::size_t i = index % kPerChunk;
  const auto n = static_cast<std::uint64_t>(delta);
  if (chunk.types[i] == StatType::gauge) {
    chunk.gauges[i].fetch_add(n, std::memory_order_relaxed);
  } else {
    chunk.counters[worker].cells[i].add(n);
  }
}

void CustomStats::set(std::uint32_t index, unsigned /*worker*/, std::uint64_t value) noexcept {
  impl_->chunk(index).gauges[index % kPerChunk].store(value, std::memory_order_relaxed);
}

void CustomStats::record(std::uint32_t index, unsigned worker, std::uint64_t value) noexcept {
  impl_->chunk(index).histograms[index % kPerChunk][worker].record(value);
}

std::uint64_t CustomStats::get(std::uint32_t index) const noexcept {
  return impl_->value(index);
}

StatType CustomStats::type(std::uint32_t index) const noexcept {
  return impl_->chunk(index).types[index % kPerChunk];
}

void CustomStats::collect(std::vector<Stat>& out) const {
  const std::lock_guard lock(impl_->mutex);
  for (const auto& [name, index] : impl_->names) {
    Stat stat;
    stat.name = name;
    stat.type = type(index);
    if (stat.type == StatType::histogram) {
      stat.cumulative = HistogramSnapshot(HistogramSnapshot::Unit::plain);
      const auto& workers = impl_->chunk(index).histograms[index % kPerChunk];
      for (unsigned worker = 0; worker < impl_->workers; ++worker) {
        stat.cumulative.add(workers[worker]);
      }
      stat.used = !stat.cumulative.empty();
    } else {
      stat.value = impl_->value(index);
      stat.used = stat.value != 0;
    }
    out.push_back(std::move(stat));
  }
}

}  // namespace holdfast::stats
