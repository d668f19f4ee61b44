// test_catalog: the http filters that the config room's tests know: Envoy's router, a filter with
// one field of each kind, and one that carries its settings as JSON inside a string.
#pragma once

#include <string>
#include <vector>

#include "config/context.hpp"
#include "config/filter_catalog.hpp"

namespace holdfast::config::test {

struct RouterConfig : FilterConfig {};

struct Header {
  std::string key;
  std::string value;
};

enum class OnFailure : std::uint8_t { count, mark, error };

struct SampleConfig : FilterConfig {
  std::string cluster;
  std::uint32_t count = 3;
  std::int32_t offset = 0;
  double ratio = 0.5;
  std::string header_name = "x-sample";
  std::vector<std::string> tags;
  std::vector<Header> headers;
  Milliseconds timeout{50'000};
  std::optional<Milliseconds> max_hold;
  OnFailure on_failure = OnFailure::count;
  std::string blob;
};

/// router, sample, sample_json.
[[nodiscard]] const FilterCatalog& test_catalog();

}  // namespace holdfast::config::test
