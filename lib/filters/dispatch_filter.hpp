// DispatchFilter: the running half of the dispatch filter (dispatch.hpp).
//
// Owner: the worker's filter chain. Thread: the worker's; the counters of arrivals are touched on
// strand_ only, which is entered once for all that arrive in one turn.
#pragma once

#include <boost/asio/strand.hpp>
#include <memory>
#include <vector>

#include "filters/dispatch.hpp"
#include "stats/scopes.hpp"

namespace holdfast::filters {

class DispatchFilter final : public Filter {
 public:
  DispatchFilter(const DispatchConfig& config, const WorkerServices& services, std::size_t index);
  ~DispatchFilter() override;

  Verdict on_response(Exchange& exchange) noexcept override;
  std::chrono::milliseconds on_hold_expired(Exchange& exchange) noexcept override;
  void on_hold_cancelled(Exchange& exchange) noexcept override { on_end(exchange); }
  void on_end(Exchange& exchange) noexcept override;
  void add_stats(stats::Registry& registry) const override;

 private:
  struct Join;
  struct Arrival {
    Join* join;
    std::uint32_t serial;  ///< Which use of the join; an arrival for an earlier one is dropped.
    bool failed;
  };
  class ArrivalTurn final : public net::IoHandler {
   public:
    explicit ArrivalTurn(DispatchFilter& filter) : filter_(filter) {}
    void on_io(std::uint32_t) noexcept override { filter_.enter_strand(); }

   private:
    DispatchFilter& filter_;
  };
  void start_calls(Join& join) noexcept;
  [[nodiscard]] upstream::Call* start_call(Join& join, std::uint32_t wanted,
                                           upstream::CallResult& failure) noexcept;
  void count(const upstream::CallResult& result) noexcept;
  void arrive(Join& join, bool failed) noexcept;
  void enter_strand() noexcept;
  void on_arrivals() noexcept;
  void on_arrival(Join& join, bool failed) noexcept;
  void settle(Join& join, Exchange& exchange) noexcept;
  std::uint32_t cancel_calls(Join& join, bool late) noexcept;
  [[nodiscard]] Join* take_join();
  void give_back(Join& join, Exchange& exchange) noexcept;

  // Constant after construction.
  const DispatchConfig& config_;
  upstream::Cluster& cluster_;
  upstream::CallPool& calls_;
  const upstream::CallRequest request_;
  const std::string count_text_;
  // Touched only on the worker.
  boost::asio::strand<boost::asio::io_context::executor_type> strand_;
  std::vector<Arrival> arrivals_;  ///< Of this turn.
  ArrivalTurn arrival_turn_{*this};
  std::vector<std::unique_ptr<Join>> joins_;
  std::vector<Join*> free_joins_;
  std::uint32_t in_flight_ = 0;
  stats::DispatchStats stats_;
};

[[nodiscard]] std::unique_ptr<Filter> make_dispatch_filter(const config::FilterConfig& config,
                                                           const WorkerServices& services,
                                                           std::size_t index);

}  // namespace holdfast::filters
