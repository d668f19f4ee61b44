// load: from YAML or JSON text to a Bootstrap, or to the list of everything that is wrong with it.
//
// Owner: called by app/ before any socket opens. Thread: any one. No exception leaves it, no YAML
// type either; when there is an error, there is no Bootstrap.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.hpp"
#include "config/diagnostic.hpp"
#include "config/filter_catalog.hpp"

namespace holdfast::config {

/// Looks up `${NAME}`; nullopt = undefined.
using Env = std::function<std::optional<std::string>(const std::string& name)>;

/// What other rooms have to say of what was read (formats, regular expressions): reports through
/// Context::error. Called once, also when there are errors already.
using Check = std::function<void(const Bootstrap& bootstrap, Context& context)>;

/// The process's environment.
[[nodiscard]] Env process_env();

struct LoadResult {
  std::optional<Bootstrap> bootstrap;   ///< Empty exactly when `diagnostics` holds an error.
  std::vector<Diagnostic> diagnostics;  ///< Errors and warnings, sorted by file, line and column.

  [[nodiscard]] bool ok() const { return bootstrap.has_value(); }
};

/// One text; a name that ends in ".json" is read as JSON, anything else as YAML.
[[nodiscard]] LoadResult load_text(std::string_view text, const std::string& display_name,
                                   const FilterCatalog& catalog, const Env& env,
                                   const Check& check = {});

/// The file at `path`, or the text of `--config-yaml`, or both: then the text is merged over the
/// file as protobuf's MergeFrom does (lists are appended, messages merged, scalars replaced). At
/// least one must be given.
[[nodiscard]] LoadResult load(const std::optional<std::string>& path,
                              const std::optional<std::string>& config_yaml,
                              const FilterCatalog& catalog, const Env& env,
                              const Check& check = {});

[[nodiscard]] inline LoadResult load_file(const std::string& path, const FilterCatalog& catalog,
                                          const Env& env) {
  return load(path, std::nullopt, catalog, env);
}

}  // namespace holdfast::config
