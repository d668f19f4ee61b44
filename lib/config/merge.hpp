// merge: lays one Value tree over another as protobuf's MergeFrom would lay the messages they stand
// for.
//
// Pure, called by load() for --config-yaml over -c. Lists are appended, messages merged field by
// field, everything else replaced; a member of a oneof takes the place of the other.
#pragma once

#include "config/message.hpp"
#include "config/value.hpp"

namespace holdfast::config {

void merge(const MessageTable& table, Value& base, Value over);

}  // namespace holdfast::config
