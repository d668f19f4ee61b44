#include "router/route_table.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "base/text.hpp"

namespace holdfast::router {
namespace {

bool matches(const config::RouteMatch& match, std::string_view path) {
  const auto same = [&](std::string_view text) {
    return match.case_sensitive ? text == match.value
                                : base::equals_ignoring_case(text, match.value);
  };
  if (match.kind == config::RouteMatch::Kind::prefix) {
    return path.size() >= match.value.size() && same(path.substr(0, match.value.size()));
  }
  return same(path.substr(0, path.find('?')));
}

}  // namespace

RouteTable::RouteTable(const config::RouteConfiguration& config) : config_(config) {
  for (const config::VirtualHost& host : config.virtual_hosts) {
    for (const std::string& domain : host.domains) add_domain(domain, host);
  }
  const auto longest_first = [](const Wildcard& a, const Wildcard& b) {
    return a.text.size() > b.text.size();
  };
  std::ranges::stable_sort(suffixes_, longest_first);
  std::ranges::stable_sort(prefixes_, longest_first);
}

void RouteTable::add_domain(const std::string& domain, const config::VirtualHost& host) {
  std::string text = domain;
  std::ranges::transform(text, text.begin(), base::to_lower);
  if (text == "*") {
    default_ = &host;
  } else if (text.starts_with('*')) {
    suffixes_.push_back({text.substr(1), &host});
  } else if (text.ends_with('*')) {
    text.pop_back();
    prefixes_.push_back({std::move(text), &host});
  } else {
    exact_.emplace(std::move(text), &host);
  }
}

const config::VirtualHost* RouteTable::find_virtual_host(std::string_view authority) const {
  if (exact_.empty() && suffixes_.empty() && prefixes_.empty()) return default_;
  // Host names are short; longer ones can't match exactly but may match a wildcard.
  std::array<char, 256> buffer;
  std::string large;
  std::string_view name;
  if (authority.size() <= buffer.size()) {
    std::ranges::transform(authority, buffer.begin(), base::to_lower);
    name = {buffer.data(), authority.size()};
  } else {
    large.resize(authority.size());
    std::ranges::transform(authority, large.begin(), base::to_lower);
    name = large;
  }
  if (const auto it = exact_.find(name); it != exact_.end()) return it->second;
  // "*.a.b" needs something in the asterisk's place, as does "a*" in Envoy.
  for (const Wildcard& w : suffixes_) {
    if (name.size() > w.text.size() && name.ends_with(w.text)) return w.host;
  }
  for (const Wildcard& w : prefixes_) {
    if (name.size() > w.text.size() && name.starts_with(w.text)) return w.host;
  }
  return default_;
}

const config::Route* RouteTable::match(std::string_view authority, std::string_view path) const {
  const config::VirtualHost* host = find_virtual_host(authority);
  if (host == nullptr || path.empty() || path.front() != '/') return nullptr;
  const auto it = std::ranges::find_if(
      host->routes, [&](const config::Route& route) { return matches(route.match, path); });
  return it == host->routes.end() ? nullptr : &*it;
}

const config::VirtualHost& RouteTable::virtual_host_of(const config::Route& route) const {
  const auto& hosts = config_.virtual_hosts;
  const auto it = std::ranges::find_if(hosts, [&](const config::VirtualHost& host) {
    return std::ranges::any_of(host.routes,
                               [&](const config::Route& each) { return &each == &route; });
  });
  assert(it != hosts.end());
  return *it;
}

}  // namespace holdfast::router
