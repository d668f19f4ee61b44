// JSON as Envoy's admin prints it: one space of indent per level, members in the order given.
//
// Free functions; any thread.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace holdfast::admin {

/// With a newline at the end.
std::string pretty(const boost::json::value& value);

}  // namespace holdfast::admin
