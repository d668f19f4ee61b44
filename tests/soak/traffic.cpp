// The clients of the soak test: soak_traffic MAIN HELD HELD_FOR_EVER SECONDS CLIENTS FIRST_ID
// LEDGER
//
// So many clients at once, each on one visit after the other, until the time is up; then all visits
// under way come to their ends. Ports as in client.hpp. Writes the ledger and prints its size and
// the seconds it took. Exit 0: nothing came that may not come.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <exception>
#include <list>

#include "visits.hpp"

namespace holdfast::soak {
namespace {

awaitable<void> client(World& world, Random& random) {
  while (!world.over()) co_await visit(world, random);
}

int run(char** arguments) {
  using Clock = std::chrono::steady_clock;
  const auto value = [arguments](int i) {
    return static_cast<std::uint32_t>(number(arguments[i]));
  };
  const auto port = [&value](int i) { return static_cast<std::uint16_t>(value(i)); };
  asio::io_context io(1);
  const Clock::time_point begin = Clock::now();
  World world{.executor = io.get_executor(),
              .ports = {.main = port(1), .held_for_ever = port(3), .held = port(2)},
              .ledger = Ledger(value(6)),
              .end = begin + std::chrono::seconds(value(4))};
  std::list<Random> randoms;
  for (std::uint32_t i = 0; i < value(5); ++i) {
    randoms.emplace_back(value(6) + i);
    asio::co_spawn(io, client(world, randoms.back()), [&world](const std::exception_ptr& error) {
      if (error) world.ledger.complain(Kind::get, "a client ended with an exception");
    });
  }
  io.run();
  const std::chrono::duration<double> took = Clock::now() - begin;
  std::printf("%zu %.3f\n", world.ledger.size(), took.count());
  if (!world.ledger.save(arguments[7])) {
    std::perror(arguments[7]);
    return 1;
  }
  if (world.ledger.complaints() == 0) return 0;
  std::fprintf(stderr, "soak_traffic: %zu findings\n", world.ledger.complaints());
  return 1;
}

}  // namespace
}  // namespace holdfast::soak

int main(int argc, char** argv) {
  if (argc != 8) {
    std::fputs("usage: soak_traffic MAIN HELD HELD_FOR_EVER SECONDS CLIENTS FIRST_ID LEDGER\n",
               stderr);
    return EXIT_FAILURE;
  }
  return holdfast::soak::run(argv);
}
