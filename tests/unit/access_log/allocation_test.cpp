// A line costs no allocation once the buffer has its size.
#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include "access_log/format.hpp"
#include "sample_record.hpp"

namespace {
std::atomic<std::size_t> allocations{0};
}

// The whole program counts; only differences matter.
void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* p = std::malloc(size == 0 ? 1 : size);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t /*size*/) noexcept {
  std::free(p);
}

namespace holdfast::access_log {
namespace {

void check_no_allocation(const config::AccessLog& log) {
  const test::Sample sample;
  const CompileResult compiled = compile(log);
  REQUIRE(compiled.format != nullptr);
  std::string out;
  compiled.format->append(sample.record, out);
  const std::size_t length = out.size();
  out.reserve(2 * length);
  const std::size_t before = allocations.load();
  for (int i = 0; i < 100; ++i) {
    out.clear();
    compiled.format->append(sample.record, out);
  }
  const std::size_t after = allocations.load();
  CHECK(after == before);
  CHECK(out.size() == length);
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
