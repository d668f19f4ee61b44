#include "config/pretty_json.hpp"

#include <boost/json.hpp>

namespace holdfast::config {
namespace {

constexpr std::size_t kWidth = 100;

void append(const boost::json::value& value, std::size_t indent, std::string& out) {
  const std::string flat = boost::json::serialize(value);
  if (indent + flat.size() <= kWidth || (!value.is_object() && !value.is_array())) {
    out += flat;
    return;
  }
  const std::string margin(indent + 2, ' ');
  const char* separator = "\n";
  if (const auto* object = value.if_object()) {
    out += '{';
    for (const auto& entry : *object) {
      out += separator + margin + boost::json::serialize(entry.key()) + ": ";
      append(entry.value(), indent + 2, out);
      separator = ",\n";
    }
    out += '\n' + std::string(indent, ' ') + '}';
  } else {
    out += '[';
    for (const auto& item : value.as_array()) {
      out += separator + margin;
      append(item, indent + 2, out);
      separator = ",\n";
    }
    out += '\n' + std::string(indent, ' ') + ']';
  }
}

}  // namespace

std::string pretty_json(const boost::json::value& value) {
  std::string out;
  append(value, 0, out);
  return out;
}

}  // namespace holdfast::config
