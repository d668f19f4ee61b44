#include "access_log/log.hpp"

#include <utility>

namespace holdfast::access_log {

namespace {
constexpr std::size_t kFlushAt = 64U * 1024;  // as Envoy
// With this much the log waits its turn rather than to grow: the writer holds its lock for a few
// moves only.
constexpr std::size_t kWaitAt = 256U * 1024;
}  // namespace

Log::Log(std::shared_ptr<const Format> format, Writer& writer, Sink& sink,
         stats::AccessLogStats& stats)
    : writer_(writer), sink_(sink), stats_(stats), renderer_(std::move(format)) {}

Log::~Log() {
  hand_over(true);
}

void Log::write(const Record& record) {
  buffer_ += renderer_.render(record);
  ++lines_;
  if (buffer_.size() >= kFlushAt) hand_over(buffer_.size() >= kWaitAt);
}

std::size_t Log::flush() {
  if (!buffer_.empty()) {
    stats_.flushed_by_timer.add();
    hand_over(false);
    quiet_ = false;
    return 0;
  }
  // Nothing to flush twice in a row: a log that fills its buffer in between is a busy one.
  if (!std::exchange(quiet_, true) || buffer_.capacity() <= std::string().capacity()) return 0;
  const std::size_t capacity = buffer_.capacity();
  std::string().swap(buffer_);
  return capacity + renderer_.release();
}

void Log::hand_over(bool wait) {
  if (buffer_.empty()) return;
  const std::size_t bytes = buffer_.size();
  stats_.write_total_buffered.add(bytes);  // before the writer can subtract it
  switch (writer_.take(sink_, buffer_, wait)) {
    case Writer::Taken::busy:
      stats_.write_total_buffered.sub(bytes);
      return;
    case Writer::Taken::yes:
      stats_.write_buffered.add(lines_);
      break;
    case Writer::Taken::full:
      stats_.write_total_buffered.sub(bytes);
      stats_.dropped.add(lines_);
      buffer_.clear();
      break;
  }
  lines_ = 0;
}

}  // namespace holdfast::access_log
