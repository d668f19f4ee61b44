#include "server/filter_chain.hpp"

#include <stdexcept>
#include <string>
#include <utility>

namespace holdfast::server {

FilterChain::FilterChain(const std::vector<config::HttpFilter>& config,
                         const filters::WorkerServices& services) {
  for (const config::HttpFilter& entry : config) {
    const filters::FilterType* type = filters::find_type(entry.type);
    if (type == nullptr || type->make == nullptr) continue;  // The router: the session's own step.
    add(type->make(*entry.config, services, filters_.size()), type->hooks);
  }
}

void FilterChain::add(std::unique_ptr<filters::Filter> filter, const filters::Hooks& hooks) {
  if (filters_.size() == filters::Exchange::kMaxFilters) {
    throw std::invalid_argument("more than " + std::to_string(filters::Exchange::kMaxFilters) +
                                " HTTP filters in one chain");
  }
  if (hooks.request || hooks.request_body) request_hooks_.push_back(filter.get());
  if (hooks.response || hooks.response_body) {
    response_hooks_.insert(response_hooks_.begin(), filter.get());
  }
  has_body_hooks_ = has_body_hooks_ || hooks.request_body || hooks.response_body;
  filters_.push_back(std::move(filter));
}

}  // namespace holdfast::server
