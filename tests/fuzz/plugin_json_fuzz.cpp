// The plugin's configuration, a JSON text that stands as a string in the YAML: any text is refused
// with a reason, or read as another JSON library reads it. All bytes are the text.
#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/context.hpp"
#include "config/text_tree.hpp"
#include "filters/dispatch.hpp"
#include "filters/wasm_config.hpp"
#include "fuzz.hpp"

namespace {

using namespace holdfast;
using config::Value;
using fuzz::require;

Value text(std::string_view string) {
  Value value;
  value.kind = Value::Kind::string;
  value.text = string;
  return value;
}

Value mapping(std::initializer_list<std::pair<std::string_view, Value>> entries) {
  Value value;
  value.kind = Value::Kind::mapping;
  for (const auto& [key, entry] : entries) value.entries.push_back({std::string(key), {}, entry});
  return value;
}

/// Envoy's message around the text, as the YAML reader would hand it over.
Value wasm_message(std::string_view json) {
  const Value code =
      mapping({{"local", mapping({{"inline_string", text("multiple_dispatches")}})}});
  const Value vm = mapping({{"runtime", text("envoy.wasm.runtime.null")}, {"code", code}});
  const Value any = mapping(
      {{"@type", text("type.googleapis.com/google.protobuf.StringValue")}, {"value", text(json)}});
  return mapping({{"@type", text("type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm")},
                  {"config", mapping({{"vm_config", vm}, {"configuration", any}})}});
}

/// What the text says by Boost.JSON, which shares no code with ours.
struct Expected {
  std::string cluster;
  double count = 0;
};

Expected read_by_boost(std::string_view json) {
  boost::json::parse_options options;
  options.max_depth = config::kMaxDepth + 1;
  boost::system::error_code error;
  const boost::json::value value =
      boost::json::parse({json.data(), json.size()}, error, {}, options);
  require(!error && value.is_object());
  Expected expected;
  for (const auto& member : value.get_object()) {
    if (member.value().is_null()) continue;  // As if it weren't there, in protobuf's JSON.
    if (member.key() == "dispatchCluster") {
      require(member.value().is_string());
      expected.cluster = member.value().get_string();
    } else {
      require(member.key() == "dispatchCount" && member.value().is_number());
      expected.count = member.value().to_number<double>();
    }
  }
  return expected;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const filters::FilterType type = filters::wasm_type();
  static const config::FilterCatalog catalog;
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  config::Diagnostics diagnostics;
  config::Context context(diagnostics, catalog);
  const config::ParsedHttpFilter parsed = type.config.parse(wasm_message(json), context);
  for (const config::Diagnostic& diagnostic : diagnostics.sorted({})) {
    require(!diagnostic.message.empty());
    require(diagnostic.message.find("JSON text)") != std::string::npos ||
            diagnostic.message.find("dispatchCluster") != std::string::npos);
  }
  config::Diagnostics unreadable;
  if (context.error_count() != 0 || !config::check_text(json, 0, unreadable)) return 0;

  require(parsed.type == "dispatch" && parsed.config != nullptr);
  const auto& config = dynamic_cast<const filters::DispatchConfig&>(*parsed.config);
  const Expected expected = read_by_boost(json);
  require(config.cluster == expected.cluster && !config.cluster.empty());
  require(expected.count <= 65'535);
  require(config.count == (expected.count > 0 ? expected.count : 0));
  const auto& references = context.cluster_references();
  require(references.size() == 1 && references[0].cluster == config.cluster);
  return 0;
}
