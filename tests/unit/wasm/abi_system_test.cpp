// Host functions that have nothing to do with HTTP: log, clocks, WASI, foreign functions; and all
// of them with hostile arguments.
#include <algorithm>
#include <chrono>

#include "base/log.hpp"
#include "catch.hpp"
#include "wasm/foreign.hpp"
#include "wasm/plugin_fixture.hpp"

namespace holdfast::wasm {
namespace {

struct SystemFixture : PluginFixture {
  Lines run(Wat& wat, std::string_view body) {
    wat.quiet("proxy_on_request_headers", 3, 0, body);
    Plugin& plugin = start(wat);
    FakeStream stream;
    request(plugin, stream)->end(true);
    return said();
  }
  Lines run(std::string_view body) {
    Wat wat;
    return run(wat, body);
  }
};

TEST_CASE_METHOD(SystemFixture, "a plugin logs at its level, as far as ours lets it", "[wasm]") {
  Wat wat;
  std::string body;
  for (const int level : {0, 1, 2, 3, 4, 5})
    body += "(drop (call $log " + ints(level) + wat.text("level " + std::to_string(level)) + "))";
  wat.quiet("proxy_on_request_headers", 3, 0, body);
  Plugin& plugin = start(wat);
  FakeStream stream;
  request(plugin, stream)->end(true);
  CHECK(log.take() ==
        Lines{"info wasm log plug root vm: level 2", "warning wasm log plug root vm: level 3",
              "error wasm log plug root vm: level 4", "critical wasm log plug root vm: level 5"});
  base::set_log_level(base::Component::wasm, base::LogLevel::error);
  request(plugin, stream)->end(true);
  base::set_log_level(base::Component::wasm, base::LogLevel::info);
  CHECK(log.take() ==
        Lines{"error wasm log plug root vm: level 4", "critical wasm log plug root vm: level 5"});
}

TEST_CASE_METHOD(SystemFixture,
                 "log levels that there are none of, and text outside of memory, are refused",
                 "[wasm]") {
  Wat wat;
  CHECK(run(wat, note("log", ints(6) + wat.text("x")) + note("log", ints(-1) + wat.text("x")) +
                     note("log", ints(2, -8, 16)) + note("log", ints(2, 0, -1))) ==
        Lines{"2", "2", "6", "6"});
}

TEST_CASE_METHOD(SystemFixture, "a plugin asks for our log level", "[wasm]") {
  CHECK(run(note("get_log_level", ints(24)) + "(call $note (i32.load (i32.const 24)))" +
            note("get_log_level", ints(-1))) == Lines{"0", "2", "6"});
}

TEST_CASE_METHOD(SystemFixture, "clocks: the wall's and the steady one", "[wasm]") {
  const std::string zero_clock = "(i32.const 0) (i64.const 0) ";
  const auto before = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
  const std::string seconds =
      "(call $note (i32.wrap_i64 (i64.div_u (i64.load (i32.const 24)) (i64.const 1000000000))))";
  const Lines lines =
      run(note("get_current_time_nanoseconds", ints(24)) + seconds +
          note("clock_time_get", zero_clock + ints(24)) + seconds +
          note("clock_time_get", "(i32.const 1) (i64.const 0) (i32.const 24)") +
          "(call $note (i64.ne (i64.load (i32.const 24)) (i64.const 0)))" +
          note("clock_time_get", "(i32.const 2) (i64.const 0) (i32.const 24)") +
          note("clock_time_get", zero_clock + ints(-1)) + note("clock_res_get", ints(1, 24)) +
          note("clock_res_get", ints(2, 24)) + note("get_current_time_nanoseconds", ints(-4)));
  const auto after = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
  REQUIRE(lines.size() == 11);
  for (const std::size_t at : {1, 3}) {
    const long long told = std::stoll(lines[at]);
    CHECK(told >= before.count());
    CHECK(told <= after.count());
  }
  CHECK(Lines(lines.begin() + 4, lines.end()) == Lines{"0", "1", "58", "21", "0", "58", "6"});
}

// WASI.

/// fd_write of these pieces; their list lies at 256.
std::string write(Wat& wat, int descriptor, std::initializer_list<std::string_view> pieces) {
  std::string code;
  int at = 256;
  for (const std::string_view piece : pieces) {
    const std::string where = wat.text(piece);
    const std::size_t middle = where.find(") (") + 1;
    code += "(i32.store (i32.const " + std::to_string(at) + ") " + where.substr(0, middle) + ")";
    code += "(i32.store (i32.const " + std::to_string(at + 4) + ") " + where.substr(middle) + ")";
    at += 8;
  }
  return code + note("fd_write", ints(descriptor, 256, static_cast<int>(pieces.size()), 24));
}

TEST_CASE_METHOD(SystemFixture, "what a plugin prints is logged line by line", "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_request_headers", 3, 0,
            write(wat, 2, {"panic: ", "it is ", "broken\nsecond line\nthi"}) +
                write(wat, 1, {"out", "", "put"}) + write(wat, 2, {"rd\n"}) +
                write(wat, 3, {"nowhere"}) + "(call $note (i32.load (i32.const 24)))");
  Plugin& plugin = start(wat);
  FakeStream stream;
  request(plugin, stream)->end(true);
  CHECK(log.take() == Lines{"error wasm log plug root vm: panic: it is broken",
                            "error wasm log plug root vm: second line",
                            "info wasm log plug root vm: 0", "info wasm log plug root vm: 0",
                            "error wasm log plug root vm: third", "info wasm log plug root vm: 0",
                            "info wasm log plug root vm: 8", "info wasm log plug root vm: 3",
                            "info wasm log plug root vm: output"});
}

TEST_CASE_METHOD(SystemFixture, "what is printed without an end of line is bounded", "[wasm]") {
  Wat wat;
  const std::string more(10'000, 'x');
  const Lines lines = run(wat, write(wat, 1, {more, more}) + write(wat, 1, {more, more}));
  std::vector<std::size_t> sizes;
  for (const std::string& line : lines) {
    if (line.size() > 1) sizes.push_back(line.size());
  }
  CHECK(sizes == std::vector<std::size_t>{16'384, 16'384, 7'232});
}

TEST_CASE_METHOD(SystemFixture, "no more is printed at once than a pipe would take", "[wasm]") {
  Wat wat;
  const std::string text = wat.text(std::string(1'000, 'x'));
  const std::string piece = text.substr(0, text.find(") (") + 1);
  // 1,024 times the same 1,000 bytes.
  const Lines lines = run(
      wat,
      "(local $i i32) (loop $next "
      "(i32.store (i32.add (i32.const 16384) (local.get $i)) " +
          piece +
          ")"
          "(i32.store (i32.add (i32.const 16388) (local.get $i)) (i32.const 1000))"
          "(local.set $i (i32.add (local.get $i) (i32.const 8)))"
          "(br_if $next (i32.lt_u (local.get $i) (i32.const 8192))))" +
          note("fd_write", ints(1, 16384, 1024, 24)) + "(call $note (i32.load (i32.const 24)))");
  std::size_t printed = 0;
  for (const std::string& line : lines) printed += line.starts_with('x') ? line.size() : 0;
  CHECK(printed == 256UL * 1024);
  CHECK(std::count(lines.begin(), lines.end(), "262144") == 1);
}

TEST_CASE_METHOD(SystemFixture, "printing from outside of memory is refused", "[wasm]") {
  Wat wat;
  CHECK(run(wat, note("fd_write", ints(1, -8, 1, 24)) + note("fd_write", ints(1, -4, 1, 24)) +
                     note("fd_write", ints(1, 0, -1, 24)) +
                     "(i32.store (i32.const 256) (i32.const -8)) (i32.store (i32.const 260) "
                     "(i32.const 16))" +
                     note("fd_write", ints(1, 256, 1, 24)) + write(wat, 1, {"fine"}) +
                     note("fd_write", ints(1, 256, 1, -1))) ==
        Lines{"21", "21", "28", "21", "0", "21", "finefine"});
}

TEST_CASE_METHOD(SystemFixture, "the environment is what the configuration says", "[wasm]") {
  Wat wat;
  wat.quiet("_initialize", 0, -1,
            note("environ_sizes_get", ints(24, 28)) +
                "(call $note (i32.load (i32.const 24)))(call $note (i32.load (i32.const 28)))" +
                note("environ_get", ints(32, 512)) +
                "(call $say (i32.load (i32.const 32)) (i32.const 5))(call $say (i32.load "
                "(i32.const 36)) (i32.const 4))" +
                "(call $note (i32.load8_u (i32.const 517)))" + note("environ_get", ints(-1, 512)) +
                note("environ_get", ints(32, -2)) + note("environ_sizes_get", ints(-1, 28)) +
                note("args_sizes_get", ints(24, 28)) + "(call $note (i32.load (i32.const 24)))" +
                note("args_get", ints(24, 28)));
  const auto settings = config(wat);
  settings->environment = {{"KEY", "1"}, {"B", "22"}};
  start(settings);
  CHECK(said() ==
        Lines{"0", "2", "11", "0", "KEY=1", "B=22", "0", "21", "21", "21", "0", "0", "0"});
}

TEST_CASE_METHOD(SystemFixture,
                 "there are no files, and Go's runtime gets the answers that it needs", "[wasm]") {
  CHECK(run(note("fd_fdstat_get", ints(0, 64)) + note("fd_fdstat_get", ints(1, 64)) +
            "(call $note (i32.load (i32.const 72)))" + note("fd_fdstat_set_flags", ints(1, 4)) +
            note("fd_prestat_get", ints(3, 64)) + note("fd_prestat_dir_name", ints(3, 64, 1)) +
            note("fd_close", ints(1)) + note("fd_read", ints(0, 0, 0, 0)) + note("sched_yield") +
            "(i32.store (i32.const 64) (i32.const 7))" + note("poll_oneoff", ints(0, 0, 1, 64)) +
            "(call $note (i32.load (i32.const 64)))" + note("poll_oneoff", ints(0, 0, 1, -1)) +
            note("path_open",
                 "(i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (i64.const "
                 "0) (i64.const 0)"
                 " (i32.const 0) (i32.const 24)")) ==
        Lines{"8", "0", "64", "52", "8", "52", "0", "52", "0", "0", "0", "21", "44"});
}

TEST_CASE_METHOD(SystemFixture, "random bytes differ, and are bounded", "[wasm]") {
  CHECK(run(note("random_get", ints(64, 16)) + note("random_get", ints(80, 16)) +
            "(call $note (i64.ne (i64.load (i32.const 64)) (i64.load (i32.const 80))))" +
            note("random_get", ints(0, 0)) + note("random_get", ints(-8, 16)) +
            note("random_get", ints(0, 65'537)) + note("random_get", ints(65'536, 65'536))) ==
        Lines{"0", "0", "1", "0", "21", "28", "0"});
}

TEST_CASE_METHOD(SystemFixture, "a plugin that exits has trapped", "[wasm]") {
  Wat wat;
  wat.quiet("proxy_on_request_headers", 3, 0, "(call $proc_exit (i32.const 2))");
  Plugin& plugin = start(wat);
  FakeStream stream;
  request(plugin, stream)->end(true);
  CHECK(stream.events == Lines{"failed"});
  CHECK(stats->trap_exit.get() == 1);
  CHECK(said().at(0).find("proc_exit(2)") != std::string::npos);
}

TEST_CASE_METHOD(SystemFixture, "AssemblyScript's abort traps with its message", "[wasm]") {
  using std::string_view_literals::operator""sv;
  Wat wat;
  // A byte length, then 16-bit units.
  const std::string message = wat.text("\x04\0\0\0n\0o\0"sv);
  const std::string pointer = message.substr(0, message.find(") (") + 1);
  wat.quiet("proxy_on_request_headers", 3, 0,
            "(call $abort (i32.add " + pointer +
                " (i32.const 4)) (i32.const 0) (i32.const 7) (i32.const 8))");
  Plugin& plugin = start(wat);
  FakeStream stream;
  request(plugin, stream)->end(true);
  CHECK(stream.events == Lines{"failed"});
  CHECK(said().at(0).find("abort: no at :7:8") != std::string::npos);
}

// Foreign functions.

TEST_CASE("what is compressed is uncompressed again", "[wasm]") {
  for (const std::string& text :
       {std::string(), std::string("hello hello hello"), std::string(1'000'000, 'x')}) {
    std::string packed;
    std::string unpacked;
    CHECK(call_foreign("compress", text, 2'000'000, packed) == Status::ok);
    CHECK(call_foreign("uncompress", packed, 2'000'000, unpacked) == Status::ok);
    CHECK(unpacked == text);
  }
}

TEST_CASE("neither takes longer than it may", "[wasm]") {
  const auto past = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  std::string packed;
  std::string out;
  const std::string text(4'000'000, 'x');
  CHECK(call_foreign("compress", text, 0, packed, past) == Status::internal_failure);
  CHECK(packed.empty());
  CHECK(call_foreign("compress", text, 0, packed) == Status::ok);
  CHECK(call_foreign("uncompress", packed, text.size(), out, past) == Status::internal_failure);
  CHECK(out.empty());
}

TEST_CASE("uncompressing is bounded, and ends for what is cut short or no zlib data", "[wasm]") {
  std::string packed;
  std::string out;
  CHECK(call_foreign("compress", std::string(1'000'000, 'x'), 0, packed) == Status::ok);
  CHECK(call_foreign("uncompress", packed, 999'999, out) == Status::serialization_failure);
  CHECK(call_foreign("uncompress", packed, 1'000'000, out) == Status::ok);
  for (std::size_t size = 0; size < packed.size(); size += 1 + size / 8) {
    INFO(size);
    CHECK(call_foreign("uncompress", packed.substr(0, size), 2'000'000, out) ==
          Status::serialization_failure);
  }
  CHECK(call_foreign("uncompress", "no zlib data", 2'000'000, out) ==
        Status::serialization_failure);
  CHECK(call_foreign("nope", "x", 100, out) == Status::not_found);
}

TEST_CASE_METHOD(SystemFixture, "foreign functions are called by name", "[wasm]") {
  Wat wat;
  const std::string compress = wat.text("compress");
  const std::string given = "(i32.load (i32.const 40)) (i32.load (i32.const 44)) ";
  CHECK(
      run(wat,
          note("call_foreign_function", compress + wat.text("text text text text") + ints(40, 44)) +
              note_given("call_foreign_function", wat.text("uncompress") + given + ints(16, 20)) +
              note("call_foreign_function", wat.text("nope") + ints(0, 0, 16, 20)) +
              note("call_foreign_function",
                   wat.text("uncompress") + wat.text("junk") + ints(16, 20)) +
              note("call_foreign_function", compress + wat.text("x") + ints(0, 24)) +
              "(call $note (i32.load (i32.const 24)))" +
              note("call_foreign_function", compress + wat.text("x") + ints(0, 0)) +
              note("call_foreign_function", compress + ints(-8, 16, 16, 20)) +
              note("call_foreign_function", ints(-8, 16, 0, 0, 16, 20)) +
              note("call_foreign_function", compress + wat.text("x") + ints(-1, 20))) ==
      Lines{"0", "0", "text text text text", "1", "3", "0", "9", "0", "6", "6", "6"});
}

// All of them.

/// One callback that calls `import` once for each tuple of hostile values, all its arguments drawn
/// from `values`.
std::string hostile_calls(const HostImport& import, std::string_view alias) {
  static constexpr std::array<std::int64_t, 8> kValues = {0,       1,       7,         -1,
                                                          262'143, 262'144, INT32_MIN, INT32_MAX};
  std::string code;
  for (std::size_t round = 0; round < 64; ++round) {
    code += import.results.empty() ? "(call $" : "(drop (call $";
    code += alias;
    std::size_t mixed = round;
    for (const char type : import.parameters) {
      const std::int64_t value = kValues.at(mixed % kValues.size());
      mixed = mixed * 31 + round / kValues.size() + 1;
      code += type == 'I' ? " (i64.const " : " (i32.const ";
      code += std::to_string(type == 'I' && value == -1 ? INT64_MIN : value) + ")";
    }
    code += import.results.empty() ? ")\n" : "))\n";
  }
  return code;
}

TEST_CASE_METHOD(SystemFixture,
                 "every host function survives hostile arguments from every kind of callback",
                 "[wasm]") {
  for (const HostImport& import : host_imports()) {
    if (import.module == "wasi_unstable" || import.name == "proc_exit" || import.name == "abort")
      continue;
    INFO(import.name);
    std::string_view alias = import.name;
    if (alias.starts_with("proxy_")) alias.remove_prefix(6);
    host = PluginHost::make(worker, shared, *stats, 1);
    Wat wat;
    const std::string calls = hostile_calls(import, alias);
    wat.add("(func $hostile " + calls + ")");
    for (const std::string_view name : {"proxy_on_vm_start", "proxy_on_configure"})
      wat.quiet(name, 2, 1, "(call $hostile)");
    wat.quiet("proxy_on_request_headers", 3, 0, "(call $hostile)")
        .quiet("proxy_on_log", 1, -1, "(call $hostile)");
    wat.quiet("proxy_on_http_call_response", 5, -1, "(call $hostile)")
        .quiet("_initialize", 0, -1, "(call $hostile)");
    Plugin& plugin = start(wat);
    FakeStream stream;
    stream.maps[MapType::request_headers].pairs = {{"a", "b"}};
    stream.bodies[BufferType::request_body] = "body";
    request(plugin, stream)->end(true);
    while (!worker.calls.empty()) worker.answer({});
    CHECK(traps() == 0);
  }
}

}  // namespace
}  // namespace holdfast::wasm
