#include "config/check.hpp"

#include <arpa/inet.h>

#include <map>
#include <string>

namespace holdfast::config {
namespace {

using ClusterIndex = std::map<std::string, std::size_t, std::less<>>;

ClusterIndex index_clusters(const Bootstrap& bootstrap, Context& context) {
  ClusterIndex index;
  for (std::size_t i = 0; i < bootstrap.clusters.size(); ++i) {
    const Cluster& cluster = bootstrap.clusters[i];
    if (cluster.name.empty()) continue;  // already reported
    const auto [first, fresh] = index.emplace(cluster.name, i);
    if (fresh) continue;
    context.error(cluster.location,
                  "duplicate cluster \"" + cluster.name + "\": already on line " +
                      std::to_string(bootstrap.clusters[first->second].location.line));
  }
  return index;
}

void check_references(const ClusterIndex& index, Context& context) {
  std::vector<std::string_view> names;
  for (const auto& [name, position] : index) names.emplace_back(name);
  for (const ClusterReference& reference : context.cluster_references()) {
    if (index.contains(reference.cluster)) continue;
    context.error(reference.location, "unknown cluster \"" + reference.cluster + "\" in " +
                                          reference.owner + did_you_mean(reference.cluster, names));
  }
}

void resolve(const ClusterIndex& index, const std::string& name, std::size_t& position) {
  if (const auto found = index.find(name); found != index.end()) position = found->second;
}

void resolve_routes(const ClusterIndex& index, HttpConnectionManager& hcm) {
  for (VirtualHost& host : hcm.route_config.virtual_hosts) {
    for (Route& route : host.routes) {
      if (auto* action = std::get_if<ClusterRoute>(&route.action)) {
        resolve(index, action->cluster, action->cluster_index);
      }
    }
  }
}

/// One spelling for each address: "::1" and "0:0:0:0:0:0:0:1" are the same.
std::string canonical_address(const SocketAddress& address) {
  in6_addr buffer{};
  char text[INET6_ADDRSTRLEN] = {};
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, address.address.c_str(), &buffer) == 1) {
      inet_ntop(family, &buffer, text, sizeof text);
    }
  }
  return std::string(text) + ' ' + std::to_string(address.port);
}

void check_listeners(const Bootstrap& bootstrap, Context& context) {
  std::map<std::string, std::uint32_t> names, addresses;
  for (const Listener& listener : bootstrap.listeners) {
    const auto line = listener.location.line;
    if (!listener.name.empty()) {
      const auto [first, fresh] = names.emplace(listener.name, line);
      if (!fresh) {
        context.error(listener.location, "duplicate listener name \"" + listener.name +
                                             "\": already on line " +
                                             std::to_string(first->second));
      }
    }
    if (listener.address.port == 0 || listener.address.address.empty()) continue;
    const auto [first, fresh] = addresses.emplace(canonical_address(listener.address), line);
    if (!fresh) {
      context.error(listener.address.location,
                    "duplicate address " + listener.address.address + " port " +
                        std::to_string(listener.address.port) + ": the listener on line " +
                        std::to_string(first->second) + " has it already");
    }
  }
}

}  // namespace

void check_whole(Bootstrap& bootstrap, Context& context) {
  const ClusterIndex index = index_clusters(bootstrap, context);
  check_references(index, context);
  for (Listener& listener : bootstrap.listeners) {
    if (auto* hcm = std::get_if<HttpConnectionManager>(&listener.filter)) {
      resolve_routes(index, *hcm);
    } else {
      auto& proxy = std::get<TcpProxy>(listener.filter);
      resolve(index, proxy.cluster, proxy.cluster_index);
    }
  }
  check_listeners(bootstrap, context);
}

}  // namespace holdfast::config
