// What a plugin writes to WASI's standard output and error, joined to lines: a panic of Go's
// arrives as dozens of writes.
//
// Owner: a Guest. Thread: the worker's. A line without an end is logged when it has kLongest bytes,
// and when the callback returns.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/log.hpp"

namespace holdfast::wasm {

class OutputLines {
 public:
  static constexpr std::size_t kLongest = 16UL * 1024;

  /// Calls `sink.log(level, line)`.
  template <class Sink>
  void write(base::LogLevel level, std::string_view text, Sink& sink) {
    std::string& rest = lines_[level == base::LogLevel::error ? 1 : 0];
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      const std::size_t room = kLongest - rest.size();
      rest.append(text, 0, end < room ? end : room);
      if (end > room && text.size() <= room) {  // No end in it, and it fits.
        pending_ = true;
        return;
      }
      sink.log(level, rest);
      rest.clear();
      text.remove_prefix(end <= room ? end + 1 : room);
    }
  }

  /// What has no end yet.
  template <class Sink>
  void flush(Sink& sink) {
    if (!pending_) return;
    pending_ = false;
    for (std::string& rest : lines_) {
      if (!rest.empty())
        sink.log(&rest == &lines_[1] ? base::LogLevel::error : base::LogLevel::info, rest);
      rest.clear();
    }
  }

 private:
  std::array<std::string, 2> lines_;  ///< Output, error.
  bool pending_ = false;
};

}  // namespace holdfast::wasm
