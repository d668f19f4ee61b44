// One access log's lines: follows its Format's steps, without allocation once its buffer is large
// enough.
//
// Owner: a Log. Thread: the owner's.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "access_log/format.hpp"
#include "access_log/record.hpp"
#include "access_log/time_format.hpp"

namespace holdfast::access_log {

class Renderer {
 public:
  explicit Renderer(std::shared_ptr<const Format> format);

  /// The line, until the next call of anything here.
  [[nodiscard]] std::string_view render(const Record& record);
  [[nodiscard]] const Format& format() const noexcept { return *format_; }
  /// Give the buffer back; returns its size.
  std::size_t release() noexcept;

 private:
  [[nodiscard]] char* put_value(char* to, const Step& step, const Record& record);
  [[nodiscard]] char* put_text(char* to, Style style, std::string_view text);
  [[nodiscard]] char* put_time(char* to, const Step& step, const Record& record);
  /// Room for `size` bytes and all of the line's fixed size; returns where `to` is now.
  [[nodiscard]] char* reserve(char* to, std::size_t size) {
    return static_cast<std::ptrdiff_t>(size) <= limit_ - to ? to : grow(to, size);
  }
  [[nodiscard]] char* grow(char* to, std::size_t size);

  // Constant after construction.
  const std::shared_ptr<const Format> format_;  // shared: it outlives each of its workers' logs
  // Behind limit_ there is room for the line's fixed size (Format::fixed_size()); what goes beyond
  // that asks reserve().
  std::unique_ptr<char[]> line_;
  std::size_t capacity_ = 0;
  char* limit_ = nullptr;
  std::vector<TimeText> times_;
  std::array<char, kFlagsText> scratch_;  ///< For texts that are not in the record.
};

}  // namespace holdfast::access_log
