#include "http/referer.hpp"

#include <string>

#include "catch.hpp"

namespace holdfast::http {
namespace {

TEST_CASE("a referer that is passed on", "[http]") {
  for (const char* value : {"",
                            "/",
                            "/a",
                            "a",
                            "../a",
                            "?a",
                            "*",
                            "@",
                            "%",
                            "a@b",
                            "a,b",
                            "//h:80/",
                            "///",
                            "/a:b",
                            "a/b:c",
                            "/:",
                            "/http://h",
                            "http//x",
                            "http://h",
                            "HTTP://H/",
                            "https://h/a?b=c",
                            "http://h:0/",
                            "http://h:080",
                            "http://h:65535/",
                            "http://[::1]:80/",
                            "http://[1.2.3.4]/",
                            "http://[fe80::1%25]/",
                            "http://999.1.1.1/",
                            "http://-h../",
                            "http://h?x@y",
                            "http://h/a@b:c",
                            "http://h/<x>\"\\[]^`{|}%zz",
                            "http://h/#",
                            "http://h/##",
                            "http://h?#",
                            "http://@h:80/",
                            "ftp://h/",
                            "android-app://com.g/",
                            "x+y-z.1://h",
                            "http://h/http://h"}) {
    INFO(value);
    CHECK(is_valid_referer(value));
  }
}

TEST_CASE("a referer that is dropped", "[http]") {
  for (const char* value : {"http://h/a#f",
                            "http://h#f",
                            "http://h#",
                            "http://h/#?",
                            "#",
                            "/a#b",
                            "http://u:p@h/",
                            "http://u@h/",
                            "http://:@h/",
                            "http://@@h/",
                            "http://@/",
                            "http://h:/",
                            "http://h:65536/",
                            "http://h:4294967376/",
                            "http://h:bad/x",
                            "http://h:-1/",
                            "http://h:80:80/",
                            "http://[::1]x/",
                            "http://[::1]:",
                            "http://[::1",
                            "http://[]/",
                            "http://[zz]/",
                            "http://[fe80::1%lo]/",
                            "http://[1.2.3.4%1]/",
                            "http://::1/",
                            "http://",
                            "http:///x",
                            "http:/x",
                            "http:x",
                            "http://?x",
                            "http://h_x/",
                            "http://h%41/",
                            "http://h~/",
                            "http://a b/",
                            "http://h/a b",
                            "http://h/a\tb",
                            "http://h/\xc3\xa9",
                            "/\xc3\xa9",
                            "/a b",
                            "1x://h",
                            "X_y://h",
                            "://h",
                            "://",
                            ":",
                            "a:b",
                            "?a:b",
                            "h:80/x",
                            "about:blank",
                            "mailto:a@b",
                            "file:///x",
                            "<script>",
                            "/<x>",
                            "a\"b",
                            "/\\",
                            "[",
                            "/[a]",
                            "a^b",
                            "a`b",
                            "a{b}",
                            "a|b"}) {
    INFO(value);
    CHECK_FALSE(is_valid_referer(value));
  }
  CHECK_FALSE(is_valid_referer("http://[" + std::string(1000, '1') + "]/"));
}

}  // namespace
}  // namespace holdfast::http
