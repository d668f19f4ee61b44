#include <algorithm>

#include "config/convert.hpp"
#include "config/envoy_names.hpp"
#include "config/parse.hpp"

namespace holdfast::config {
namespace {

constexpr std::string_view kTypedStructs[] = {"udpa.type.v1.TypedStruct",
                                              "xds.type.v3.TypedStruct"};

bool is_typed_struct(std::string_view name) {
  return std::find(std::begin(kTypedStructs), std::end(kTypedStructs), name) !=
         std::end(kTypedStructs);
}

/// What an Any may hold, by name.
struct Candidate {
  const std::vector<std::string>* names;
  const AnyType* type = nullptr;
  const HttpFilterType* filter = nullptr;
};

std::vector<Candidate> candidates_of(const Field& field, const FilterCatalog& catalog) {
  std::vector<Candidate> result;
  result.reserve(field.any_types.size() + catalog.size());
  for (const AnyType& type : field.any_types) result.push_back({&type.type_names, &type, nullptr});
  for (const HttpFilterType& type : catalog) {
    if (field.extension_point == type.point) result.push_back({&type.type_urls, nullptr, &type});
  }
  return result;
}

std::string_view extension_kind(std::string_view type_name) {
  if (type_name.starts_with("envoy.extensions.filters.http.")) return "http filter";
  if (type_name.starts_with("envoy.extensions.filters.network.")) return "network filter";
  if (type_name.starts_with("envoy.extensions.access_loggers.")) return "access logger";
  if (type_name.starts_with("envoy.extensions.resource_monitors.")) return "resource monitor";
  return "extension";
}

void report_type(const std::string& name, const Field& field, std::string_view owner,
                 const std::vector<Candidate>& candidates, Location where, Context& context) {
  if (is_envoy_extension(name)) {
    context.error(where, "Envoy's " + std::string(extension_kind(name)) + " \"" + name +
                             "\" is not implemented by Holdfast for \"" + field.name + "\" of " +
                             std::string(owner));
    return;
  }
  std::vector<std::string_view> names;
  for (const Candidate& candidate : candidates) {
    names.insert(names.end(), candidate.names->begin(), candidate.names->end());
  }
  constexpr std::size_t kLongestPrefix = 1;
  std::string hint = did_you_mean(name, names);
  if (hint.empty() && names.size() == kLongestPrefix) {
    hint = "; it must be \"" + std::string(names[0]) + "\"";
  }
  context.error(where, "unknown \"@type\" \"" + name + "\" for \"" + field.name + "\" of " +
                           std::string(owner) + hint);
}

}  // namespace

std::optional<AnyContent> open_any(const Value& value, std::string_view field,
                                   std::string_view owner, Context* context) {
  const auto complain = [&](Location where, const std::string& message) {
    if (context != nullptr) {
      context->error(where,
                     message + " in \"" + std::string(field) + "\" of " + std::string(owner));
    }
    return std::nullopt;
  };
  if (value.kind != Value::Kind::mapping) {
    return complain(value.location, "a mapping with \"@type\" is wanted, not " +
                                        std::string(kind_name(value.kind)));
  }
  const Value* type = value.find("@type");
  if (type == nullptr || type->kind != Value::Kind::string) {
    return complain(type == nullptr ? value.location : type->location, "missing \"@type\"");
  }
  const auto slash = type->text.rfind('/');
  if (slash == std::string::npos || slash == 0) {
    return complain(type->location,
                    "\"@type\" must be \"type.googleapis.com/\" and the message's "
                    "name, not \"" +
                        type->text + "\",");
  }
  AnyContent content{type->text.substr(slash + 1), &value, false, nullptr};
  if (!is_typed_struct(content.type_name)) return content;

  const Source wrapper(value);
  const Value* url = wrapper.find("type_url");
  if (url == nullptr || url->kind != Value::Kind::string || url->text.empty()) {
    return complain(wrapper.where("type_url"), "missing \"type_url\" in TypedStruct");
  }
  for (const Value::Entry& entry : value.entries) {
    if (entry.key != "@type" && entry.key != "type_url" && entry.key != "typeUrl" &&
        entry.key != "value") {
      complain(entry.location, "unknown field \"" + entry.key + "\" of TypedStruct");
    }
  }
  const Value* inner = wrapper.find("value");
  content.type_name = url->text.substr(url->text.rfind('/') + 1);
  if (inner == nullptr) {
    auto empty = std::make_shared<Value>();
    empty->kind = Value::Kind::mapping;
    empty->location = value.location;
    inner = empty.get();
    content.owned = std::move(empty);
  }
  content.value = inner;
  content.wrapped = true;
  return content;
}

void parse_any_field(const Field& field, std::string_view owner, const Value& value, void* target,
                     Context& context) {
  const auto content = open_any(value, field.name, owner, &context);
  if (!content) return;
  const auto candidates = candidates_of(field, context.catalog());
  for (const Candidate& candidate : candidates) {
    if (std::find(candidate.names->begin(), candidate.names->end(), content->type_name) ==
        candidate.names->end()) {
      continue;
    }
    if (candidate.type != nullptr) {
      candidate.type->parse(target, *content->value, context);
    } else {
      field.accept(target, candidate.filter->parse(*content->value, context));
    }
    return;
  }
  const Value* type = value.find(content->wrapped ? "type_url" : "@type");
  report_type(content->type_name, field, owner, candidates,
              type == nullptr ? value.location : type->location, context);
}

}  // namespace holdfast::config
