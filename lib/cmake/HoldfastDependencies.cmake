# Third-party libraries. Debian's packages first (docs/operations.md lists them); the four small ones that may be
# missing elsewhere are fetched by tag and commit. Boost, c-ares and RE2 must come from the system.
include(FetchContent)
set(FETCHCONTENT_QUIET OFF)

# holdfast_dependency(<name> <version> <repository> <commit>  # <tag>): find_package, else fetch.
macro(holdfast_dependency name version repository commit)
  find_package(${name} ${version} QUIET)
  if(NOT ${name}_FOUND)
    message(STATUS "${name} ${version} not installed: fetching ${commit}")
    FetchContent_Declare(${name} GIT_REPOSITORY ${repository} GIT_TAG ${commit} SYSTEM)
    FetchContent_MakeAvailable(${name})
  endif()
endmacro()

find_package(Threads REQUIRED)
if(HOLDFAST_STATIC)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a)  # pkg_check_modules looks with these, too.
  set(Boost_USE_STATIC_LIBS ON)
endif()
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(PkgConfig REQUIRED)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)

set(CMAKE_POLICY_DEFAULT_CMP0077 NEW)  # Their option() keeps what is set here.
set(YAML_CPP_BUILD_TOOLS OFF)
set(YAML_CPP_BUILD_TESTS OFF)
set(CLI11_BUILD_TESTS OFF)
set(CLI11_BUILD_EXAMPLES OFF)
set(CATCH_BUILD_STATIC_LIBRARY ON)
holdfast_dependency(yaml-cpp 0.7 https://github.com/jbeder/yaml-cpp.git
  0579ae3d976091d7d664aa9d2527e0d0cff25763)  # yaml-cpp-0.7.0
holdfast_dependency(spdlog 1.10 https://github.com/gabime/spdlog.git
  76fb40d95455f249bd70824ecfcae7a8f0930fa3)  # v1.10.0
holdfast_dependency(CLI11 2.1 https://github.com/CLIUtils/CLI11.git
  70f8072f9dd2292fd0b9f9e5f58e279f60483ed3)  # v2.1.2
if(HOLDFAST_TESTS)
  holdfast_dependency(Catch2 2.13 https://github.com/catchorg/Catch2.git
    182c910b4b63ff587a3440e08f84f70497e49a81)  # v2.13.10
endif()

# What the rooms link. Debian has no static spdlog and fmt, and its yaml-cpp names the shared one.
add_library(holdfast_spdlog INTERFACE)
add_library(holdfast_yaml INTERFACE)
if(HOLDFAST_STATIC)
  find_package(fmt QUIET)
  if(TARGET fmt::fmt-header-only)
    target_link_libraries(holdfast_spdlog INTERFACE fmt::fmt-header-only)
  endif()
  target_compile_definitions(holdfast_spdlog INTERFACE
    $<TARGET_PROPERTY:spdlog::spdlog_header_only,INTERFACE_COMPILE_DEFINITIONS>)
  target_include_directories(holdfast_spdlog SYSTEM INTERFACE
    $<TARGET_PROPERTY:spdlog::spdlog_header_only,INTERFACE_INCLUDE_DIRECTORIES>)
  find_library(HOLDFAST_YAML_ARCHIVE yaml-cpp REQUIRED)
  target_link_libraries(holdfast_yaml INTERFACE ${HOLDFAST_YAML_ARCHIVE})
else()
  target_link_libraries(holdfast_spdlog INTERFACE spdlog::spdlog)
  target_link_libraries(holdfast_yaml INTERFACE yaml-cpp)
endif()
