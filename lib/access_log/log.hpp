// One access log of one worker: renders lines into a buffer and hands it to the Writer.
//
// Owner: the worker's HttpContext (or the admin server). Thread: the owner's. Never waits for a
// disk: see Writer.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "access_log/renderer.hpp"
#include "access_log/writer.hpp"
#include "stats/scopes.hpp"

namespace holdfast::access_log {

class Log {
 public:
  /// `stats` is the owner thread's own.
  Log(std::shared_ptr<const Format> format, Writer& writer, Sink& sink,
      stats::AccessLogStats& stats);
  ~Log();  ///< Hands over what is left.
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void write(const Record& record);
  [[nodiscard]] const Format& format() const noexcept { return renderer_.format(); }
  /// To be called each second or so. A log without lines since the last call gives its buffer back;
  /// returns how many bytes that was.
  std::size_t flush();
  [[nodiscard]] std::size_t buffered() const noexcept { return buffer_.size(); }

 private:
  void hand_over(bool wait);

  // Constant after construction.
  Writer& writer_;
  Sink& sink_;
  // Touched only on the owner's thread.
  stats::AccessLogStats& stats_;
  Renderer renderer_;
  std::string buffer_;
  std::size_t lines_ = 0;
  bool quiet_ = false;  ///< The last flush() found nothing.
};

}  // namespace holdfast::access_log
