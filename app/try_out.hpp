// `holdfast run`: the configuration that its flags stand for, as YAML text.
//
// Pure text: the result goes through config::load() like any file, and `--print` shows it, so that
// what was tried out can be kept.
#pragma once

#include <string>
#include <variant>

#include "cli.hpp"

namespace holdfast::app {

struct TryOutProblem {
  std::string what;  ///< Which flag is wrong, and what it takes.
};

std::variant<std::string, TryOutProblem> try_out_yaml(const TryOut& flags);

}  // namespace holdfast::app
