// What a VM does with guests that behave, and with those that do not.
#include "wasm/vm.hpp"

#include <cstdio>
#include <fstream>
#include <thread>

#include "base/cpu_time.hpp"
#include "base/log.hpp"
#include "wasm/fake_guest.hpp"

namespace holdfast::wasm {
namespace {

using namespace std::chrono_literals;

// Traps
// ----------------------------------------------------------------------------------------------------------

struct TrapCase {
  std::string_view what;
  std::string body;
  TrapKind kind;
  std::string text;  ///< Somewhere in the trap's text.
};

const std::vector<TrapCase>& trap_cases() {
  const auto tick = [](std::string_view code) {
    return "(func $tick (export \"proxy_on_tick\") (param i32) " + std::string(code) + ")";
  };
  static const std::vector<TrapCase> cases{
      {"a panic", tick("unreachable"), TrapKind::unreachable,
       "proxy_on_tick: unreachable code reached (tick)"},
      {"endless recursion", tick("(call $tick (local.get 0))"), TrapKind::stack_overflow,
       "stack overflow (tick <"},
      {"a load beyond the memory", tick("(drop (i32.load (i32.const 65533)))"), TrapKind::memory,
       "out of bounds"},
      {"a load at 4 GiB", tick("(drop (i32.load offset=0xffffffff (i32.const -1)))"),
       TrapKind::memory, "out of bounds"},
      {"a call of a null pointer",
       "(type $t (func)) (table 1 funcref) " + tick("(call_indirect (type $t) (i32.const 0))"),
       TrapKind::memory, "null"},
      {"a call of another type",
       "(type $t (func (result i64))) (table funcref (elem $tick)) " +
           tick("(drop (call_indirect (type $t) (i32.const 0)))"),
       TrapKind::memory, "another type"},
      {"a call beyond the table",
       "(type $t (func)) (table 1 funcref) " + tick("(call_indirect (type $t) (i32.const 9))"),
       TrapKind::memory, "table"},
      {"a division by zero", tick("(drop (i32.div_u (i32.const 1) (i32.const 0)))"),
       TrapKind::arithmetic, "division by zero"},
      {"the smallest number divided by -1",
       tick("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))"), TrapKind::arithmetic,
       "integer overflow"},
      {"a float that is no integer", tick("(drop (i32.trunc_f32_s (f32.const nan)))"),
       TrapKind::arithmetic, "conversion"},
      {"an exit", tick("(call $leave (i32.const 3)) (drop (call $note (i32.const 5)))"),
       TrapKind::exit, "proxy_on_tick: proc_exit(3) (tick)"},
      {"ever more memory, then a panic",
       tick("(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) "
            "unreachable"),
       TrapKind::out_of_memory,
       "out of memory (limits.max_memory_bytes is 1048576), unreachable code reached"},
      {"ever more memory, then an exit",
       tick("(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) "
            "(call $leave (i32.const 2))"),
       TrapKind::out_of_memory, "proc_exit(2)"},
      {"an allocation that fails at once, as Rust says it",
       "(func $__rust_alloc_error_handler unreachable) " +
           tick("(if (i32.eq (memory.grow (i32.const 32)) (i32.const -1)) (then (call "
                "$__rust_alloc_error_handler)))"),
       TrapKind::out_of_memory, "(__rust_alloc_error_handler < tick)"},
      {"a division by zero in full memory",
       tick("(drop (memory.grow (i32.const 15))) (drop (i32.div_u (i32.const 1) (i32.const 0)))"),
       TrapKind::arithmetic, "division by zero"},
  };
  return cases;
}

TEST_CASE("a trap is told by kind and place, and the instance can be called again", "[wasm]") {
  for (const TrapCase& c : trap_cases()) {
    DYNAMIC_SECTION(c.what) {
      Running running(
          module_text(c.body +
                      "(func (export \"proxy_on_done\") (param i32) (result i32) (i32.const 42))"),
          {.memory = 1024 * 1024});
      for (int round = 0; round < 2; ++round) {
        REQUIRE_FALSE(running.tick());
        CHECK(trap_name(running.vm->trap().kind) == trap_name(c.kind));
        CHECK_THAT(running.vm->trap().text, Catch::Matchers::Contains(c.text));
        CHECK(running.vm->trap().text.find('\n') == std::string::npos);
        CHECK(running.vm->call(Export::on_done, {1}) == 42u);
      }
      CHECK(running.guest.noted.empty());  // Nothing runs on after an exit.
    }
  }
}

TEST_CASE("a loop is stopped after the time for a callback", "[wasm]") {
  Running running(tick_text("(loop $again (br $again))"), {.callback = 30ms});
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE_FALSE(running.tick());
  const auto took = std::chrono::steady_clock::now() - begin;
  CHECK(running.vm->trap().kind == TrapKind::timeout);
  CHECK_THAT(running.vm->trap().text,
             Catch::Matchers::Contains("proxy_on_tick: it took more than 30 ms of the CPU "
                                       "(limits.callback_timeout) (tick)"));
  CHECK(took >= 30ms);
  CHECK(took < 20s);
}

TEST_CASE("each callback has its time anew, and configuring has more", "[wasm]") {
  // Spins until the host has been asked so often; the host waits a moment each time.
  Running running(
      module_text("(func $spin (param i32) "
                  "  (loop $again (br_if $again (call $hook (i32.const 0))))) "
                  "(func (export \"proxy_on_tick\") (param i32) (call $spin (i32.const 0))) "
                  "(func (export \"proxy_on_configure\") (param i32 i32) (result i32) "
                  "  (call $spin (i32.const 0)) (i32.const 1))"),
      {.callback = 40ms, .start = 60s});
  auto until = base::thread_cpu_time();
  running.guest.hook = [&](std::uint32_t) { return base::thread_cpu_time() < until ? 1U : 0U; };
  for (int i = 0; i < 4; ++i) {
    until = base::thread_cpu_time() + 15ms;
    CHECK(running.tick());
  }
  until = base::thread_cpu_time() + 120ms;
  CHECK(running.vm->call(Export::on_configure, {1, 0}) == 1u);
  until = base::thread_cpu_time() + 60s;
  CHECK_FALSE(running.tick());
  CHECK(running.vm->trap().kind == TrapKind::timeout);
}

TEST_CASE("time in which others have the CPU is not the callback's", "[wasm]") {
  Running running(tick_text("(loop $again (br_if $again (call $hook (i32.const 0))))"),
                  {.callback = 40ms});
  const auto end = std::chrono::steady_clock::now() + 200ms;
  running.guest.hook = [&](std::uint32_t) {
    std::this_thread::sleep_for(10ms);  // The thread does not run: as on a busy machine.
    return std::chrono::steady_clock::now() < end ? 1U : 0U;
  };
  CHECK(running.tick());
}

TEST_CASE("a refused growth is no trap by itself", "[wasm]") {
  Running running(
      module_text(
          "(func (export \"proxy_on_done\") (param i32) (result i32) (memory.grow (local.get 0)))"),
      {.memory = 2UL * 65536});
  CHECK(running.vm->call(Export::on_done, {2}) == UINT32_MAX);
  CHECK(running.vm->memory_size() == 65536);
  CHECK(running.vm->call(Export::on_done, {1}) == 1u);
  CHECK(running.vm->memory_size() == 2UL * 65536);
  CHECK(running.vm->call(Export::on_done, {1}) == UINT32_MAX);
  CHECK(running.vm->call(Export::on_done, {0xffffffff}) == UINT32_MAX);
  CHECK(running.vm->write_u32(2 * 65536 - 4, 7));
  CHECK_FALSE(running.vm->write_u32(2 * 65536 - 3, 7));
}

TEST_CASE("a table can't grow without end", "[wasm]") {
  Running running(
      module_text("(table $t 1 funcref) (func (export \"proxy_on_done\") (param i32) (result i32) "
                  "(table.grow $t (ref.null func) (local.get 0)))"));
  CHECK(running.vm->call(Export::on_done, {10}) == 1u);
  CHECK(running.vm->call(Export::on_done, {100'000'000}) == UINT32_MAX);
}

TEST_CASE("a module that starts with more memory than allowed makes no VM", "[wasm]") {
  const auto module = compile(tick_text(""));
  FakeGuest guest;
  std::string error;
  CHECK_FALSE(Vm::instantiate(*module, {.memory = 65535}, as_guest(guest), error));
  CHECK(error == "it begins with 65536 bytes of memory, more than limits.max_memory_bytes (65535)");
}

TEST_CASE("where no limit is configured, a module may have twice what it begins with", "[wasm]") {
  const auto begins_with = [](std::string_view pages) {
    std::string text = tick_text("");
    const std::string_view one = "(memory (export \"memory\") 1)";
    REQUIRE(text.find(one) != std::string::npos);
    text.replace(text.find(one), one.size(),
                 "(memory (export \"memory\") " + std::string(pages) + ")");
    return compile(text);
  };
  CHECK(begins_with("1")->default_memory() == 128UL << 20U);
  CHECK(begins_with("1024")->default_memory() == 128UL << 20U);
  CHECK(begins_with("2100")->default_memory() == 2UL * 2100 * 65536);  // Coraza's.
  CHECK(begins_with("65536")->default_memory() == 1UL << 32U);
}

// Calls
// ----------------------------------------------------------------------------------------------------------

TEST_CASE("arguments and results of any width cross", "[wasm]") {
  Running running(
      module_text("(func (export \"proxy_on_http_call_response\") (param i32 i32 i32 i32 i32) "
                  "  (drop (call $note (local.get 0))) (drop (call $note (local.get 4)))) "
                  "(func (export \"proxy_on_done\") (param i32) (result i32) "
                  "  (call $note_wide (i32.const -1) (i64.const -2) (local.get 0)))"));
  CHECK(running.vm->call(Export::on_http_call_response, {0xffffffff, 2, 3, 4, 0x80000000}) == 0u);
  CHECK(running.guest.noted == std::vector<std::uint64_t>{0xffffffff, 0x80000000});
  running.guest.noted.clear();
  CHECK(running.vm->call(Export::on_done, {9}) == 77u);
  CHECK(running.guest.noted == std::vector<std::uint64_t>{0xffffffff, 0xfffffffffffffffe, 9});
}

TEST_CASE("exports are known by name, with the parameters they take", "[wasm]") {
  Running running(module_text(
      "(func (export \"proxy_on_request_headers\") (param i32 i32) (result i32) (local.get 1)) "
      "(func (export \"proxy_on_response_headers\") (param i32 i32 i32) (result i32) "
      "  (local.get 2))"));
  CHECK(running.vm->has(Export::on_request_headers));
  CHECK_FALSE(running.vm->has(Export::on_tick));
  CHECK(running.vm->parameters(Export::on_request_headers) == 2);
  CHECK(running.vm->parameters(Export::on_response_headers) == 3);
  CHECK(running.vm->call(Export::on_request_headers, {1, 5, 1}) == 5u);
  CHECK(running.vm->call(Export::on_response_headers, {1, 5, 8}) == 8u);
  CHECK(export_name(Export::on_http_call_response) == "proxy_on_http_call_response");
  CHECK(export_name(Export::on_delete) == "proxy_on_delete");
}

TEST_CASE("a VM starts by _initialize and main, else by _start", "[wasm]") {
  const std::string start = "(func (export \"_start\") (drop (call $note (i32.const 1)))) ";
  const std::string initialize =
      "(func (export \"_initialize\") (drop (call $note (i32.const 2)))) ";
  const std::string main =
      "(func (export \"main\") (param i32 i32) (result i32) (call $note (i32.const 3))) ";
  struct Case {
    std::string body;
    std::vector<std::uint64_t> noted;
  };
  for (const Case& c :
       {Case{"", {}}, Case{start, {1}}, Case{initialize, {2}}, Case{start + initialize, {2}},
        Case{start + main, {1}}, Case{start + initialize + main, {2, 3}}}) {
    Running running(module_text(c.body));
    CHECK(running.guest.noted.empty());
    CHECK(running.vm->start());
    CHECK(running.guest.noted == c.noted);
  }
  Running broken(module_text("(func (export \"_initialize\") unreachable)"));
  CHECK_FALSE(broken.vm->start());
  CHECK(broken.vm->trap().kind == TrapKind::unreachable);
}

TEST_CASE("a start section may run, but not call the host", "[wasm]") {
  Running running(
      module_text("(func $init (i32.store (i32.const 8) (i32.const 123))) (start $init)"));
  CHECK(running.vm->read_u32(8) == 123u);
  FakeGuest guest;
  std::string error;
  const auto eager =
      compile(module_text("(func $init (drop (call $note (i32.const 1)))) (start $init)"));
  CHECK_FALSE(Vm::instantiate(*eager, {}, as_guest(guest), error));
  CHECK_THAT(error, Catch::Matchers::Contains("env.note called by the module's start function"));
  CHECK(guest.noted.empty());
  const auto broken = compile(module_text("(func $init unreachable) (start $init)"));
  CHECK_FALSE(Vm::instantiate(*broken, {}, as_guest(guest), error));
  CHECK_THAT(error, Catch::Matchers::Contains("unreachable"));
}

// Memory
// ---------------------------------------------------------------------------------------------------------

TEST_CASE("no address outside of the memory is read or written", "[wasm]") {
  Running running(tick_text(""));
  Vm& vm = *running.vm;
  REQUIRE(vm.memory_size() == 65536);
  CHECK(vm.write(65530, "123456"));
  CHECK(vm.read(65530, 6) == "123456");
  CHECK(vm.read(65536, 0) == "");
  CHECK(vm.read(0, 65536)->size() == 65536);
  for (const auto& [pointer, length] :
       std::vector<std::pair<std::uint32_t, std::uint32_t>>{{65531, 6},
                                                            {65536, 1},
                                                            {65537, 0},
                                                            {0, 65537},
                                                            {0, 0xffffffff},
                                                            {0xffffffff, 0},
                                                            {0xffffffff, 1},
                                                            {0xffffffff, 0xffffffff},
                                                            {0x80000000, 0x80000000},
                                                            {65535, 0xffff0001}}) {
    CHECK_FALSE(vm.read(pointer, length));
  }
  CHECK_FALSE(vm.write(65531, "123456"));
  CHECK_FALSE(vm.write(0xfffffffe, "123456"));
  CHECK_FALSE(vm.read_u32(65533));
  CHECK_FALSE(vm.read_u32(0xfffffffd));
  CHECK_FALSE(vm.write_u64(65529, 1));
  CHECK(vm.write_u64(65528, 0x0102030405060708));
  CHECK(vm.read_u32(65528) == 0x05060708u);
}

/// Allocates from 1000 on, and grows the memory by a page each time.
constexpr std::string_view kAllocator =
    "(global $next (mut i32) (i32.const 1000)) "
    "(func (export \"malloc\") (param i32) (result i32) unreachable) "
    "(func (export \"proxy_on_memory_allocate\") (param i32) (result i32) "
    "  (drop (call $note (local.get 0))) (drop (memory.grow (i32.const 1))) "
    "  (global.get $next) (global.set $next (i32.add (global.get $next) (local.get 0)))) ";

TEST_CASE("bytes are given through the guest's allocator, from inside a host function", "[wasm]") {
  Running running(module_text(
      std::string(kAllocator) +
      "(func (export \"proxy_on_done\") (param i32) (result i32) (call $hook (local.get 0)))"));
  Vm& vm = *running.vm;
  running.guest.hook = [&](std::uint32_t) {
    CHECK(vm.give("hello", 16, 20) == Status::ok);
    CHECK(vm.give("", 24, 28) == Status::ok);
    // From the guest's own memory, which allocating may move.
    CHECK(vm.give(*vm.read(1000, 5), 32, 36) == Status::ok);
    return 6U;
  };
  CHECK(vm.call(Export::on_done, {1}) == 6u);
  CHECK(running.guest.noted == std::vector<std::uint64_t>{5, 5});  // None for no bytes.
  CHECK(vm.read_u32(16) == 1000u);
  CHECK(vm.read_u32(20) == 5u);
  CHECK(vm.read(1000, 5) == "hello");
  CHECK(vm.read_u32(24) == 0u);
  CHECK(vm.read_u32(28) == 0u);
  CHECK(vm.read(*vm.read_u32(32), 5) == "hello");
  CHECK(vm.memory_size() == 3UL * 65536);
}

TEST_CASE("what is given may change while the guest allocates for it", "[wasm]") {
  Running running(module_text(
      "(func (export \"malloc\") (param i32) (result i32) "
      "  (drop (call $hook (i32.const 2))) (i32.const 1000)) "
      "(func (export \"proxy_on_tick\") (param i32) (drop (call $hook (i32.const 1))))"));
  std::string value(3000, 'a');
  running.guest.hook = [&](std::uint32_t asked) {
    if (asked == 1) CHECK(running.vm->give(value, 16, 20) == Status::ok);
    if (asked == 2) value = std::string(100'000, 'b');
    return 0U;
  };
  REQUIRE(running.tick());
  CHECK(running.vm->read_u32(20) == 3000u);
  CHECK(running.vm->read(1000, 3000) == std::string(3000, 'a'));
}

TEST_CASE("bytes can't be given to a guest that has no place for them", "[wasm]") {
  SECTION("no allocator") {
    Running running(tick_text(""));
    CHECK(running.vm->give("x", 16, 20) == Status::invalid_memory_access);
    CHECK(running.vm->give("", 16, 20) == Status::ok);
  }
  SECTION("where to say so is not in the memory") {
    Running running(module_text(kAllocator));
    CHECK(running.vm->give("x", 0xffffffff, 20) == Status::invalid_memory_access);
    CHECK(running.vm->give("x", 16, 0xfffffffe) == Status::invalid_memory_access);
    CHECK(running.vm->give("", 0xfffffff0, 20) == Status::invalid_memory_access);
  }
  for (const std::string_view answer : {"(i32.const 0)", "(i32.const -1)", "(i32.const 65535)"}) {
    DYNAMIC_SECTION("the allocator answers " << answer) {
      Running running(module_text("(func (export \"malloc\") (param i32) (result i32) " +
                                  std::string(answer) + ")"));
      CHECK(running.vm->give("xy", 16, 20) == Status::invalid_memory_access);
      CHECK(running.vm->read_u32(16) == 0u);
    }
  }
}

TEST_CASE("a trap in the allocator ends the call that it was for", "[wasm]") {
  Running running(
      module_text("(func (export \"malloc\") (param i32) (result i32) unreachable) "
                  "(func (export \"proxy_on_tick\") (param i32) "
                  "  (drop (call $hook (i32.const 1))) (drop (call $note (i32.const 2))))"));
  running.guest.hook = [&](std::uint32_t) {
    CHECK(running.vm->give("x", 16, 20) == Status::invalid_memory_access);
    CHECK(running.vm->give("y", 16, 20) == Status::invalid_memory_access);  // Not even tried.
    return 0U;
  };
  REQUIRE_FALSE(running.tick());
  CHECK(running.vm->trap().kind == TrapKind::unreachable);
  CHECK_THAT(running.vm->trap().text, Catch::Matchers::StartsWith("malloc: unreachable"));
  CHECK(running.guest.noted.empty());
}

TEST_CASE("a guest that calls itself through the host is stopped by its stack", "[wasm]") {
  Running running(tick_text("(drop (call $hook (local.get 0)))"), {.callback = 60s});
  std::uint32_t deepest = 0;
  running.guest.hook = [&](std::uint32_t depth) {
    deepest = std::max(deepest, depth);
    (void)running.tick(depth + 1);
    return 0U;
  };
  REQUIRE_FALSE(running.tick(1));
  CHECK(running.vm->trap().kind == TrapKind::stack_overflow);
  CHECK(deepest > 10);
}

TEST_CASE("the time of a callback includes what it calls through the host", "[wasm]") {
  Running running(
      module_text(
          "(func (export \"malloc\") (param i32) (result i32) (loop $l (br $l)) (i32.const 0)) "
          "(func (export \"proxy_on_tick\") (param i32) (drop (call $hook (i32.const 1))))"),
      {.callback = 20ms});
  running.guest.hook = [&](std::uint32_t) {
    (void)running.vm->give("x", 16, 20);
    return 0U;
  };
  REQUIRE_FALSE(running.tick());
  CHECK(running.vm->trap().kind == TrapKind::timeout);
}

// Threads, log
// ---------------------------------------------------------------------------------------------------

TEST_CASE("VMs of one module run on several threads", "[wasm]") {
  const auto module = compile(
      module_text("(func (export \"proxy_on_done\") (param i32) (result i32) "
                  "  (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) "
                  "  (drop (call $note (local.get 0))) (i32.load (i32.const 0))) "
                  "(func (export \"proxy_on_tick\") (param i32) unreachable)"));
  constexpr std::uint32_t kCalls = 2'000;
  const auto work = [&module](bool& good) {
    FakeGuest guest;
    std::string error;
    const auto vm = Vm::instantiate(*module, {.callback = 10s}, as_guest(guest), error);
    good = vm != nullptr;
    for (std::uint32_t i = 1; good && i <= kCalls; ++i) {
      good = vm->call(Export::on_done, {i}) == i;
      if (i % 500 == 0) good = good && !vm->call(Export::on_tick, {0});
    }
    good = good && guest.noted.size() == kCalls;
  };
  bool first = false;
  bool second = false;
  std::thread other([&] { work(first); });
  work(second);
  other.join();
  CHECK(first);
  CHECK(second);
}

TEST_CASE("host calls are traced as Envoy traces them", "[wasm]") {
  const std::string path = "wasm_trace_test.log";
  (void)std::remove(path.c_str());
  REQUIRE(base::configure_log({.level = base::LogLevel::off,
                               .component_levels = {{base::Component::wasm, base::LogLevel::trace}},
                               .path = path,
                               .format = "%v"})
              .empty());
  {
    Running running(
        module_text(std::string(kAllocator) +
                    "(func (export \"proxy_on_context_create\") (param i32 i32)) "
                    "(func (export \"proxy_on_done\") (param i32) (result i32) "
                    "  (call $note_wide (i32.const -1) (i64.const -1) (i32.const 2)))"));
    CHECK(running.vm->call(Export::on_context_create, {2, 1}) == 0u);
    CHECK(running.vm->call(Export::on_done, {1}) == 77u);
    CHECK(running.vm->give("abc", 16, 20) == Status::ok);
  }
  base::set_log_level(base::LogLevel::info);
  std::ifstream file(path);
  std::string lines;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('[')) lines += line + "\n";
  }
  CHECK(lines ==
        "[host->vm] proxy_on_context_create(2, 1)\n"
        "[host<-vm] proxy_on_context_create return: void\n"
        "[host->vm] proxy_on_done(1)\n"
        "[vm->host] env.note_wide(4294967295, 18446744073709551615, 2)\n"
        "[vm<-host] env.note_wide return: 77\n"
        "[host<-vm] proxy_on_done return: 77\n"
        "[host->vm] proxy_on_memory_allocate(3)\n"
        "[vm->host] env.note(3)\n"
        "[vm<-host] env.note return: 0\n"
        "[host<-vm] proxy_on_memory_allocate return: 1000\n");
  (void)std::remove(path.c_str());
}

}  // namespace
}  // namespace holdfast::wasm
