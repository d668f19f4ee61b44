#include "http/field_syntax.hpp"

#include "catch.hpp"

using namespace holdfast::http;

TEST_CASE("names are tokens, values have no control characters", "[http]") {
  CHECK(is_token("x-A_1!#$%&'*+.^`|~"));
  for (const char* bad : {"", "a b", "a:", "a\r", "\x80", "a\t", "(a)", "a,b", "a/b"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_token(bad));
  }
  CHECK(is_field_value(""));
  CHECK(is_field_value(" a\tb \x80\xff~"));
  for (const char* bad : {"a\r", "\n", "\x01", "\x7f"}) CHECK_FALSE(is_field_value(bad));
  CHECK_FALSE(is_field_value(std::string_view("a\0b", 3)));
}
