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

  /// Put a filter behind those that are there. REQUIRES: its index is their number, and no exchange
  /// has begun.
  void add(std::unique_ptr<filters::Filter> filter, const filters::Hooks& hooks);

  /// Some filter looks at bodies: messages go through a FilterPipeline.
  [[nodiscard]] bool has_body_hooks() const noexcept { return has_body_hooks_; }
  /// In configured order: those with a hook for requests' heads or bodies.
  [[nodiscard]] const std::vector<filters::Filter*>& request_hooks() const noexcept {
    return request_hooks_;
  }
  /// Likewise for responses, in reverse order, as Envoy's encoder filters run.
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
  bool has_body_hooks_ = false;
};

}  // namespace holdfast::server
