#include "router/header_mutations.hpp"

#include <cstdint>

#include "http/joined_fields.hpp"

namespace holdfast::router {
namespace {

using Action = config::HeaderToAdd::Action;

/// What becomes of a field, as its head stands now.
enum class Effect : std::uint8_t { none, overwrite, add };

Effect effect_of(const config::HeaderToAdd& header, const http::Head& head) {
  if (header.value.empty() && !header.keep_empty) return Effect::none;
  switch (header.action) {
    case Action::append_if_exists_or_add:
      return Effect::add;
    case Action::add_if_absent:
      return head.find(header.name) == nullptr ? Effect::add : Effect::none;
    case Action::overwrite_if_exists_or_add:
      return Effect::overwrite;
    case Action::overwrite_if_exists:
      return head.find(header.name) == nullptr ? Effect::none : Effect::overwrite;
  }
  return Effect::none;
}

void apply_level(const config::HeaderMutations& level, http::Head& head) {
  for (const std::string& name : level.remove) head.remove(name);
  std::vector<const config::HeaderToAdd*> overwrites;
  std::vector<const config::HeaderToAdd*> adds;
  for (const config::HeaderToAdd& header : level.add) {
    const Effect effect = effect_of(header, head);
    if (effect == Effect::overwrite) overwrites.push_back(&header);
    if (effect == Effect::add) adds.push_back(&header);
  }
  for (const config::HeaderToAdd* header : overwrites) {  // Behind all others, as in Envoy.
    head.remove(header->name);
    head.add(header->name, header->value);
  }
  for (const config::HeaderToAdd* header : adds) {
    http::append_field(head, header->name, header->value);
  }
}

}  // namespace

void apply(const std::vector<config::HeaderMutations>& levels, http::Head& head) {
  for (const config::HeaderMutations& level : levels) apply_level(level, head);
}

}  // namespace holdfast::router
