// A renderer over its life: what it keeps from one line to the next must never show.
#include "access_log/renderer.hpp"

#include <array>
#include <memory>
#include <string>

#include "sample_record.hpp"

namespace holdfast::access_log {
namespace {

using test::Sample;

std::shared_ptr<const Format> make_format(config::AccessLog::Format kind, const std::string& text) {
  config::AccessLog log;
  log.format = kind;
  log.template_text = text;
  const CompileResult compiled = compile(log);
  INFO(compiled.error);
  REQUIRE(compiled.format != nullptr);
  return compiled.format;
}

TEST_CASE("a line of any size finds its room", "[access_log]") {
  const Sample sample;
  Record record = sample.record;
  Renderer json(make_format(config::AccessLog::Format::json,
                            R"json({"a":"%REQ(:PATH)%","b":"<%REQ(:PATH)%>%RESPONSE_FLAGS_LONG%",
                                    "c":"%REQ(:METHOD)%","d":"%BYTES_SENT%","e":"%START_TIME%"})json"));
  Renderer plain(
      make_format(config::AccessLog::Format::text, "%REQ(:PATH)%|%REQ(:PATH)%|%START_TIME%\n"));
  for (int flag = 0; flag < static_cast<int>(Flag::none); ++flag) {
    record.flags.set(static_cast<Flag>(flag));
  }
  std::array<char, kFlagsText> scratch;
  const std::string flags(flags_text(record.flags, true, scratch.data()));
  record.bytes_sent = UINT64_MAX;
  const std::string time = "2026-11-23T21:11:07.497Z";
  const std::string end = flags + R"(","c":"POST","d":18446744073709551615,"e":")" + time + "\"}\n";
  // Byte by byte around the first buffer's size, and far beyond it.
  for (std::size_t size = 1; size < 70'000; size += size < 1200 ? 1 : 9973) {
    for (const char c : {'x', '\x01'}) {
      const std::string path(size, c);
      std::string escaped;
      for (std::size_t i = 0; i < size; ++i) escaped += c == 'x' ? "x" : "\\u0001";
      record.path = path;
      if (json.render(record) != R"({"a":")" + escaped + R"(","b":"<)" + escaped + ">" + end ||
          plain.render(record) != path + "|" + path + "|" + time + "\n") {
        FAIL("wrong at " << size);
      }
    }
    if (size == 300) CHECK(json.release() > 300);
  }
  CHECK(json.release() > 0);
  CHECK(json.release() == 0);
  record.path = "/";
  CHECK(json.render(record) == R"({"a":"/","b":"</>)" + end);
}

TEST_CASE("a format without values is its text", "[access_log]") {
  Renderer renderer(make_format(config::AccessLog::Format::text, std::string(5000, 'x')));
  CHECK(renderer.render(Record{}) == std::string(5000, 'x'));
}

}  // namespace
}  // namespace holdfast::access_log
