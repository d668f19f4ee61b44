# Compiler settings shared by all targets: C++20, warnings, hardening, sanitizers, coverage.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug or Release" FORCE)
endif()

find_program(HOLDFAST_CCACHE ccache)
if(HOLDFAST_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${HOLDFAST_CCACHE})
endif()

add_library(holdfast_compile INTERFACE)
# -fmacro-prefix-map: log lines and assertions name lib/dns/x.cpp, not the path of the build machine.
target_compile_options(holdfast_compile INTERFACE -Wall -Wextra -Wshadow -Wconversion
  -Wno-sign-conversion -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=
  $<$<BOOL:${HOLDFAST_WERROR}>:-Werror>)
# Every Asio object here is used with the concrete executor; separate compilation keeps the
# implementation of Asio and Beast in one translation unit (lib/base/boost_impl.cpp).
target_compile_definitions(holdfast_compile INTERFACE BOOST_ASIO_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_BEAST_SEPARATE_COMPILATION SPDLOG_ACTIVE_LEVEL=SPDLOG_LEVEL_TRACE)
target_include_directories(holdfast_compile INTERFACE ${CMAKE_SOURCE_DIR}/lib)

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  # Said even where a distribution's compiler has them as defaults; tests/hardening looks at the result.
  target_compile_options(holdfast_compile INTERFACE -fPIE -fstack-protector-strong
    -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  target_link_options(holdfast_compile INTERFACE $<IF:$<BOOL:${HOLDFAST_STATIC}>,-static-pie,-pie>
    -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)
endif()
# Both in one build directory: the profile lies beside the objects that wrote it.
if(HOLDFAST_PROFILE STREQUAL "generate")  # Workers share the counters: atomic.
  target_compile_options(holdfast_compile INTERFACE -fprofile-generate -fprofile-update=atomic)
  target_link_options(holdfast_compile INTERFACE -fprofile-generate)
elseif(HOLDFAST_PROFILE STREQUAL "use")  # What the training did not reach is compiled as ever.
  file(GLOB_RECURSE profiles ${CMAKE_BINARY_DIR}/*.gcda)
  if(NOT profiles)
    message(FATAL_ERROR "there is no profile in ${CMAKE_BINARY_DIR}: tests/bench/profile makes one")
  endif()
  target_compile_options(holdfast_compile INTERFACE -fprofile-use -fprofile-partial-training
    -Wno-missing-profile)
  target_link_options(holdfast_compile INTERFACE -fprofile-use)
endif()
if(HOLDFAST_STATIC AND NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  message(FATAL_ERROR "HOLDFAST_STATIC is for release builds: cmake --preset static")
endif()
if(HOLDFAST_SANITIZE)
  # vptr probes memory through a pipe, and so reports nonsense in the tests that run out of descriptors.
  target_compile_options(holdfast_compile INTERFACE -fsanitize=${HOLDFAST_SANITIZE}
    -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(holdfast_compile INTERFACE -fsanitize=${HOLDFAST_SANITIZE})
endif()
if(HOLDFAST_COVERAGE)
  target_compile_options(holdfast_compile INTERFACE --coverage -O0
    -fprofile-update=atomic)
  target_link_options(holdfast_compile INTERFACE --coverage)
endif()
