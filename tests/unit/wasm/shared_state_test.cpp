#include "wasm/shared_state.hpp"

#include <thread>

#include "catch.hpp"
#include "stats/custom_stats.hpp"

namespace holdfast::wasm {
namespace {

struct Fixture {
  stats::CustomStats metrics{1};
  SharedState shared{metrics};
};

TEST_CASE_METHOD(Fixture, "shared data are told apart by vm_id", "[wasm]") {
  CHECK(shared.set_data("vm", "key", "value", 0) == Status::ok);
  CHECK_FALSE(shared.get_data("other", "key"));
  CHECK_FALSE(shared.get_data("vm", "other"));
  CHECK(shared.get_data("vm", "key")->value == "value");
}

TEST_CASE_METHOD(Fixture, "shared data change only under the compare-and-swap value that was read",
                 "[wasm]") {
  CHECK(shared.set_data("vm", "key", "1", 77) == Status::ok);  // New: nothing to compare with.
  const auto first = shared.get_data("vm", "key");
  CHECK(shared.set_data("vm", "key", "2", first->cas) == Status::ok);
  CHECK(shared.set_data("vm", "key", "3", first->cas) == Status::cas_mismatch);
  CHECK(shared.get_data("vm", "key")->value == "2");
  CHECK(shared.get_data("vm", "key")->cas != first->cas);
  CHECK(shared.set_data("vm", "key", "4", 0) == Status::ok);
  CHECK(shared.get_data("vm", "key")->value == "4");
}

TEST_CASE_METHOD(Fixture, "shared data are bounded, and what is overwritten is given back",
                 "[wasm]") {
  const std::string big(40UL << 20, 'x');
  CHECK(shared.set_data("vm", "a", big, 0) == Status::ok);
  CHECK(shared.set_data("vm", "b", big, 0) == Status::internal_failure);
  CHECK_FALSE(shared.get_data("vm", "b"));
  CHECK(shared.set_data("vm", "a", "small", 0) == Status::ok);
  CHECK(shared.set_data("vm", "b", big, 0) == Status::ok);
}

TEST_CASE_METHOD(Fixture, "a queue is first in, first out, and has a notice for each entry",
                 "[wasm]") {
  std::vector<std::uint32_t> told;
  const int owner = 0;
  const auto token =
      shared.register_queue("vm", "q", &owner, [&](std::uint32_t t) { told.push_back(t); });
  CHECK(token != 0);
  CHECK(shared.resolve_queue("vm", "q") == token);
  CHECK_FALSE(shared.resolve_queue("vm", "other"));
  CHECK_FALSE(shared.resolve_queue("other", "q"));
  CHECK(shared.enqueue(token, "1") == Status::ok);
  CHECK(shared.enqueue(token, "2") == Status::ok);
  CHECK(told == std::vector{token});  // Once until they are taken.
  CHECK(shared.take_notices(token, &told) == 0);
  CHECK(shared.take_notices(token, &owner) == 2);
  CHECK(shared.take_notices(token, &owner) == 0);
  std::string value;
  CHECK(shared.dequeue(token, value) == Status::ok);
  CHECK(value == "1");
  CHECK(shared.dequeue(token, value) == Status::ok);
  CHECK(value == "2");
  CHECK(shared.dequeue(token, value) == Status::empty);
  CHECK(shared.dequeue(token + 1, value) == Status::not_found);
  CHECK(shared.dequeue(0, value) == Status::not_found);
  CHECK(shared.enqueue(token + 1, "3") == Status::not_found);
}

TEST_CASE_METHOD(Fixture, "registering again keeps a queue's entries and replaces who is told",
                 "[wasm]") {
  unsigned first = 0;
  unsigned second = 0;
  const auto token = shared.register_queue("vm", "q", &first, [&](std::uint32_t) { ++first; });
  CHECK(shared.enqueue(token, "1") == Status::ok);
  CHECK(shared.register_queue("vm", "q", &second, [&](std::uint32_t) { ++second; }) == token);
  CHECK(first == 1);
  CHECK(second == 1);  // Of what is there.
  CHECK(shared.take_notices(token, &first) == 0);
  CHECK(shared.take_notices(token, &second) == 1);
  CHECK(shared.register_queue("vm", "q", &second, [&](std::uint32_t) { ++second; }) == token);
  CHECK(second == 1);                 // It knows.
  shared.forget_queue_owner(&first);  // Not its queue any more.
  CHECK(shared.enqueue(token, "2") == Status::ok);
  CHECK(second == 2);
  shared.forget_queue_owner(&second);
  CHECK(shared.enqueue(token, "3") == Status::ok);
  CHECK(second == 2);
  CHECK(shared.take_notices(token, &second) == 0);
  std::string value;
  CHECK(shared.dequeue(token, value) == Status::ok);
  CHECK(value == "1");
}

TEST_CASE_METHOD(Fixture, "notices of what has been taken out are bounded", "[wasm]") {
  unsigned told = 0;
  const auto token = shared.register_queue("vm", "q", &told, [&](std::uint32_t) { ++told; });
  std::string value;
  for (unsigned i = 0; i < 10'000; ++i) {
    CHECK(shared.enqueue(token, "1") == Status::ok);
    CHECK(shared.dequeue(token, value) == Status::ok);
  }
  CHECK(told == 1);
  const std::size_t notices = shared.take_notices(token, &told);
  CHECK(notices == 64);
  shared.give_back_notices(token, &told, notices - 1);
  CHECK(told == 2);
  CHECK(shared.take_notices(token, &told) == notices - 1);
  for (unsigned i = 0; i < 100; ++i) CHECK(shared.enqueue(token, "1") == Status::ok);
  CHECK(shared.take_notices(token, &told) == 100);
}

TEST_CASE_METHOD(Fixture, "what waits in queues is bounded", "[wasm]") {
  const auto token = shared.register_queue("vm", "q", nullptr, {});
  const std::string big(40UL << 20, 'x');
  CHECK(shared.enqueue(token, big) == Status::ok);
  CHECK(shared.enqueue(token, big) == Status::internal_failure);
  std::string value;
  CHECK(shared.dequeue(token, value) == Status::ok);
  CHECK(shared.enqueue(token, big) == Status::ok);
  CHECK(shared.register_queue("vm", std::string(4'097, 'q'), nullptr, {}) == 0);
  CHECK(shared.register_queue("vm", std::string(4'096, 'q'), nullptr, {}) != 0);
  std::uint32_t last = 1;
  for (unsigned i = 0; last != 0 && i < 20'000; ++i)
    last = shared.register_queue("vm", std::to_string(i), nullptr, {});
  CHECK(last == 0);
}

TEST_CASE_METHOD(Fixture, "workers count with compare-and-swap, and lose nothing", "[wasm]") {
  constexpr unsigned kEach = 2'000;
  CHECK(shared.set_data("vm", "n", "0", 0) == Status::ok);
  const auto count = [this] {
    for (unsigned done = 0; done < kEach;) {
      const auto data = shared.get_data("vm", "n");
      const std::string next = std::to_string(std::stoul(data->value) + 1);
      if (shared.set_data("vm", "n", next, data->cas) == Status::ok) ++done;
    }
  };
  std::thread one(count);
  std::thread two(count);
  one.join();
  two.join();
  CHECK(shared.get_data("vm", "n")->value == std::to_string(2 * kEach));
}

}  // namespace
}  // namespace holdfast::wasm
