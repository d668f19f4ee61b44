// One scope of stats as the Registry keeps it: a table, the structs that fill it, and how it is
// called.
//
// Owner: the Registry; control thread. Read only: it never writes a cell. Internal to the stats
// room.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stats/metrics_page.hpp"
#include "stats/registry.hpp"
#include "stats/tables.hpp"

namespace holdfast::stats {

class Scope {
 public:
  enum class View : std::uint8_t { envoy, metrics, both };

  Scope(std::string prefix, Labels labels, View view)
      : prefix_(std::move(prefix)), labels_(std::move(labels)), view_(view) {}
  virtual ~Scope() = default;
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  void collect(std::vector<Stat>& out) const {
    if (view_ != View::metrics) do_collect(out);
  }
  void metrics(MetricsPage& page) const {
    if (view_ != View::envoy) do_metrics(page);
  }
  [[nodiscard]] const std::string& prefix() const noexcept { return prefix_; }
  [[nodiscard]] View view() const noexcept { return view_; }

 protected:
  [[nodiscard]] const Labels& labels() const noexcept { return labels_; }

 private:
  virtual void do_collect(std::vector<Stat>& out) const = 0;
  virtual void do_metrics(MetricsPage& page) const = 0;

  const std::string prefix_;
  const Labels labels_;
  const View view_;
};

template <class S>
class ScopeOf final : public Scope {
 public:
  ScopeOf(std::string prefix, Labels labels, View view, std::span<const Row<S>> rows,
          std::vector<const S*> workers)
      : Scope(std::move(prefix), std::move(labels), view),
        rows_(rows),
        workers_(std::move(workers)) {}

  /// `rows`: a scope may be registered with more rows than before; tables extend one another.
  void extend(std::span<const Row<S>> rows, const std::vector<const S*>& workers) {
    if (rows.size() > rows_.size()) rows_ = rows;
    workers_.insert(workers_.end(), workers.begin(), workers.end());
  }

 private:
  void do_collect(std::vector<Stat>& out) const override {
    for (const Row<S>& row : rows_) {
      if (row.show == Show::metrics) continue;
      const std::string name = prefix() + std::string(row.name);
      if (const auto* cell = std::get_if<Cell S::*>(&row.member)) {
        push(out, name, row, fold(row, *cell));
        if (row.show == Show::per_worker) collect_workers(out, row, *cell);
      } else if (const auto* codes = std::get_if<StatusCounts S::*>(&row.member)) {
        collect_codes(out, row, name, *codes);
      } else {
        Stat stat{name, StatType::histogram, false, 0, snapshot(row), {}};
        stat.used = !stat.cumulative.empty();
        if (stat.used || row.show != Show::when_used) out.push_back(std::move(stat));
      }
    }
  }

  void do_metrics(MetricsPage& page) const override {
    for (const Row<S>& row : rows_) {
      if (row.metric.name.empty()) continue;
      Labels labels = this->labels();
      if (!row.metric.label.empty()) labels.emplace_back(row.metric.label, row.metric.value);
      const std::string_view help =
          row.metric.label.empty() ? row.help : family_help(row.metric.name);
      if (const auto* cell = std::get_if<Cell S::*>(&row.member)) {
        page.add(row.metric.name, row.type, help, labels, fold(row, *cell));
      } else if (const auto* codes = std::get_if<StatusCounts S::*>(&row.member)) {
        labels.emplace_back("code", std::string());
        for (unsigned code = StatusCounts::kFirstCode; code <= StatusCounts::kLastCode; ++code) {
          const std::uint64_t count =
              total(*codes, [code](const StatusCounts& s) { return s.code(code); });
          if (count == 0) continue;
          labels.back().second = std::to_string(code);
          page.add(row.metric.name, row.type, help, labels, count);
        }
      } else {
        page.add(row.metric.name, help, labels, snapshot(row));
      }
    }
  }

  void push(std::vector<Stat>& out, std::string name, const Row<S>& row,
            std::uint64_t value) const {
    if (value == 0 && row.show == Show::when_used) return;
    out.push_back(Stat{std::move(name), row.type, value != 0, value, {}, {}});
  }

  void collect_workers(std::vector<Stat>& out, const Row<S>& row, Cell S::*cell) const {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      push(out, prefix() + "worker_" + std::to_string(i) + "." + std::string(row.name), row,
           (workers_[i]->*cell).get());
    }
  }

  void collect_codes(std::vector<Stat>& out, const Row<S>& row, const std::string& name,
                     StatusCounts S::*codes) const {
    push(out, name + "_completed", row,
         total(codes, [](const StatusCounts& s) { return s.completed(); }));
    const bool exact = row.codes == Codes::classes_and_codes;
    for (unsigned hundreds = 1; hundreds <= StatusCounts::kClasses; ++hundreds) {
      const std::uint64_t count =
          total(codes, [hundreds](const StatusCounts& s) { return s.of_class(hundreds); });
      if (count == 0 && exact) continue;  // Envoy makes an upstream's classes at first use.
      push(out, name + "_" + std::to_string(hundreds) + "xx", row, count);
      if (!exact) continue;
      for (unsigned code = hundreds * 100; code < (hundreds + 1) * 100; ++code) {
        const std::uint64_t one =
            total(codes, [code](const StatusCounts& s) { return s.code(code); });
        if (one != 0) push(out, name + "_" + std::to_string(code), row, one);
      }
    }
  }

  template <class Read>
  std::uint64_t total(StatusCounts S::*codes, Read read) const {
    std::uint64_t sum = 0;
    for (const S* worker : workers_) sum += read(worker->*codes);
    return sum;
  }

  std::uint64_t fold(const Row<S>& row, Cell S::*cell) const {
    std::uint64_t sum = 0;
    for (const S* worker : workers_) sum += (worker->*cell).get();
    if (row.fold == Fold::any) return sum == 0 ? 0 : 1;
    // The workers' cells are not read at one instant, so a gauge may come out below zero.
    if (row.type == StatType::gauge && static_cast<std::int64_t>(sum) < 0) return 0;
    return sum;
  }

  HistogramSnapshot snapshot(const Row<S>& row) const {
    HistogramSnapshot result;
    const auto member = std::get<Histogram S::*>(row.member);
    for (const S* worker : workers_) result.add(worker->*member);
    return result;
  }

  std::span<const Row<S>> rows_;
  std::vector<const S*> workers_;
};

}  // namespace holdfast::stats
