// Envoy's tags: takes the variable parts out of a stat's name and turns them into labels.
//
// Owner: the Registry. Immutable once set up. Follows Envoy's default rules for the names that we
// have, with their quirks (a cluster "a.b" is the cluster "a" and puts b into the metric's name),
// then stats_config.stats_tags.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "stats/metrics_page.hpp"

namespace holdfast::stats {

class TagExtractor {
 public:
  struct Result {
    std::string name;  ///< Dotted, without the tags' values.
    Labels tags;       ///< Names as in Envoy ("envoy.cluster_name"); in its order.
  };

  TagExtractor();
  ~TagExtractor();
  TagExtractor(const TagExtractor&) = delete;
  TagExtractor& operator=(const TagExtractor&) = delete;

  /// False and why in `error` when a regex does not compile; then nothing changed.
  bool set_custom(std::span<const config::StatsTag> tags, std::string& error);

  [[nodiscard]] Result extract(std::string_view name) const;

 private:
  struct Custom;
  std::vector<Custom> custom_;
};

}  // namespace holdfast::stats
