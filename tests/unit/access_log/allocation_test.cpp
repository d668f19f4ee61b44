// A line costs no allocation once the renderer has its buffer.
#include <string>

#include "access_log/renderer.hpp"
#include "allocation_counter.hpp"
#include "sample_record.hpp"

namespace holdfast::access_log {
namespace {

void check_no_allocation(const config::AccessLog& log) {
  const test::Sample sample;
  const CompileResult compiled = compile(log);
  REQUIRE(compiled.format != nullptr);
  Renderer renderer(compiled.format);
  const std::size_t length = renderer.render(sample.record).size();
  std::size_t sum = 0;
  Record record = sample.record;
  const std::size_t before = allocations.load();
  for (int i = 0; i < 100; ++i) {
    record.start += std::chrono::milliseconds(300);
    sum += renderer.render(record).size();
  }
  const std::size_t after = allocations.load();
  CHECK(after == before);
  CHECK(sum == 100 * length);
}

TEST_CASE("a text line is rendered without allocation", "[access_log]") {
  config::AccessLog log;
  check_no_allocation(log);
  log.template_text = "%START_TIME(%Y %s.%6f %Z)% %RESPONSE_FLAGS_LONG% %REQ(X-NONE?X-A):2%\n";
  check_no_allocation(log);
}

TEST_CASE("a JSON line is rendered without allocation", "[access_log]") {
  config::AccessLog log;
  log.format = config::AccessLog::Format::json;
  log.template_text = R"json({"t":"%START_TIME%","q":"%REQ(X-Q)%","l":"%REQ(X-ESC)% %DURATION%",
                          "p":"%DOWNSTREAM_REMOTE_PORT%"})json";
  check_no_allocation(log);
}

}  // namespace
}  // namespace holdfast::access_log
