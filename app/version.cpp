#include "version.hpp"

#include <boost/version.hpp>

namespace holdfast::app {
namespace {

#if HOLDFAST_WASM
constexpr const char* kPlugins = "plugins";
#else
constexpr const char* kPlugins = "no plugins";
#endif

}  // namespace

std::string version_number() {
  return HOLDFAST_VERSION;
}

std::string version_line() {
  const std::string commit = HOLDFAST_COMMIT;
  return "holdfast " + version_number() + " (" + (commit.empty() ? "" : commit + ", ") +
         HOLDFAST_BUILD_TYPE + ", Boost " + std::to_string(BOOST_VERSION / 100'000) + "." +
         std::to_string(BOOST_VERSION / 100 % 1'000) + ", g++ " + std::to_string(__GNUC__) + "." +
         std::to_string(__GNUC_MINOR__) + ", " + kPlugins + ")";
}

}  // namespace holdfast::app
