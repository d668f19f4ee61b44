// The trailer section of a chunked message (RFC 9112 7.1.2), where the configuration lets it pass.
//
// Owner: the exchange or call whose message it ends. A value; names are in lower case. What it
// holds came through BodyDecoder, or from a plugin through the same rules (RFC 9110 6.5.1).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::http {

class Trailers {
 public:
  /// More fields break the message: Envoy's max_headers_count counts for trailers, too.
  static constexpr std::size_t kMaxFields = 100;
  using Fields = std::vector<std::pair<std::string, std::string>>;

  void clear() noexcept {
    fields_.clear();
    present_ = false;
  }
  /// There is a trailer section, perhaps without fields.
  void make() noexcept { present_ = true; }
  [[nodiscard]] bool present() const noexcept { return present_; }
  [[nodiscard]] const Fields& fields() const noexcept { return fields_; }
  [[nodiscard]] Fields& fields() noexcept { return fields_; }

  /// The first value of a name in lower case; null: there is none.
  [[nodiscard]] const std::string* find(std::string_view name) const noexcept;

  // For who reads one from the wire, byte by byte.
  /// A field begins. False: it is one too many.
  [[nodiscard]] bool begin_field();
  void add_to_name(char c) { fields_.back().first.push_back(c); }
  void add_to_value(char c) { fields_.back().second.push_back(c); }
  /// Takes the white space off its value (RFC 9112 5.1).
  void end_field() noexcept;

  /// The last chunk and this section, as they are sent.
  [[nodiscard]] std::string last_chunk() const;

 private:
  bool present_ = false;
  Fields fields_;
};

}  // namespace holdfast::http
