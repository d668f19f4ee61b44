// How the head tests feed bytes: whole, one byte at a time, and split in two at each point; all
// must agree.
#pragma once

#include <string>
#include <string_view>

#include "catch.hpp"
#include "http/head_parser.hpp"

namespace holdfast::http::test {

inline const char* error_name(HeadError error) {
  switch (error) {
    case HeadError::none:
      return "none";
    case HeadError::bad_request:
      return "bad_request";
    case HeadError::missing_host:
      return "missing_host";
    case HeadError::bad_path:
      return "bad_path";
    case HeadError::upgrade_required:
      return "upgrade_required";
    case HeadError::not_implemented:
      return "not_implemented";
    case HeadError::too_large:
      return "too_large";
    case HeadError::too_many_fields:
      return "too_many_fields";
  }
  return "?";
}

inline std::string framing_name(const HeadResult& result) {
  switch (result.framing) {
    case Framing::none:
      return "none";
    case Framing::content_length:
      return "length " + std::to_string(result.content_length);
    case Framing::chunked:
      return "chunked";
    case Framing::until_close:
      return "until_close";
  }
  return "?";
}

inline std::string fields_of(const Head& head) {
  std::string text;
  for (const Field& f : head.fields()) {
    text += "[" + std::string(head.name(f)) + "=" + std::string(head.value(f)) + "]";
  }
  return text;
}

/// One line that says all of a result: what a table's row expects.
inline std::string describe(const HeadResult& result, const Head& head) {
  if (result.state == HeadResult::State::need_more) return "need_more";
  if (result.state == HeadResult::State::error) return error_name(result.error);
  std::string text;
  if (head.status == 0) {
    text = std::string(head.method()) + " " + std::string(head.target()) + " ";
  } else {
    text = std::to_string(head.status) + " ";
  }
  text += framing_name(result);
  text += result.keep_alive ? " keep " : " close ";
  return text + fields_of(head);
}

/// `parse(bytes, searched, head)` must give `expected` however the bytes arrive.
template <class Parse>
void check_all_feeds(std::string_view bytes, const std::string& expected, const Parse& parse) {
  Head head;
  const HeadResult whole = parse(bytes, std::size_t{0}, head);
  CHECK(describe(whole, head) == expected);
  if (whole.state == HeadResult::State::complete) CHECK(whole.consumed == bytes.size());

  std::size_t n = 0;  // one byte at a time
  HeadResult result;
  do {
    result = parse(bytes.substr(0, n + 1), n, head);
    ++n;
  } while (result.state == HeadResult::State::need_more && n < bytes.size());
  CHECK(describe(result, head) == expected);
  if (result.state == HeadResult::State::complete) CHECK(n == bytes.size());

  for (std::size_t split = 0; split < bytes.size(); ++split) {
    const HeadResult first = parse(bytes.substr(0, split), std::size_t{0}, head);
    if (first.state == HeadResult::State::error) {  // what can't become good may be refused early
      CHECK(describe(first, head) == expected);
      continue;
    }
    CAPTURE(split);
    CHECK(describe(first, head) == "need_more");
    const HeadResult second = parse(bytes, split, head);
    CHECK(describe(second, head) == expected);
  }

  if (whole.state != HeadResult::State::complete) return;
  const std::string more =
      std::string(bytes) + "\nGET \0 next";  // belongs to the body or the next message
  CHECK(describe(parse(more, std::size_t{0}, head), head) == expected);
}

}  // namespace holdfast::http::test
