// A head as it would be sent, as text.
#pragma once

#include <string>

#include "http/serialize.hpp"

namespace holdfast::http {

inline std::string request_text(const Head& head, bool chunked) {
  base::Buffer out;
  append_request_head(out, head, chunked);
  return std::string(out.view());
}

inline std::string response_text(const Head& head, Version version, bool chunked,
                                 bool says_empty = false) {
  base::Buffer out;
  append_response_head(out, head, version, chunked, says_empty);
  return std::string(out.view());
}

}  // namespace holdfast::http
