// What is compiled, what is refused and why, what comes from the cache; the ticker.
#include "wasm/engine.hpp"

#include <sys/resource.h>

#include <fstream>
#include <thread>

#include "wasm/fake_guest.hpp"
#include "wasm/temporary_folder.hpp"
#include "wasm/ticker.hpp"

namespace holdfast::wasm {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::Contains;

std::string refused(std::string_view text) {
  std::string error;
  CHECK_FALSE(shared_engine().compile(text, error));
  return error;
}

TEST_CASE("what is no module is refused", "[wasm]") {
  CHECK_THAT(refused(""), Contains("neither WebAssembly nor its text form"));
  CHECK_THAT(refused("(module)"),
             Contains("no memory is exported") && Contains("no proxy_abi_version_0_1_0"));
  CHECK_THAT(refused("(module"), Contains("neither WebAssembly nor its text form"));
  CHECK_THAT(refused("\x7f"
                     "ELF"),
             Contains("neither WebAssembly nor its text form"));
  CHECK_THAT(refused(std::string_view("\0asm\1\0\0\0\xff", 9)),
             Contains("section") || Contains("end"));
  CHECK_THAT(refused(std::string_view("\0asm\7\0\0\0", 8)), Contains("version"));
  CHECK_THAT(refused(std::string_view("\0as", 3)), Contains("neither"));
}

TEST_CASE("every import that is missing or has another type is named", "[wasm]") {
  const std::string error = refused(
      "(module (import \"env\" \"proxy_nope\" (func (param i32))) "
      "(import \"env\" \"proxy_nope\" (func)) "
      "(import \"other\" \"note\" (func)) "
      "(import \"env\" \"note\" (func (param i32 f64) (result i64 f32))) "
      "(import \"env\" \"note\" (func (param i32) (result i32))) "
      "(import \"env\" \"leave\" (func)) "
      "(import \"env\" \"memory\" (memory 1)) "
      "(import \"env\" \"base\" (global i32)) "
      "(import \"env\" \"table\" (table 1 funcref)) "
      "(export \"memory\" (memory 0)) (func (export \"proxy_abi_version_0_2_0\")) " +
      std::string(kAllocator) + ")");
  CHECK(error ==
        "import env.proxy_nope is not provided by Holdfast; import env.proxy_nope is not provided "
        "by Holdfast; "
        "import other.note is not provided by Holdfast; "
        "import env.note has the type (i32, f64) -> i64, f32, Holdfast's is (i32) -> i32; "
        "import env.leave has the type () -> nothing, Holdfast's is (i32) -> nothing; "
        "import env.memory is a memory: Holdfast provides functions only; "
        "import env.base is a global: Holdfast provides functions only; "
        "import env.table is a table: Holdfast provides functions only");
}

TEST_CASE("a module without a memory, an ABI version, or with callbacks of another type is refused",
          "[wasm]") {
  CHECK(refused("(module (func (export \"proxy_abi_version_0_2_0\")))") ==
        "no memory is exported as \"memory\"; "
        "neither proxy_on_memory_allocate nor malloc is exported");
  CHECK_THAT(
      refused(
          "(module (memory (export \"memory\") 1) (func (export \"proxy_abi_version_0_3_0\")))"),
      Contains("no proxy_abi_version_0_1_0"));
  CHECK_THAT(refused("(module (memory 1) (global (export \"memory\") i32 (i32.const 0)) "
                     "(func (export \"proxy_abi_version_0_2_0\")))"),
             Contains("no memory is exported"));
  CHECK(refused(module_text(
            "(func (export \"proxy_on_tick\")) "
            "(func (export \"malloc\") (param i64) (result i64) (local.get 0)) "
            "(func (export \"proxy_on_request_headers\") (param i32) (result i32) (local.get 0)) "
            "(func (export \"something_else\") (param f64))")) ==
        "export proxy_on_tick has the type () -> nothing, not (i32) -> nothing; "
        "export malloc has the type (i64) -> i64, not (i32) -> i32; "
        "export proxy_on_request_headers has the type (i32) -> i32, not (i32, i32, i32) -> i32");
}

TEST_CASE("what would get around the limits is not understood", "[wasm]") {
  const std::string mark =
      "(func (export \"proxy_abi_version_0_2_0\")) " + std::string(kAllocator);
  CHECK_FALSE(refused("(module (memory (export \"memory\") i64 1) " + mark + ")").empty());
  CHECK_FALSE(refused("(module (memory (export \"memory\") 1 2 shared) " + mark + ")").empty());
  CHECK_FALSE(refused("(module (memory (export \"memory\") 1) (memory 1) " + mark + ")").empty());
  CHECK_FALSE(
      refused("(module (memory (export \"memory\") 1) (type (array i32)) " + mark + ")").empty());
}

TEST_CASE("the ABI is read from the exports", "[wasm]") {
  const auto abi_of = [](const std::string& marks) {
    return compile("(module (memory (export \"memory\") 1) " + std::string(kAllocator) + marks + ")")
        ->abi();
  };
  const std::string first = "(func (export \"proxy_abi_version_0_1_0\"))";
  const std::string second = "(func (export \"proxy_abi_version_0_2_0\"))";
  const std::string third = "(func (export \"proxy_abi_version_0_2_1\"))";
  CHECK(abi_of(first) == AbiVersion::v0_1_0);
  CHECK(abi_of(second) == AbiVersion::v0_2_0);
  CHECK(abi_of(third) == AbiVersion::v0_2_1);
  CHECK(abi_of(third + second + first) == AbiVersion::v0_2_1);
  CHECK(abi_of(first + second) == AbiVersion::v0_2_0);
}

TEST_CASE("an import may be there twice", "[wasm]") {
  compile(
      "(module (import \"env\" \"note\" (func (param i32) (result i32))) "
      "(import \"env\" \"note\" (func (param i32) (result i32))) "
      "(memory (export \"memory\") 1) (func (export \"proxy_abi_version_0_2_0\")) " +
      std::string(kAllocator) + ")");
}

TEST_CASE("VM, module and engine may go in any order", "[wasm]") {
  FakeGuest guest;
  std::string error;
  auto engine = make_engine();
  auto module = engine->compile(tick_text("(drop (call $note (local.get 0)))"), error);
  auto vm = Vm::instantiate(*module, {}, as_guest(guest), error);
  REQUIRE(vm);
  engine.reset();
  module.reset();
  CHECK(vm->call(Export::on_tick, {5}));
  CHECK(guest.noted == std::vector<std::uint64_t>{5});
}

TEST_CASE("compiled code is taken from the cache, and a damaged entry is made anew", "[wasm]") {
  const TemporaryFolder folder;
  const std::string text = tick_text("(drop (call $note (local.get 0)))");
  const auto compile_anew = [&] {
    std::string error;
    auto module = make_engine(folder.path())->compile(text, error);
    INFO(error);
    REQUIRE(module);
    FakeGuest guest;
    const auto vm = Vm::instantiate(*module, {}, as_guest(guest), error);
    REQUIRE(vm);
    CHECK(vm->call(Export::on_tick, {7}));
    CHECK(guest.noted == std::vector<std::uint64_t>{7});
    return module->from_cache();
  };
  CHECK_FALSE(compile_anew());
  CHECK(compile_anew());
  const auto files = folder.files();
  REQUIRE(files.size() == 1);
  const auto size = std::filesystem::file_size(files[0]);
  SECTION("a byte changed") {
    std::fstream file(files[0], std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(size / 2));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(size / 2));
    file.put(static_cast<char>(byte ^ 1));
  }
  SECTION("cut off") {
    std::filesystem::resize_file(files[0], size - 1);
  }
  SECTION("empty") {
    std::filesystem::resize_file(files[0], 0);
  }
  SECTION("others may write it") {
    std::filesystem::permissions(files[0], std::filesystem::perms(0622));
  }
  CHECK_FALSE(compile_anew());
  CHECK(compile_anew());
}

TEST_CASE("another module is not taken for it, and no cache is needed", "[wasm]") {
  const TemporaryFolder folder;
  std::string error;
  const auto engine = make_engine(folder.path());
  CHECK_FALSE(engine->compile(tick_text("nop"), error)->from_cache());
  CHECK_FALSE(engine->compile(tick_text("nop nop"), error)->from_cache());
  CHECK(engine->compile(tick_text("nop"), error)->from_cache());
  CHECK(folder.files().size() == 2);
  const auto without = make_engine("none");
  CHECK_FALSE(without->compile(tick_text("nop"), error)->from_cache());
  CHECK_FALSE(without->compile(tick_text("nop"), error)->from_cache());
}

TEST_CASE("where address space is limited, memory moves as it grows", "[wasm]") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_AS, &before) == 0);
  const rlimit limit{1UL << 60, before.rlim_max};  // A limit, but none that stops a sanitizer.
  REQUIRE(::setrlimit(RLIMIT_AS, &limit) == 0);
  const auto engine = make_engine();
  REQUIRE(::setrlimit(RLIMIT_AS, &before) == 0);
  std::string error;
  const auto module = engine->compile(
      tick_text("(drop (memory.grow (i32.const 100))) (drop (i32.load (local.get 0)))"), error);
  REQUIRE(module);
  FakeGuest guest;
  const auto vm = Vm::instantiate(*module, {}, as_guest(guest), error);
  REQUIRE(vm);
  CHECK(vm->write_u32(100, 5));
  const void* const place = vm->read(0, 1)->data();
  for (std::uint32_t i = 1; i <= 10; ++i) {
    CHECK(vm->call(Export::on_tick, {65536 * (100 * i + 1) - 4}));
    CHECK(vm->memory_size() == 65536UL * (100 * i + 1));
    CHECK(vm->read_u32(100) == 5U);
    CHECK(vm->write_u32(65536 * (100 * i + 1) - 4, i));
    CHECK_FALSE(vm->write_u32(65536 * (100 * i + 1) - 3, i));
  }
  CHECK(vm->read(0, 1)->data() != place);
  CHECK_FALSE(vm->call(Export::on_tick, {0xfffffffc}));
  CHECK(vm->trap().kind == TrapKind::memory);
}

TEST_CASE("the ticker ticks while somebody runs, and sleeps when nobody has for long", "[wasm]") {
  std::atomic<int> ticks{0};
  Ticker ticker(1ms, [&ticks] { ++ticks; });
  Ticker::Runner runner;
  ticker.add(runner);
  const auto wait_until = [](const auto& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (!condition() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(1ms);
    return condition();
  };
  for (int round = 0; round < 2; ++round) {
    REQUIRE(wait_until([&] { return ticker.asleep_for_test(); }));
    ticker.enter(runner);
    const int before = ticks;
    CHECK(wait_until([&] { return ticks > before + 250; }));  // More than it takes to fall asleep.
    CHECK_FALSE(ticker.asleep_for_test());
    ticker.leave(runner);
  }
  ticker.remove(runner);
}

}  // namespace
}  // namespace holdfast::wasm
