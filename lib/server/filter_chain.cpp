#include "server/filter_chain.hpp"

#include <stdexcept>

namespace holdfast::server {

FilterChain::FilterChain(const std::vector<config::HttpFilter>& config,
                         const filters::WorkerServices& services) {
  for (const config::HttpFilter& entry : config) {
    const filters::FilterType* type = filters::find_type(entry.type);
    if (type == nullptr || type->make == nullptr) continue;  // The router: the session's own step.
    if (filters_.size() == filters::Exchange::kMaxFilters) {
      throw std::invalid_argument("more than " + std::to_string(filters::Exchange::kMaxFilters) +
                                  " HTTP filters in one chain");
    }
    filters_.push_back(type->make(*entry.config, services, filters_.size()));
    filters::Filter* filter = filters_.back().get();
    if (type->hooks.request) request_hooks_.push_back(filter);
    if (type->hooks.response) response_hooks_.insert(response_hooks_.begin(), filter);
  }
}

}  // namespace holdfast::server
