#include "admin/json.hpp"

#include <boost/json.hpp>

namespace holdfast::admin {

namespace {

namespace json = boost::json;

void print(std::string& out, const json::value& value, std::size_t depth) {
  const auto new_line = [&out](std::size_t indent) { out.append("\n").append(indent, ' '); };
  if (const json::object* object = value.if_object(); object != nullptr && !object->empty()) {
    out += '{';
    for (const auto& member : *object) {
      if (out.back() != '{') out += ',';
      new_line(depth + 1);
      out += json::serialize(json::string_view(member.key())) + ": ";
      print(out, member.value(), depth + 1);
    }
    new_line(depth);
    out += '}';
  } else if (const json::array* array = value.if_array(); array != nullptr && !array->empty()) {
    out += '[';
    for (std::size_t i = 0; i < array->size(); ++i) {
      if (i > 0) out += ',';
      new_line(depth + 1);
      print(out, (*array)[i], depth + 1);
    }
    new_line(depth);
    out += ']';
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

std::string pretty(const json::value& value) {
  std::string out;
  print(out, value, 0);
  out += '\n';
  return out;
}

}  // namespace holdfast::admin
