// Catch2 takes the signals that Wasmtime turns into traps, anew for each test case. This gives them
// back.
#pragma once

#include <array>
#include <csignal>

namespace holdfast {

/// Call keep() when an engine has been made, use() in each test that runs a plugin, before it does.
class WasmSignals {
 public:
  static void keep() {
    // The runtime takes them for its first engine only; later they are Catch2's again.
    static bool done = false;
    if (done) return;
    done = true;
    for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], nullptr, &kept()[i]);
  }
  static void use() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &kept()[i], nullptr);
  }

 private:
  static constexpr std::array kSignals{SIGSEGV, SIGILL, SIGFPE, SIGBUS};
  static std::array<struct sigaction, kSignals.size()>& kept() {
    static std::array<struct sigaction, kSignals.size()> handlers{};
    return handlers;
  }
};

}  // namespace holdfast
