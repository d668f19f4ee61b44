// pretty_json: JSON for people: two spaces of indent, short arrays and objects on one line.
//
// Pure; any thread.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

namespace holdfast::config {

[[nodiscard]] std::string pretty_json(const boost::json::value& value);

}  // namespace holdfast::config
