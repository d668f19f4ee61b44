// A build without plugins: the loader refuses them by name (wasm_config.cpp), so none is ever made.
#include "filters/network_filter.hpp"
#include "filters/plugins.hpp"
#include "filters/wasm_config.hpp"

namespace holdfast::filters {

std::unique_ptr<Filter> make_wasm_filter(const config::FilterConfig& /*config*/,
                                         const WorkerServices& /*services*/,
                                         std::size_t /*index*/) {
  return nullptr;
}

std::unique_ptr<NetworkFilter> make_network_filter(const config::Extension& /*filter*/,
                                                   WorkerPlugins* /*plugins*/) {
  return nullptr;
}

std::unique_ptr<SharedPlugins> make_shared_plugins(const config::Bootstrap& /*bootstrap*/,
                                                   stats::CustomStats& /*metrics*/) {
  return nullptr;
}

std::unique_ptr<WorkerPlugins> make_worker_plugins(SharedPlugins& /*shared*/,
                                                   net::Worker& /*worker*/,
                                                   upstream::ClusterManager& /*clusters*/) {
  return nullptr;
}

}  // namespace holdfast::filters
