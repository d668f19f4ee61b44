// Diagnostics: the list of what is wrong with a configuration, all of it at once, in file order.
//
// Owner: the loader. Thread: the one that loads. A diagnostic printed is one line in the form
// compilers use, so that editors and CI jump to it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace holdfast::config {

enum class Severity : std::uint8_t { error, warning };

struct Diagnostic {
  std::string file;  ///< As the user named it, or "--config-yaml".
  Location location;
  Severity severity = Severity::error;
  std::string message;  ///< One line.
};

/// `FILE:LINE:COL: error: MESSAGE`; without LINE:COL where the whole file is meant.
[[nodiscard]] std::string to_string(const Diagnostic& diagnostic);

/// Where parsing puts what it finds; sorts and names files at the end.
class Diagnostics {
 public:
  void error(Location location, std::string message);
  void warning(Location location, std::string message);
  [[nodiscard]] bool has_errors() const { return errors_ != 0; }
  [[nodiscard]] std::size_t error_count() const { return errors_; }

  /// All diagnostics sorted by input, line and column; `inputs` names each Location::input.
  [[nodiscard]] std::vector<Diagnostic> sorted(const std::vector<std::string>& inputs) const;

 private:
  std::vector<Diagnostic> list_;
  std::size_t errors_ = 0;
};

/// ` (did you mean "x"?)` for the nearest candidate, or nothing when none is near.
[[nodiscard]] std::string did_you_mean(std::string_view given,
                                       const std::vector<std::string_view>& candidates);

}  // namespace holdfast::config
