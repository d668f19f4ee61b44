// The filters of one listener on one worker, as two flat arrays that hold only those with the hook
// in question.
//
// Owner: the worker's HttpContext. Constant after construction; the filters themselves belong to
// the worker.
#pragma once

#include <memory>
#include <vector>

#include "config/config.hpp"
#include "filters/registry.hpp"

namespace holdfast::server {

class FilterChain {
 public:
  FilterChain(const std::vector<config::HttpFilter>& config,
              const filters::WorkerServices& services);

  /// In configured order.
  [[nodiscard]] const std::vector<filters::Filter*>& request_hooks() const noexcept {
    return request_hooks_;
  }
  /// In reverse order, as Envoy's encoder filters run.
  [[nodiscard]] const std::vector<filters::Filter*>& response_hooks() const noexcept {
    return response_hooks_;
  }
  [[nodiscard]] const std::vector<std::unique_ptr<filters::Filter>>& all() const noexcept {
    return filters_;
  }

 private:
  std::vector<std::unique_ptr<filters::Filter>> filters_;
  std::vector<filters::Filter*> request_hooks_;
  std::vector<filters::Filter*> response_hooks_;
};

}  // namespace holdfast::server
