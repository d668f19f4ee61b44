#include "config/text_tree.hpp"

#include "catch.hpp"

namespace holdfast::config {
namespace {

std::string only_error(const Diagnostics& diagnostics) {
  const auto list = diagnostics.sorted({"f"});
  REQUIRE(list.size() == 1);
  return to_string(list[0]);
}

std::string yaml_error(std::string_view text) {
  Diagnostics diagnostics;
  CHECK_FALSE(read_yaml(text, 0, Env(), diagnostics).has_value());
  return only_error(diagnostics);
}

std::string json_error(std::string_view text) {
  Diagnostics diagnostics;
  CHECK_FALSE(read_json(text, 0, Env(), diagnostics).has_value());
  return only_error(diagnostics);
}

const Env kNoEnv = [](const std::string&) { return std::nullopt; };

Value yaml(std::string_view text) {
  Diagnostics diagnostics;
  auto value = read_yaml(text, 0, kNoEnv, diagnostics);
  REQUIRE(value.has_value());
  REQUIRE_FALSE(diagnostics.has_errors());
  return *value;
}

TEST_CASE("bytes that are not UTF-8 are refused where they stand") {
  CHECK(yaml_error("a: b\nc: \"x\xff\"\n") == "f:2:6: error: not UTF-8");
  CHECK(yaml_error("# \xc0\xaf\n") == "f:1:3: error: not UTF-8");           // overlong
  CHECK(yaml_error("a: \xed\xa0\x80\n") == "f:1:4: error: not UTF-8");      // surrogate
  CHECK(yaml_error("a: \xf4\x90\x80\x80\n") == "f:1:4: error: not UTF-8");  // above U+10FFFF
  CHECK(yaml_error("a: \xe2\x82") == "f:1:4: error: not UTF-8");            // cut short
  CHECK(json_error("{\"a\": \"\xff\"}") == "f:1:8: error: not UTF-8");
  CHECK(yaml("a: \xf0\x9f\x98\x80\n").find("a")->text == "\xf0\x9f\x98\x80");
}

TEST_CASE("UTF-16 is refused") {
  CHECK(yaml_error(std::string_view("\xff\xfe"
                                    "a\0:\0",
                                    6)) == "f:1:1: error: not UTF-8");
}

TEST_CASE("control characters are refused: yaml-cpp would take 0x04 for the end of the file") {
  CHECK(yaml_error("a: b\n\x04\nc: d\n") == "f:2:1: error: control character 4");
  CHECK(yaml_error(std::string_view("a: b\0c\n", 7)) == "f:1:5: error: control character 0");
  CHECK(yaml_error("a: \x7f\n") == "f:1:4: error: control character 127");
}

TEST_CASE("a byte order mark, CRLF and a lone CR are no obstacle") {
  CHECK(yaml("\xef\xbb\xbf"
             "a: b\n")
            .find("a")
            ->text == "b");
  const Value value = yaml("a: b\r\nc:\r\n  d: e\r\n");
  CHECK(value.find("a")->text == "b");
  CHECK(value.find("c")->find("d")->text == "e");
}

TEST_CASE("a text may be 8 MiB and no more") {
  std::string text = "a: b\n#";
  text.append(kMaxTextBytes - text.size(), 'x');
  CHECK(yaml(text).find("a")->text == "b");
  CHECK(yaml_error(text + "x") == "f: error: larger than 8 MiB");
}

TEST_CASE("nesting is bounded, in blocks and flows") {
  CHECK(yaml_error(std::string(101, '[') + std::string(101, ']')) ==
        "f:1:101: error: nested deeper than 100 levels");
  CHECK_THAT(yaml_error(std::string(20'000, '[')),
             Catch::Contains("nested deeper than 100 levels"));
  std::string block;
  for (int i = 0; i < 120; ++i) block += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  CHECK(yaml_error(block) == "f:101:101: error: nested deeper than 100 levels");
  CHECK(json_error(std::string(200'000, '[')) ==
        "f:1:102: error: JSON: nested deeper than 100 levels");
}

TEST_CASE("an alias bomb is refused") {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 9; ++k) bomb += (k != 0 ? ",*a" : "*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  CHECK_THAT(yaml_error(bomb), Catch::Contains("more than 250000 values"));
}

TEST_CASE("a great many values are refused") {
  std::string text = "a: [";
  for (int i = 0; i < 260'000; ++i) text += "1,";
  CHECK_THAT(yaml_error(text + "1]\n"), Catch::Contains("more than 250000 values"));
  text = "[";
  for (int i = 0; i < 260'000; ++i) text += "1,";
  CHECK_THAT(json_error(text + "1]"), Catch::Contains("more than 250000 values"));
}

TEST_CASE("values and keys know their place") {
  const Value value = yaml("a: 1\nbc:\n  - x\n  - { y: 'z' }\nempty:\nlast: \"q\"\n");
  CHECK(value.location.line == 1);
  CHECK(value.entries[1].location.line == 2);
  CHECK(value.entries[1].location.column == 1);
  const Value& list = value.entries[1].value;
  CHECK(list.location.line == 3);
  CHECK(list.items[0].location.column == 5);
  const Value& inner = *list.items[1].find("y");
  CHECK(inner.location.line == 4);
  CHECK(inner.location.column == 10);
  CHECK(value.find("empty")->kind == Value::Kind::null);
  CHECK(value.find("empty")->location.line == 5);  // the key's line, not the next token's
}

TEST_CASE("an alias keeps the place of its anchor") {
  const Value value = yaml("a: &x {b: 1}\nc: *x\n");
  CHECK(value.find("c")->find("b")->location.line == 1);
  CHECK(to_json(value) == R"({"a":{"b":1},"c":{"b":1}})");
}

TEST_CASE("JSON values know their place") {
  Diagnostics diagnostics;
  const auto value = read_json("{\n  \"\xc3\xa9\": 1, \"b\": [true, null]}", 0, Env(), diagnostics);
  REQUIRE(value.has_value());
  CHECK(value->entries[1].location.line == 2);
  CHECK(value->entries[1].location.column == 11);
  CHECK(value->find("b")->items[1].kind == Value::Kind::null);
}

TEST_CASE("JSON strings and numbers, one by one") {
  Diagnostics diagnostics;
  const auto value =
      read_json(R"(["\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00", -1.5e+3, 0, 12])", 0, Env(),
                diagnostics);
  REQUIRE(value.has_value());
  CHECK(value->items[0].text == "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(value->items[1].text == "-1.5e+3");
  CHECK(value->items[3].text == "12");
  for (const char* bad :
       {"-",   "1.",    "1e",        "01",          "+1",           ".5",     "tru",
        "\"",  "\"\\",  "\"\\u12\"", "\"\\ude00\"", "\"\\ud83dx\"", "\"\t\"", "[1",
        "[1,", "[1 2]", "{\"a\" 1}", "{\"a\":1",    "{1:2}",        "",       "nul"}) {
    INFO(bad);
    CHECK_THAT(json_error(bad), Catch::StartsWith("f:1:") || Catch::Contains("control character"));
  }
}

}  // namespace
}  // namespace holdfast::config
