#include "config/load.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "config/check.hpp"
#include "config/context.hpp"
#include "config/merge.hpp"
#include "config/parse.hpp"
#include "config/source_json.hpp"
#include "config/tables.hpp"
#include "config/text_tree.hpp"

namespace holdfast::config {
namespace {

struct Input {
  std::string name;
  std::string text;
};

LoadResult failed(const Diagnostics& diagnostics, const std::vector<std::string>& names) {
  return {std::nullopt, diagnostics.sorted(names)};
}

/// Nullopt when there is no mapping to parse; the reason is reported.
std::optional<Value> read_tree(const Input& input, std::uint32_t number, const Env& env,
                               Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.error_count();
  auto tree = input.name.ends_with(".json") ? read_json(input.text, number, env, diagnostics)
                                            : read_yaml(input.text, number, env, diagnostics);
  if (diagnostics.error_count() != before && !tree) return std::nullopt;
  if (!tree || tree->kind == Value::Kind::null) {
    diagnostics.error({0, 0, number}, "there is no configuration in it");
    return std::nullopt;
  }
  if (tree->kind != Value::Kind::mapping) {
    diagnostics.error(tree->location, "the configuration must be a mapping of fields, not " +
                                          std::string(kind_name(tree->kind)));
    return std::nullopt;
  }
  return tree;
}

LoadResult load_inputs(const std::vector<Input>& inputs, const FilterCatalog& catalog,
                       const Env& env, const Check& check) {
  Diagnostics diagnostics;
  std::vector<std::string> names;
  std::optional<Value> whole;
  bool readable = true;
  for (std::uint32_t i = 0; i < inputs.size(); ++i) {
    names.push_back(inputs[i].name);
    auto tree = read_tree(inputs[i], i, env, diagnostics);
    if (!tree) {
      readable = false;
    } else if (whole) {
      merge(bootstrap_table(), *whole, std::move(*tree));
    } else {
      whole = std::move(tree);
    }
  }
  if (!readable || !whole) return failed(diagnostics, names);

  Bootstrap bootstrap;
  Context context(diagnostics, catalog);
  parse_message(bootstrap_table(), *whole, &bootstrap, context);
  check_whole(bootstrap, context);
  if (check) check(bootstrap, context);
  if (diagnostics.has_errors()) return failed(diagnostics, names);

  // As in Envoy, `admin: {}` is no admin server.
  if (bootstrap.admin && bootstrap.admin->address.address.empty()) bootstrap.admin.reset();
  bootstrap.source_json = source_json(bootstrap_table(), *whole, catalog);
  LoadResult result{std::nullopt, diagnostics.sorted(names)};
  for (const Diagnostic& warning : result.diagnostics) {
    bootstrap.warnings.push_back(to_string(warning));
  }
  result.bootstrap = std::move(bootstrap);
  return result;
}

/// The file's bytes, or why it cannot be read. Bounded: one byte more than the limit is enough to
/// refuse it.
std::error_code read_file(const std::string& path, std::string& out) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return {errno, std::generic_category()};
  std::error_code error;
  std::array<char, 65536> buffer;
  while (out.size() <= kMaxTextBytes) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) error = {errno, std::generic_category()};
    if (count <= 0) break;
    out.append(buffer.data(), static_cast<std::size_t>(count));
  }
  ::close(descriptor);
  return error;
}

}  // namespace

Env process_env() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

LoadResult load_text(std::string_view text, const std::string& display_name,
                     const FilterCatalog& catalog, const Env& env, const Check& check) {
  return load_inputs({{display_name, std::string(text)}}, catalog, env, check);
}

LoadResult load(const std::optional<std::string>& path,
                const std::optional<std::string>& config_yaml, const FilterCatalog& catalog,
                const Env& env, const Check& check) {
  std::vector<Input> inputs;
  if (path) {
    Input file{*path, {}};
    if (const auto error = read_file(*path, file.text)) {
      Diagnostics diagnostics;
      diagnostics.error({}, "cannot read: " + error.message());
      return failed(diagnostics, {*path});
    }
    inputs.push_back(std::move(file));
  }
  if (config_yaml && !config_yaml->empty()) inputs.push_back({"--config-yaml", *config_yaml});
  if (inputs.empty()) {
    Diagnostics diagnostics;
    diagnostics.error({}, "at least one of --config-path and --config-yaml must be given");
    return failed(diagnostics, {"holdfast"});
  }
  return load_inputs(inputs, catalog, env, check);
}

}  // namespace holdfast::config
