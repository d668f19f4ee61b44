// Configuration files: any text gives a Bootstrap or errors with positions inside the text, never a
// crash or a hang.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/load.hpp"
#include "filters/registry.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto env = [](const std::string&) { return std::optional<std::string>("value"); };
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n'));
  for (const char* name : {"fuzz.yaml", "fuzz.json"}) {
    const config::LoadResult result = config::load_text(text, name, filters::catalog(), env);
    bool errors = false;
    for (const config::Diagnostic& diagnostic : result.diagnostics) {
      errors = errors || diagnostic.severity == config::Severity::error;
      if (diagnostic.location.line > lines + 2) std::abort();
      if (diagnostic.message.empty()) std::abort();
    }
    if (result.ok() == errors) std::abort();
  }
  return 0;
}
