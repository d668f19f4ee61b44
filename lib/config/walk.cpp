#include "config/walk.hpp"

#include "config/tables.hpp"

namespace holdfast::config {
namespace {

class Walker {
 public:
  explicit Walker(const FilterCatalog& catalog) : catalog_(catalog) {}

  void visit(const MessageTable& table) {
    if (found.titles.contains(&table)) return;
    std::string title = table.title.empty() ? table.name : table.title;
    for (int i = 2; used_.contains(title); ++i) {
      title = (table.title.empty() ? table.name : table.title) + " (" + std::to_string(i) + ")";
    }
    used_[title] = true;
    found.titles.emplace(&table, title);
    found.tables.push_back(&table);
    for (const Field& field : table.fields) {
      if (field.kind == Kind::message) visit(field.message());
      for (const AnyChoice& choice : any_choices(field, catalog_)) visit(*choice.table);
    }
  }

  Reachable found;

 private:
  const FilterCatalog& catalog_;
  std::map<std::string, bool> used_;
};

}  // namespace

Reachable reachable_tables(const FilterCatalog& catalog) {
  Walker walker(catalog);
  walker.visit(bootstrap_table());
  return std::move(walker.found);
}

std::vector<AnyChoice> any_choices(const Field& field, const FilterCatalog& catalog) {
  std::vector<AnyChoice> result;
  result.reserve(field.any_types.size() + catalog.size());
  for (const AnyType& type : field.any_types) result.push_back({type.type_names, &type.table()});
  for (const HttpFilterType& type : catalog) {
    if (field.extension_point == type.point) result.push_back({type.type_urls, type.table});
  }
  return result;
}

}  // namespace holdfast::config
