#include "access_log/writer.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "temporary_directory.hpp"

namespace holdfast::access_log {
namespace {

using test::content;
using test::file_log;
using test::TemporaryDirectory;
using Taken = Writer::Taken;

/// Collects the reports; wait() blocks for the first (the test's time limit is the bound).
class Reports {
 public:
  Writer::Report sink() {
    return [this](std::string_view message) {
      const std::lock_guard lock(mutex_);
      messages_.emplace_back(message);
      if (messages_.size() == 1) first_.set_value();
    };
  }
  void wait() { first_.get_future().wait(); }
  std::vector<std::string> messages() {
    const std::lock_guard lock(mutex_);
    return messages_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> messages_;
  std::promise<void> first_;
};

Sink& open_sink(Writer& writer, const config::AccessLog& log) {
  const Writer::Opened opened = writer.open(log);
  INFO(opened.error);
  REQUIRE(opened.sink != nullptr);
  return *opened.sink;
}

void give(Writer& writer, Sink& sink, std::string text) {
  REQUIRE(writer.take(sink, text, true) == Taken::yes);
  CHECK(text.empty());
}

TEST_CASE("all that was handed over is written before the writer is gone", "[access_log]") {
  const TemporaryDirectory directory;
  stats::AccessLogStats stats;
  Reports reports;
  {
    Writer writer(reports.sink(), stats);
    Sink& sink = open_sink(writer, file_log(directory / "a.log"));
    for (int i = 0; i < 1000; ++i) give(writer, sink, std::to_string(i) + "\n");
  }
  std::string expected;
  for (int i = 0; i < 1000; ++i) expected += std::to_string(i) + "\n";
  CHECK(content(directory / "a.log") == expected);
  CHECK(stats.write_completed.get() == 1000);
  CHECK(stats.write_failed.get() == 0);
  CHECK(reports.messages().empty());
}

TEST_CASE("a file is appended to, and shared by logs of the same path", "[access_log]") {
  const TemporaryDirectory directory;
  stats::AccessLogStats stats;
  std::ofstream(directory / "a.log") << "old\n";
  {
    Writer writer({}, stats);
    Sink& one = open_sink(writer, file_log(directory / "a.log"));
    Sink& two = open_sink(writer, file_log(directory / "a.log"));
    Sink& other = open_sink(writer, file_log(directory / "b.log"));
    CHECK(&one == &two);
    CHECK(&one != &other);
    give(writer, one, "1\n");
    give(writer, other, "b\n");
    give(writer, two, "2\n");
  }
  CHECK(content(directory / "a.log") == "old\n1\n2\n");
  CHECK(content(directory / "b.log") == "b\n");
  struct stat status {};
  REQUIRE(::stat((directory / "b.log").c_str(), &status) == 0);
  CHECK((status.st_mode & 0133U) == 0);
}

TEST_CASE("a file that can't be opened is an error with its name", "[access_log]") {
  const TemporaryDirectory directory;
  stats::AccessLogStats stats;
  Writer writer({}, stats);
  const std::string missing = (directory / "no/such/a.log").string();
  Writer::Opened opened = writer.open(file_log(missing));
  CHECK(opened.sink == nullptr);
  CHECK(opened.error == "unable to open file '" + missing + "': No such file or directory");

  const std::string fifo = (directory / "fifo").string();
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  opened = writer.open(file_log(fifo));  // without a reader: no hang
  CHECK(opened.sink == nullptr);
  CHECK(opened.error.find(fifo) != std::string::npos);
}

TEST_CASE("standard output is a sink by name and by path", "[access_log]") {
  const TemporaryDirectory directory;
  stats::AccessLogStats stats;
  std::fflush(stdout);
  const int saved = ::dup(STDOUT_FILENO);
  const int file = ::open((directory / "out").c_str(), O_WRONLY | O_CREAT, 0600);
  REQUIRE(saved >= 0);
  REQUIRE(file >= 0);
  const bool redirected = ::dup2(file, STDOUT_FILENO) == STDOUT_FILENO;
  bool same = false;
  if (redirected) {
    Writer writer({}, stats);
    config::AccessLog log;
    log.sink = config::AccessLog::Sink::standard_output;
    const Writer::Opened by_kind = writer.open(log);
    const Writer::Opened by_path = writer.open(file_log("/dev/stdout"));
    same = by_kind.sink != nullptr && by_kind.sink == by_path.sink;
    std::string text = "to stdout\n";
    if (same) same = writer.take(*by_kind.sink, text, true) == Taken::yes;
  }
  ::dup2(saved, STDOUT_FILENO);  // before any CHECK may print
  ::close(saved);
  ::close(file);
  CHECK(redirected);
  CHECK(same);
  CHECK(content(directory / "out") == "to stdout\n");
}

TEST_CASE("reopen goes to a new file, behind what was taken before", "[access_log]") {
  const TemporaryDirectory directory;
  stats::AccessLogStats stats;
  Reports reports;
  {
    Writer writer(reports.sink(), stats);
    Sink& sink = open_sink(writer, file_log(directory / "a.log"));
    give(writer, sink, "1\n");
    std::filesystem::rename(directory / "a.log", directory / "a.log.1");
    give(writer, sink, "2\n");
    writer.reopen();
    give(writer, sink, "3\n");
  }
  CHECK(content(directory / "a.log.1") == "1\n2\n");
  CHECK(content(directory / "a.log") == "3\n");
  CHECK(stats.reopen_failed.get() == 0);
  CHECK(reports.messages().empty());
}

TEST_CASE("a file that can't be reopened is kept", "[access_log]") {
  const TemporaryDirectory directory;
  stats::AccessLogStats stats;
  Reports reports;
  REQUIRE(std::filesystem::create_directory(directory / "logs"));
  {
    Writer writer(reports.sink(), stats);
    Sink& sink = open_sink(writer, file_log(directory / "logs/a.log"));
    std::filesystem::rename(directory / "logs", directory / "moved");
    writer.reopen();
    give(writer, sink, "1\n");
  }
  CHECK(content(directory / "moved/a.log") == "1\n");
  CHECK(stats.reopen_failed.get() == 1);
  REQUIRE(reports.messages().size() == 1);
  CHECK(reports.messages().front() == "unable to reopen access log '" +
                                          (directory / "logs/a.log").string() +
                                          "': No such file or directory");
}

TEST_CASE("a full disk costs the text and one message", "[access_log]") {
  stats::AccessLogStats stats;
  Reports reports;
  {
    Writer writer(reports.sink(), stats);
    Sink& sink = open_sink(writer, file_log("/dev/full"));
    for (int i = 0; i < 5; ++i) give(writer, sink, "line\n");
  }
  CHECK(stats.write_failed.get() == 5);
  CHECK(stats.write_completed.get() == 0);
  REQUIRE(reports.messages().size() == 1);
  CHECK(reports.messages().front() ==
        "unable to write to access log '/dev/full': No space left on device");
}

TEST_CASE("a closed pipe costs the text and one message, not the process", "[access_log]") {
  const TemporaryDirectory directory;
  stats::AccessLogStats stats;
  Reports reports;
  const std::string fifo = (directory / "fifo").string();
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(reader >= 0);
  {
    Writer writer(reports.sink(), stats);
    Sink& sink = open_sink(writer, file_log(fifo));
    ::close(reader);
    give(writer, sink, "1\n");
    give(writer, sink, "2\n");
  }
  CHECK(stats.write_failed.get() == 2);
  REQUIRE(reports.messages().size() == 1);
  CHECK(reports.messages().front().find("Broken pipe") != std::string::npos);
}

TEST_CASE("after a cut line the next one starts on a line of its own", "[access_log]") {
  const TemporaryDirectory directory;
  stats::AccessLogStats stats;
  Reports reports;
  rlimit old{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
  {
    Writer writer(reports.sink(), stats);
    Sink& sink = open_sink(writer, file_log(directory / "a.log"));
    rlimit small = old;
    small.rlim_cur = 10;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    std::string text = "0123456789abcdef\n";
    const Taken taken = writer.take(sink, text, true);
    if (taken == Taken::yes) reports.wait();
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &old) == 0);
    REQUIRE(taken == Taken::yes);
    give(writer, sink, "next\n");
  }
  CHECK(content(directory / "a.log") == "0123456789\nnext\n");
  CHECK(stats.write_failed.get() == 1);
  CHECK(stats.write_completed.get() == 1);
}

TEST_CASE("a reader that doesn't read fills the backlog, and no more", "[access_log]") {
  const TemporaryDirectory directory;
  stats::AccessLogStats stats;
  constexpr std::size_t kBacklog = 256 * 1024;
  const std::string fifo = (directory / "fifo").string();
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(reader >= 0);
  std::size_t taken = 0;
  std::string received;
  {
    Writer writer({}, stats, kBacklog);
    Sink& sink = open_sink(writer, file_log(fifo));
    const std::string piece(1000, 'x');
    Taken last = Taken::yes;
    while (taken < 10'000'000) {
      std::string buffer = piece;
      last = writer.take(sink, buffer, true);
      if (last == Taken::full) {
        CHECK(buffer == piece);  // nothing was taken
        break;
      }
      taken += piece.size();
    }
    CHECK(last == Taken::full);
    CHECK(taken < 1'000'000);  // backlog and the kernel's pipe buffer
    ::fcntl(reader, F_SETFL, 0);
    std::vector<char> buffer(64 * 1024);
    while (received.size() < taken) {
      const ssize_t n = ::read(reader, buffer.data(), buffer.size());
      REQUIRE(n > 0);
      received.append(buffer.data(), static_cast<std::size_t>(n));
    }
  }
  ::close(reader);
  CHECK(received.size() == taken);
  CHECK(stats.write_failed.get() == 0);
}

TEST_CASE("a reader that never reads holds up the end for a moment only", "[access_log]") {
  const TemporaryDirectory directory;
  stats::AccessLogStats stats;
  Reports reports;
  const std::string fifo = (directory / "fifo").string();
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(reader >= 0);
  const auto start = std::chrono::steady_clock::now();
  {
    Writer writer(reports.sink(), stats);
    Sink& sink = open_sink(writer, file_log(fifo));
    for (int i = 0; i < 50; ++i) give(writer, sink, std::string(100'000, 'x'));
  }
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
  CHECK(stats.write_failed.get() >= 49);
  ::close(reader);
}

}  // namespace
}  // namespace holdfast::access_log
