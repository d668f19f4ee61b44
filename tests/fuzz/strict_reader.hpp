// A second opinion: reads what we forward, in the one spelling that we write, and nothing else. It
// shares no code with lib/http.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::fuzz {

struct StrictMessage {
  std::string method, target, host;  ///< Requests.
  int status = 0;                    ///< Responses.
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  std::vector<std::pair<std::string, std::string>> trailers;
  bool until_close = false;
  [[nodiscard]] std::size_t count(std::string_view name) const;
  [[nodiscard]] std::string_view get(std::string_view name) const;  ///< The first; else empty.
};

class StrictReader {
 public:
  enum class Outcome { message, incomplete, end, broken };

  explicit StrictReader(std::string_view bytes) : rest_(bytes) {}
  /// incomplete: `message` holds what is there of the body.
  [[nodiscard]] Outcome request(StrictMessage& message);
  [[nodiscard]] Outcome response(std::string_view request_method, StrictMessage& message);

 private:
  enum class Framing { none, length, chunked, until_close };
  [[nodiscard]] bool line(std::string_view& text);
  [[nodiscard]] Outcome head(std::string_view& start_line, StrictMessage& message);
  [[nodiscard]] Outcome body(Framing framing, StrictMessage& message);
  [[nodiscard]] Outcome chunks(StrictMessage& message);
  [[nodiscard]] Outcome trailers(StrictMessage& message);

  std::string_view rest_;
};

}  // namespace holdfast::fuzz
