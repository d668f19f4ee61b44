// bench_load: the load generator of tests/bench/run, and its upstream that answers late. Linux,
// loopback only.
//
//   bench_load closed|open|storm|hold --port N --request FILE --connections N [--seconds S]
//   [--warmup S] [--rate R]
//              [--churn] [--prime] [--storms N] [--pid P]...
//   bench_load upstream --delayed PORTS --delay-ms D
//
// closed: each connection sends its next request when it has the answer. open: requests leave at
// their times, whatever the answers do; latency counts from the time at which a request was due.
// storm: all connections at once. hold: connections that idle, or wait for their answers, while
// somebody else looks. Results are JSON, one object a line.
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "client.hpp"
#include "upstream.hpp"

namespace {

volatile std::sig_atomic_t stopped = 0;

class Arguments {
 public:
  Arguments(int count, char** values) : values_(values + 2, values + count) {}

  /// The next option's name, or empty at the end.
  std::string name() { return at_ < values_.size() ? values_[at_++] : std::string(); }
  std::string value() {
    if (at_ >= values_.size()) {
      throw std::invalid_argument("a value is missing");
    }
    return values_[at_++];
  }
  double number() { return std::stod(value()); }
  int whole() { return std::stoi(value()); }

 private:
  std::vector<std::string> values_;
  std::size_t at_ = 0;
};

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    bench::die(path);
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

void load(const std::string& mode, Arguments& arguments) {
  bench::Options options;
  for (std::string name = arguments.name(); !name.empty(); name = arguments.name()) {
    if (name == "--port") {
      options.port = arguments.whole();
    } else if (name == "--request") {
      options.request = content(arguments.value());
    } else if (name == "--connections") {
      options.connections = static_cast<std::size_t>(arguments.whole());
    } else if (name == "--seconds") {
      options.seconds = arguments.number();
    } else if (name == "--warmup") {
      options.warmup = arguments.number();
    } else if (name == "--rate") {
      options.rate = arguments.number();
    } else if (name == "--storms") {
      options.storms = arguments.whole();
    } else if (name == "--pid") {
      options.pids.push_back(arguments.whole());
    } else if (name == "--churn") {
      options.churn = true;
    } else if (name == "--prime") {
      options.prime = true;
    } else {
      throw std::invalid_argument("unknown option " + name);
    }
  }
  if (mode == "open" && options.rate <= 0) {
    throw std::invalid_argument("open needs --rate");
  }
  bench::Client client(options);
  if (mode == "storm") {
    client.storm();
  } else if (mode == "hold") {
    client.hold();
  } else {
    client.closed_or_open_loop();
  }
}

void upstream(Arguments& arguments) {
  int delayed = 1;
  double milliseconds = 0;
  for (std::string name = arguments.name(); !name.empty(); name = arguments.name()) {
    if (name == "--delayed") {
      delayed = arguments.whole();
    } else if (name == "--delay-ms") {
      milliseconds = arguments.number();
    } else {
      throw std::invalid_argument("unknown option " + name);
    }
  }
  bench::Upstream(delayed, static_cast<std::int64_t>(milliseconds * 1e6)).run(&stopped);
}

}  // namespace

int main(int count, char** values) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  prctl(PR_SET_TIMERSLACK, 1000);  // Nanoseconds: an open loop keeps its times.
  struct sigaction action {};
  action.sa_handler = [](int) { stopped = 1; };
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  const std::string mode = count > 1 ? values[1] : "";
  try {
    Arguments arguments(count, values);
    if (mode == "upstream") {
      sigaction(SIGTERM, &action, nullptr);
      upstream(arguments);
    } else if (mode == "closed" || mode == "open" || mode == "storm" || mode == "hold") {
      load(mode, arguments);
    } else {
      throw std::invalid_argument("no such mode: " + mode);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_load: %s\n", error.what());
    return 2;
  }
  return 0;
}
