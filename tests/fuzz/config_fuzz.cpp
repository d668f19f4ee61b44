// Configuration files: any text gives a Bootstrap or errors with positions inside the text, never a
// crash or a hang. What is accepted as YAML and JSON both says the same in both.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/load.hpp"
#include "filters/registry.hpp"
#include "fuzz.hpp"
#include "server/config_check.hpp"

namespace {

using namespace holdfast;
using fuzz::require;

config::LoadResult load(std::string_view text, const char* name) {
  const auto env = [](const std::string& variable) {
    return variable.size() < 2 ? std::optional<std::string>("value") : std::nullopt;
  };
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n'));
  config::LoadResult result =
      config::load_text(text, name, filters::catalog(), env, server::check_config);
  bool errors = false;
  for (const config::Diagnostic& diagnostic : result.diagnostics) {
    errors = errors || diagnostic.severity == config::Severity::error;
    require(diagnostic.location.line <= lines + 2);
    require(!diagnostic.message.empty());
  }
  require(result.ok() != errors);
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const config::LoadResult yaml = load(text, "fuzz.yaml");
  const config::LoadResult json = load(text, "fuzz.json");
  if (yaml.ok() && json.ok()) require(yaml.bootstrap->source_json == json.bootstrap->source_json);
  return 0;
}
