// What the clients of the soak test do: one visit is one connection (or as many as it takes) of one
// kind of client.
#pragma once

#include <random>

#include "client.hpp"

namespace holdfast::soak {

/// The same choices in each run.
class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}
  unsigned operator()() { return static_cast<unsigned>(engine_()); }

 private:
  std::mt19937 engine_;
};

/// One visit, chosen by `random`: ordinary clients mostly, hostile ones and bad upstreams often.
awaitable<void> visit(World& world, Random& random);

}  // namespace holdfast::soak
