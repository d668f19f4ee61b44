// Holdfast's entry: the command line, then one command. The only catch (...) of the program is
// here.
#include <exception>
#include <iostream>
#include <variant>

#include "cli.hpp"
#include "commands.hpp"

int main(int argc, char** argv) {
  using namespace holdfast;
  app::ExitCode code = app::ExitCode::runtime;
  try {
    const auto parsed = app::parse_command_line(argc, argv);
    if (const auto* arguments = std::get_if<app::Arguments>(&parsed)) {
      code = app::execute(*arguments);
    } else {
      code = std::get<app::ExitCode>(parsed);
    }
    std::cout.flush();
  } catch (const std::exception& error) {
    std::cerr << "holdfast: " << error.what() << '\n';
  } catch (...) {
    std::cerr << "holdfast: unknown failure\n";
  }
  return static_cast<int>(code);
}
