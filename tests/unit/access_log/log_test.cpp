#include "access_log/log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "sample_record.hpp"
#include "temporary_directory.hpp"

namespace holdfast::access_log {
namespace {

using test::content;
using test::file_log;
using test::Sample;
using test::TemporaryDirectory;

std::shared_ptr<const Format> text_format(const std::string& text) {
  config::AccessLog log;
  log.template_text = text;
  const CompileResult compiled = compile(log);
  REQUIRE(compiled.format != nullptr);
  return compiled.format;
}

TEST_CASE("an idle log gives its buffer back", "[access_log]") {
  // Each log of each worker kept what its busiest second had needed.
  const TemporaryDirectory directory;
  stats::AccessLogStats writer_stats;
  stats::AccessLogStats stats;
  const Sample sample;
  std::size_t released = 0;
  std::size_t lines = 0;
  {
    Writer writer({}, writer_stats);
    const Writer::Opened opened = writer.open(file_log(directory / "a.log"));
    REQUIRE(opened.sink != nullptr);
    Log log(text_format("%REQ(X-A)% and more than fits into an empty string\n"), writer,
            *opened.sink, stats);
    // What a log is given for its buffer has room once the writer has written the first.
    for (; released == 0 && lines < 100'000; ++lines) {
      log.write(sample.record);
      while (log.buffered() > 0) CHECK(log.flush() == 0);
      CHECK(log.flush() == 0);
      released = log.flush();
    }
    CHECK(released > 0);
    CHECK(log.flush() == 0);
  }
  const std::string written = content(directory / "a.log");
  CHECK(static_cast<std::size_t>(std::ranges::count(written, '\n')) == lines);
}

TEST_CASE("lines wait in the buffer until a flush", "[access_log]") {
  const TemporaryDirectory directory;
  stats::AccessLogStats writer_stats;
  stats::AccessLogStats stats;
  const Sample sample;
  {
    Writer writer({}, writer_stats);
    const Writer::Opened opened = writer.open(file_log(directory / "a.log"));
    REQUIRE(opened.sink != nullptr);
    Log log(text_format("%REQ(X-A)%\n"), writer, *opened.sink, stats);
    log.flush();  // of nothing
    CHECK(stats.flushed_by_timer.get() == 0);
    log.write(sample.record);
    log.write(sample.record);
    CHECK(log.buffered() == 8);
    CHECK(stats.write_buffered.get() == 0);
    while (log.buffered() > 0) log.flush();  // the writer may hold its lock for a moment
    CHECK(stats.write_buffered.get() == 2);
    CHECK(stats.flushed_by_timer.get() >= 1);
    log.write(sample.record);
  }
  CHECK(content(directory / "a.log") == "val\nval\nval\n");
  CHECK(stats.write_buffered.get() == 3);
  CHECK(stats.dropped.get() == 0);
  // The gauge is the sum over threads.
  CHECK(stats.write_total_buffered.get() + writer_stats.write_total_buffered.get() == 0);
}

TEST_CASE("64 KiB are handed over without waiting for the timer", "[access_log]") {
  const TemporaryDirectory directory;
  stats::AccessLogStats writer_stats;
  stats::AccessLogStats stats;
  const Sample sample;
  constexpr int kLines = 100'000;
  {
    Writer writer({}, writer_stats);
    const Writer::Opened opened = writer.open(file_log(directory / "a.log"));
    REQUIRE(opened.sink != nullptr);
    Log log(text_format("a line of some length\n"), writer, *opened.sink, stats);
    std::size_t most = 0;
    for (int i = 0; i < kLines; ++i) {
      log.write(sample.record);
      most = std::max(most, log.buffered());
    }
    CHECK(most < 300 * 1024);
    CHECK(stats.write_buffered.get() > 0);
    CHECK(stats.flushed_by_timer.get() == 0);
  }
  CHECK(content(directory / "a.log").size() == kLines * 22);
  CHECK(stats.write_buffered.get() == kLines);
}

TEST_CASE("lines beyond the backlog are dropped and counted", "[access_log]") {
  const TemporaryDirectory directory;
  stats::AccessLogStats writer_stats;
  stats::AccessLogStats stats;
  const Sample sample;
  const std::string fifo = (directory / "fifo").string();
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(reader >= 0);
  constexpr std::uint64_t kLines = 50'000;
  {
    Writer writer({}, writer_stats, 512 * 1024);
    const Writer::Opened opened = writer.open(file_log(fifo));
    REQUIRE(opened.sink != nullptr);
    {
      Log log(text_format(std::string(99, 'x') + "\n"), writer, *opened.sink, stats);
      for (std::uint64_t i = 0; i < kLines; ++i) log.write(sample.record);
    }
    CHECK(stats.dropped.get() > 0);
    CHECK(stats.write_buffered.get() > 0);
    CHECK(stats.dropped.get() + stats.write_buffered.get() == kLines);
  }
  ::close(reader);
}

TEST_CASE("logs of several threads share a file line by line", "[access_log]") {
  const TemporaryDirectory directory;
  constexpr int kThreads = 4;
  constexpr int kLines = 5000;
  std::vector<stats::AccessLogStats> stats(kThreads + 1);
  const auto format = text_format("%REQ(:PATH)% %BYTES_SENT% end\n");
  {
    Writer writer({}, stats[kThreads]);
    const config::AccessLog config = file_log(directory / "a.log");
    const Writer::Opened opened = writer.open(config);
    REQUIRE(opened.sink != nullptr);
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        Log log(format, writer, *opened.sink, stats[static_cast<std::size_t>(t)]);
        const std::string path = "/" + std::to_string(t);
        Record record;
        record.path = path;
        for (int i = 0; i < kLines; ++i) {
          record.bytes_sent = static_cast<std::uint64_t>(i);
          log.write(record);
          if (i % 100 == 0) log.flush();
          if (i == kLines / 2) writer.reopen();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  std::vector<int> next(kThreads, 0);
  std::istringstream lines(content(directory / "a.log"));
  std::string line;
  int wrong = 0;
  while (std::getline(lines, line)) {
    const auto t = static_cast<std::size_t>(line.size() > 1 ? line[1] - '0' : kThreads);
    if (t >= kThreads || line != "/" + std::to_string(t) + " " + std::to_string(next[t]) + " end") {
      ++wrong;
    } else {
      ++next[t];  // each thread's lines are in order
    }
  }
  CHECK(wrong == 0);
  CHECK(next == std::vector<int>(kThreads, kLines));
}

}  // namespace
}  // namespace holdfast::access_log
