// What our message layer makes of bytes that arrive in pieces, without sockets: the parsers, the
// body decoder and the header rules in the order in which Session, Exchange and ClientConnection
// use them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "conformance_cases.hpp"

namespace holdfast::server::test {

/// The verdicts in order, what the other side was given, and what it could read out of that.
struct Outcome {
  std::vector<std::string> verdicts;
  std::vector<std::vector<std::string>> sees;
  std::string passed_on;

  bool operator==(const Outcome&) const = default;
};

/// Request bytes. Verdicts as in the case files; what is not whole at the end is "wait".
[[nodiscard]] Outcome feed_requests(const ConformanceCase& test,
                                    const std::vector<std::string_view>& pieces);

/// Response bytes: "pass", or "broken" for what is refused, cut or never ends.
[[nodiscard]] Outcome feed_response(const ConformanceCase& test,
                                    const std::vector<std::string_view>& pieces);

}  // namespace holdfast::server::test
