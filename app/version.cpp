#include "version.hpp"

#include <boost/version.hpp>

namespace holdfast::app {

std::string version_number() {
  return HOLDFAST_VERSION;
}

std::string version_line() {
  const std::string commit = HOLDFAST_COMMIT;
  return "holdfast " + version_number() + " (" + (commit.empty() ? "" : commit + ", ") +
         HOLDFAST_BUILD_TYPE + ", Boost " + std::to_string(BOOST_VERSION / 100'000) + "." +
         std::to_string(BOOST_VERSION / 100 % 1'000) + ", g++ " + std::to_string(__GNUC__) + "." +
         std::to_string(__GNUC_MINOR__) + ")";
}

}  // namespace holdfast::app
