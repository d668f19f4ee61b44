#include "stats/status_counts.hpp"

#include "catch.hpp"

using holdfast::stats::StatusCounts;

TEST_CASE("a status is counted exactly, in its class and in all", "[stats]") {
  StatusCounts counts;
  CHECK(counts.completed() == 0);
  CHECK(counts.of_class(2) == 0);
  for (const unsigned code : {200U, 200U, 204U, 299U, 100U, 599U, 404U}) counts.add(code);
  CHECK(counts.code(200) == 2);
  CHECK(counts.code(299) == 1);
  CHECK(counts.code(201) == 0);
  CHECK(counts.of_class(1) == 1);
  CHECK(counts.of_class(2) == 4);
  CHECK(counts.of_class(3) == 0);
  CHECK(counts.of_class(4) == 1);
  CHECK(counts.of_class(5) == 1);
  CHECK(counts.completed() == 7);
}

TEST_CASE("a status out of range counts in the total alone", "[stats]") {
  StatusCounts counts;
  counts.add(0);
  counts.add(99);
  counts.add(600);
  counts.add(70'000);
  CHECK(counts.completed() == 4);
  for (unsigned hundreds = 0; hundreds <= 7; ++hundreds) CHECK(counts.of_class(hundreds) == 0);
  CHECK(counts.code(99) == 0);
  CHECK(counts.code(600) == 0);
}
