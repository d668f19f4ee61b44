#include "access_log/put.hpp"

#include <charconv>

namespace holdfast::access_log {

char* put_long_number(char* to, std::uint64_t number) noexcept {
  if (number >= 100 && number < 1000) return put_three_digits(to, static_cast<unsigned>(number));
  return std::to_chars(to, to + kMaxDigits, number).ptr;
}

}  // namespace holdfast::access_log
