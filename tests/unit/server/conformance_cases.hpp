// The byte-level cases of tests/conformance/cases/*.case. The same files are run over sockets by
// tests/conformance, where case_file.py describes the format.
#pragma once

#include <cstddef>
#include <istream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::server::test {

struct ConformanceCase {
  std::string name;
  std::string source;
  std::string where;  ///< FILE:LINE of the case.
  bool response = false;
  bool http_10 = false;
  bool end_close = false;
  std::string asked = "GET";
  std::vector<std::string> want;
  std::vector<std::vector<std::string>> sees;  ///< One for each forward or pass, unescaped.
  std::vector<std::string> never;
  std::string bytes;
};

/// Throws std::runtime_error("FILE:LINE: ...") for the first thing that is not as it should be.
/// `names`: of all files read so far.
[[nodiscard]] std::vector<ConformanceCase> read_conformance_cases(std::istream& text,
                                                                  const std::string& file,
                                                                  std::set<std::string>& names);

/// All of tests/conformance/cases, in order of file names.
[[nodiscard]] std::vector<ConformanceCase> all_conformance_cases();

}  // namespace holdfast::server::test
