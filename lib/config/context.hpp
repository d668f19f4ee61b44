// Context: what a parse hook may do - report errors, note cluster references, parse a further
// message or JSON text.
//
// Owner: load(), one per call; hooks get a reference and must not keep it. Thread: the one that
// loads. Every error goes into one list, so a hook reports and goes on rather than throws.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.hpp"
#include "config/filter_catalog.hpp"
#include "config/message.hpp"

namespace holdfast::config {

/// A name that must be one of Bootstrap::clusters; checked when the whole file has been read.
struct ClusterReference {
  std::string cluster;
  Location location;
  std::string owner;  ///< "RouteAction"
};

/// How scalars convert: as protobuf's JSON mapping does ("3" is a number), or as strictly as JSON
/// itself.
enum class Scalars : std::uint8_t { protobuf, strict };

class Context {
 public:
  Context(Diagnostics& diagnostics, const FilterCatalog& catalog,
          Scalars scalars = Scalars::protobuf)
      : diagnostics_(diagnostics), catalog_(catalog), scalars_(scalars) {}

  void error(Location location, std::string message) {
    diagnostics_.error(location, std::move(message));
  }
  void warning(Location location, std::string message) {
    diagnostics_.warning(location, std::move(message));
  }
  [[nodiscard]] std::size_t error_count() const { return diagnostics_.error_count(); }

  void refer_to_cluster(std::string cluster, Location location, std::string owner) {
    references_.push_back({std::move(cluster), location, std::move(owner)});
  }
  [[nodiscard]] const std::vector<ClusterReference>& cluster_references() const {
    return references_;
  }
  [[nodiscard]] const FilterCatalog& catalog() const { return catalog_; }
  [[nodiscard]] Scalars scalars() const { return scalars_; }

  /// Parses `value` by `table` into `target`, the struct the table was built for.
  template <class T>
  void parse(const MessageTable& table, const Value& value, T& target) {
    parse_any(table, value, &target, *this);
  }

  /// Parses a JSON text that stood in the file as a string. Everything it finds is reported at
  /// `text.location`, with the line and column inside the text in the message.
  template <class T>
  void parse_json(const MessageTable& table, const LocatedString& text, T& target,
                  Scalars scalars = Scalars::strict) {
    parse_json_text(table, text, &target, scalars);
  }

 private:
  void parse_json_text(const MessageTable& table, const LocatedString& text, void* target,
                       Scalars scalars);

  Diagnostics& diagnostics_;
  const FilterCatalog& catalog_;
  std::vector<ClusterReference> references_;
  Scalars scalars_;
};

}  // namespace holdfast::config
